import MediaCore
import Testing

@Suite("The T.38 relay forwards untouched and counts")
struct FaxRelayTests {
    private func run(_ datagrams: [[UInt8]], maximum: Int? = nil) -> FaxCounters {
        var relay = FaxRelay(maximumDatagram: maximum)
        for bytes in datagrams {
            let before = bytes
            _ = relay.receive(bytes.span.bytes)
            #expect(bytes == before)
        }
        return relay.counters
    }

    /// Packets `numbers`, each with the `depth` before it as redundancy.
    private func stream(_ numbers: [UInt16], depth: Int) -> [[UInt8]] {
        numbers.map { UDPTL.redundant($0, [6, 1], Array(repeating: [6, 1], count: depth)) }
    }

    @Test("The first packet may have any number; a stream without loss counts none, across the wrap")
    func clean() {
        let counters = run(stream((0..<200).map { UInt16(truncatingIfNeeded: 65_400 + $0) }, depth: 3))
        #expect(counters.packets == 200 && counters.octets == 200 * 16 && counters.redundancyPackets == 200)
        #expect(counters.lost == 0 && counters.recovered == 0 && counters.duplicates == 0)
    }

    @Test(
        "Losses are counted, and those that redundancy carries as recovered",
        arguments: [
            ([1, 2, 4], 1, 1, 1), ([1, 2, 5], 1, 2, 1), ([1, 2, 6], 3, 3, 3), ([1, 2, 4], 0, 1, 0),
            ([1, 3, 5, 7], 2, 3, 3), ([65_535, 1], 3, 1, 1),
        ] as [([UInt16], Int, UInt64, UInt64)])
    func redundancy(numbers: [UInt16], depth: Int, lost: UInt64, recovered: UInt64) {
        let counters = run(stream(numbers, depth: depth))
        #expect(counters.lost == lost && counters.recovered == recovered)
    }

    @Test("A late packet is no loss any more, a second one is a duplicate; both go on")
    func order() {
        let counters = run(stream([1, 2, 4, 3, 3, 4], depth: 1))
        #expect(counters.packets == 6 && counters.reordered == 1 && counters.duplicates == 2)
        #expect(counters.lost == 0 && counters.recovered == 0)
    }

    @Test("A packet from before the first one is reordered, and what lies between is lost")
    func beforeTheFirst() {
        let counters = run(stream([10, 8], depth: 0))
        #expect(counters.reordered == 1 && counters.lost == 1)
    }

    @Test(
        "Parity recovers one packet of a group, not two (T.38 §9.1.4.2)",
        arguments: [([5], 1), ([5, 7], 1), ([5, 6], 2), ([3, 5, 7], 0), ([3, 4, 5, 6], 0)] as [([UInt16], UInt64)])
    func parity(missing: [UInt16], recovered: UInt64) {
        // Packet 9 has two fields of span 3: 8, 6, 4 and 7, 5, 3. Of 5 and 7 both lie in one, so neither comes back.
        let numbers = (1...8 as ClosedRange<UInt16>).filter { !missing.contains($0) }
        let counters = run(stream(numbers, depth: 0) + [UDPTL.parity(9, span: 3, fields: 2)])
        let expected = missing == [5, 7] ? 0 : recovered
        #expect(counters.lost == UInt64(missing.count) && counters.recovered == expected)
        #expect(counters.parityPackets == 1)
    }

    @Test("Empty fields carry nothing")
    func emptyFields() {
        let counters = run([UDPTL.redundant(1), UDPTL.redundant(4, [6], [[], [6, 1]])])
        #expect(counters.lost == 2 && counters.recovered == 1)
    }

    @Test("A jump of more than 3,000 is a restart and no loss; what is older than 64 is late")
    func restarts() {
        let counters = run(stream([1, 40_000, 40_001, 39_900], depth: 2))
        #expect(counters.restarts == 1 && counters.lost == 0 && counters.late == 1 && counters.packets == 4)
        #expect(run(stream([1, 2_001], depth: 0)).lost == 1_999)
    }

