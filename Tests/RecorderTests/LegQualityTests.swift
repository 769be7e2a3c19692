import MediaCore
import StreamSink
import Testing

@testable import MediaEngine
@testable import Recorder

@Suite("A leg's figures")
struct LegQualityTests {
    private func quality(
        rate: Int = 8000, keepsPayloads: Bool = false, foreignPayloads: UInt64 = 0,
        _ change: (inout ReceptionStatistics) -> Void = { _ in }, report: (inout LegReport) -> Void = { _ in }
    ) -> LegQuality {
        var statistics = ReceptionStatistics()
        change(&statistics)
        var result = LegReport(id: 1, samples: 0, statistics: statistics, lastArrival: nil)
        report(&result)
        return LegQuality(
            result, port: 10_000, sampleRate: rate, keepsPayloads: keepsPayloads, foreignPayloads: foreignPayloads)
    }

    @Test("Lengths are of the line's rate", arguments: [8000, 16_000])
    func lengths(_ rate: Int) {
        let second = UInt64(rate)
        let quality = quality(rate: rate) {
            $0.packets = 100
            $0.lostSamples = second
            $0.concealedSamples = second / 2
            $0.recoveredSamples = second / 4
            $0.silenceSamples = second * 3
            $0.longestGapSamples = second * 2
        }
        #expect(quality.concealedMilliseconds == 750)
        // What was meant as silence, and the part of what was lost that is silent.
        #expect(quality.filledMilliseconds == 3250)
        #expect(quality.largestGapMilliseconds == 2000)
        #expect(quality.emptyReason == nil)
    }

    @Test("Figures of the report that nobody else has")
    func extras() {
        let quality = quality {
            $0.packets = 5
            $0.kernelDrops = 3
            $0.late = 2
            $0.foreign = 4
        } report: {
            $0.roundTripMicroseconds = 19_434
            $0.meanOpinionScore = 4.3
            $0.unauthenticated = 7
        }
        #expect(quality.roundTripMicroseconds == 19_434)
        #expect(quality.mos == 4.3)
        #expect(quality.unauthenticated == 7)
        #expect(quality.kernelDrops == 3)
        #expect(quality.discardedByReason == ["late": 2, "foreign": 4, "unauthenticated": 7])
    }

    @Test("What the peer says of what it gets, and of its key")
    func peer() {
        let silent = quality()
        #expect(silent.peerLossFraction == nil && silent.peerJitterMicroseconds == nil && silent.peerMos == nil)
        #expect(!silent.isPastKeyLifetime)
        let told = quality(report: {
            $0.isPastKeyLifetime = true
            $0.remote.reports = 2
            $0.remote.fractionLost = 0.25
            $0.remote.jitter = 80
        })
        #expect(told.peerLossFraction == 0.25 && told.peerJitterMicroseconds == 10_000)
        #expect(told.isPastKeyLifetime)
    }

    @Test("Why a leg is empty", arguments: 0..<6)
    func emptyReasons(_ index: Int) {
        let cases: [(LegQuality, String?)] = [
            (quality(), "no packet came to port 10000"),
            (quality { $0.malformed = 1 }, "was not RTP"),
            (quality { $0.foreign = 12 }, "12 packets came to port 10000 from addresses"),
            (
                quality {
                    $0.foreign = 12
                } report: {
                    $0.unauthenticated = 250
                },
                "250 packets failed SRTP authentication"
            ),
            (quality { ($0.packets, $0.undecodable) = (9, 9) }, "can be decoded"),
            (quality(keepsPayloads: true) { ($0.packets, $0.undecodable) = (9, 9) }, nil),
        ]
        let (quality, words) = cases[index]
        if let words {
            #expect(quality.emptyReason?.contains(words) == true, "\(quality.emptyReason ?? "nil")")
        } else {
            #expect(quality.emptyReason == nil)
            #expect(quality.discardedByReason.isEmpty)
        }
    }

    @Test("A leg that was heard and is not any more says why", arguments: [0, 90] as [UInt64])
    func deafness(usedNumbers: UInt64) {
        let quality = quality {
            $0.packets = 40
        } report: {
            $0.unauthenticated = 130
            $0.unheard = 100
            $0.unheardAgain = usedNumbers
        }
        #expect(quality.emptyReason?.contains("the last 100 packets on port 10000 failed SRTP") == true)
        #expect(quality.emptyReason?.contains("must offer a new key") == (usedNumbers > 0))
        #expect(quality.discardedByReason["usedNumber"] == (usedNumbers > 0 ? 90 : nil))
        let few = self.quality {
            $0.packets = 40
        } report: {
            ($0.unauthenticated, $0.unheard) = (49, 49)
        }
        #expect(few.emptyReason == nil)
    }

    @Test("Payloads of another codec than the track's are counted")
    func otherCodec() {
        let quality = quality(keepsPayloads: true, foreignPayloads: 3) { $0.packets = 9 }
        #expect(quality.discardedByReason == ["otherCodec": 3])
    }
}
