import Testing

@testable import HTTPInterface

@Suite("Frames of raw audio")
struct AudioFramerTests {
    static func placed(_ position: Int64, _ count: Int, rate: Int = 8000, first: Int = 0) -> PlacedSamples {
        PlacedSamples(
            originMilliseconds: 1_700_000_000_000, position: position, rate: rate,
            samples: (0..<count).map { Int16(first + $0) })
    }

    @Test("Blocks of any length become frames of 20 ms with the time of their first sample")
    func frames() {
        var framer = AudioFramer()
        var messages: [WebSocketMessage] = []
        framer.add(Self.placed(0, 100), to: &messages)
        #expect(messages.isEmpty)
        framer.add(Self.placed(100, 300, first: 100), to: &messages)
        guard messages.count == 2, case .binary(let first) = messages[0], case .binary(let second) = messages[1] else {
            Issue.record("two frames were expected: \(messages.count)")
            return
        }
        #expect(first.count == 8 + 320)
        #expect(Array(first[..<12]) == [0, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x68, 0, 0, 0, 1, 0])
        #expect(Array(second[..<10]) == [0, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x68, 20, 160, 0])
        framer.flush(to: &messages)
        guard case .binary(let rest)? = messages.last else { return }
        #expect(rest.count == 8 + 160)
    }

    @Test("A hole is told between a short frame and the next full one")
    func gap() {
        var framer = AudioFramer()
        var messages: [WebSocketMessage] = []
        framer.add(Self.placed(0, 200), to: &messages)
        framer.add(Self.placed(8000, 160), to: &messages)
        #expect(messages.count == 4)
        #expect(
            messages[2]
                == .text(#"{"type":"gap","from":1700000000025,"to":1700000001000,"milliseconds":975}"#))
        guard case .binary(let short) = messages[1], case .binary(let next) = messages[3] else { return }
        #expect(short.count == 8 + 80)
        #expect(next.prefix(8) == [0, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x6B, 0xE8])
    }

    @Test("Clocks that differ by a few milliseconds make no gap")
    func jitter() {
        var framer = AudioFramer()
        var messages: [WebSocketMessage] = []
        framer.add(Self.placed(0, 160), to: &messages)
        framer.add(Self.placed(160 + 40, 160), to: &messages)
        #expect(messages.count == 2)
    }
}