    @Test("The receiver's limit is honoured to the octet, and what is no UDPTL is not sent")
    func limits() {
        let fits = UDPTL.redundant(1, [UInt8](repeating: 1, count: 100))
        var relay = FaxRelay(maximumDatagram: fits.count)
        #expect(relay.receive(fits.span.bytes) == .forward)
        let large = UDPTL.redundant(2, [UInt8](repeating: 1, count: 101))
        #expect(
            relay.receive(large.span.bytes) == .refuseOversized(octets: fits.count + 1, limit: fits.count))
        relay.maximumDatagram = nil
        #expect(relay.receive(large.span.bytes) == .forward)
        let huge = UDPTL.redundant(3, [UInt8](repeating: 1, count: 1_480))
        #expect(relay.receive(huge.span.bytes) == .refuseOversized(octets: huge.count, limit: FaxRelay.unnamedLimit))
        // A receiver that takes more gets more, up to what is relayed at all.
        relay.maximumDatagram = 1_500
        #expect(relay.receive(huge.span.bytes) == .forward)
        relay.maximumDatagram = 60_000
        let largest = UDPTL.redundant(4, [UInt8](repeating: 1, count: FaxRelay.largestDatagram - 6))
        #expect(largest.count == FaxRelay.largestDatagram && relay.receive(largest.span.bytes) == .forward)
        let beyond = UDPTL.redundant(5, [UInt8](repeating: 1, count: FaxRelay.largestDatagram - 5))
        #expect(
            relay.receive(beyond.span.bytes)
                == .refuseOversized(octets: beyond.count, limit: FaxRelay.largestDatagram))
        let audio = packet(sequence: 1, timestamp: 2)
        guard case .refuseMalformed = relay.receive(audio.span.bytes) else {
            Issue.record("RTP went through")
            return
        }
        let counters = relay.counters
        #expect(counters.oversized == 3 && counters.malformed == 1 && counters.packets == 4)
        let unlimited = FaxRelay(maximumDatagram: 0)
        #expect(unlimited.maximumDatagram == nil)
    }

    @Test("Any datagrams in any order: nothing traps, and the counters add up", arguments: [41, 42, 43])
    func hostile(seed: UInt64) {
        var random = SeededOctets(seed: seed)
        var relay = FaxRelay(maximumDatagram: 400)
        var number: UInt16 = 0
        var forwarded: UInt64 = 0
        for _ in 0..<20_000 {
            number &+= UInt16(truncatingIfNeeded: random.next() >> (random.next() % 8 == 0 ? 0 : 61))
            let place = random.next() % 3 == 0 ? number &- UInt16(random.next() % 80) : number
            let bytes =
                switch random.next() % 4 {
                case 0: random.datagram()
                case 1: UDPTL.parity(place, span: UInt8(random.next() % 128), fields: Int(random.next() % 100))
                default:
                    UDPTL.redundant(place, [1], Array(repeating: [1], count: Int(random.next() % 90)))
                }
            if relay.receive(bytes.span.bytes) == .forward { forwarded += 1 }
        }
        let counters = relay.counters
        #expect(counters.packets == forwarded && forwarded > 1_000)
        #expect(counters.packets + counters.malformed + counters.oversized == 20_000)
        #expect(counters.recovered <= counters.lost)
    }

    @Test("A captured fax call goes through, and its only rubbish does not")
    func captured() throws {
        guard let capture = SharedTestData.read("captures/asterisk/crash.pcap") else { return }
        var relay = FaxRelay()
        var place = 24
        var count = 0
        while place + 16 <= capture.count {
            let size = Int(capture[place + 8]) | Int(capture[place + 9]) << 8
            // A cooked capture: 16 octets, then IPv4 of 20 and UDP of 8.
            let bytes = Array(capture[place + 16 + 44..<place + 16 + size])
            place += 16 + size
            count += 1
            _ = relay.receive(bytes.span.bytes)
        }
        let counters = relay.counters
        #expect(counters.malformed == 1 && counters.packets == UInt64(count - 1) && count > 100)
        #expect(counters.lost > 0)
    }
}
