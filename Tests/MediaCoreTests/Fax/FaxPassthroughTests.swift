import MediaCore
import Testing

@Suite("G.711 fax is recognised")
struct FaxPassthroughTests {
    /// A tone by the recurrence of a rotating pointer, so that no library of functions is needed.
    private func tone(cosine: Double, sine: Double, amplitude: Double, milliseconds: Int) -> [Int16] {
        var (x, y) = (1.0, 0.0)
        return (0..<milliseconds * 8).map { _ in
            (x, y) = (x * cosine - y * sine, x * sine + y * cosine)
            return Int16(y * amplitude)
        }
    }

    private func found(_ samples: [Int16], inPiecesOf size: Int = 160) -> Bool {
        var detector = FaxPassthrough()
        for start in stride(from: 0, to: samples.count, by: size) {
            let piece = Array(samples[start..<min(start + size, samples.count)])
            detector.note(samples: piece.span)
        }
        return detector.isActive
    }

    @Test("2,100 Hz for 400 ms and 1,100 Hz for 500 ms are fax, at any packet size", arguments: [80, 160, 240, 4_000])
    func tones(size: Int) {
        // cos and sin of 2π·2100/8000 and 2π·1100/8000.
        let answer = tone(cosine: -0.078_459_096, sine: 0.996_917_334, amplitude: 3_000, milliseconds: 400)
        let calling = tone(cosine: 0.649_448_048, sine: 0.760_405_966, amplitude: 3_000, milliseconds: 500)
        #expect(found(answer, inPiecesOf: size) && found(calling, inPiecesOf: size))
        // Shorter ones, softer than −43 dBm0, or other tones are not.
        #expect(!found(Array(answer.prefix(200 * 8))) && !found(Array(calling.prefix(300 * 8))))
        #expect(!found(answer.map { $0 / 100 }))
        let other = tone(cosine: 0.707_106_781, sine: 0.707_106_781, amplitude: 9_000, milliseconds: 2_000)
        #expect(!found(other))
    }

    @Test("Through both laws of G.711 the tones are still found")
    func compressed() {
        let answer = tone(cosine: -0.078_459_096, sine: 0.996_917_334, amplitude: 2_000, milliseconds: 400)
        #expect(found(answer.map { G711.expandMuLaw(G711.compressMuLaw($0)) }))
        #expect(found(answer.map { G711.expandALaw(G711.compressALaw($0)) }))
    }

    @Test("Noise, silence and full scale are speech as far as anyone can tell")
    func noise() {
        var random = SeededOctets(seed: 51)
        #expect(!found((0..<80_000).map { _ in Int16(truncatingIfNeeded: random.next()) }))
        #expect(!found(Array(repeating: 0, count: 16_000)))
        #expect(!found(Array(repeating: .min, count: 16_000)))
    }

    @Test("Events of RFC 4734 and the session description tell too, and the first sign stays")
    func signs() {
        for code in 0...255 as ClosedRange<UInt8> {
            var detector = FaxPassthrough()
            detector.note(event: code)
            #expect(detector.isActive == (32...40).contains(code))
        }
        var detector = FaxPassthrough()
        detector.noteSignalled()
        detector.note(event: 36)
        #expect(detector.sign == .signalled && detector.isActive)
    }

    @Test(
        "Recorded speech is not taken for fax",
        arguments: ["vm-review", "confbridge-pin", "queue-youarenext", "agent-incorrect", "ss-noservice", "vm-intro"])
    func speech(name: String) {
        guard let wave = SharedTestData.words("speech/asterisk-en/\(name).wav") else { return }
        // A WAV header has 44 octets.
        #expect(wave.count > 8_000 && !found(Array(wave.dropFirst(22))))
    }
}
