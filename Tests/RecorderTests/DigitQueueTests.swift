import Testing

@testable import Recorder

@Suite("Telephone events on their way from a media worker")
struct DigitQueueTests {
    private let second: Int64 = 1_000_000_000

    private func entry(_ number: Int) -> DigitQueue.Entry {
        DigitQueue.Entry(key: "5", milliseconds: number, position: 0, heardAt: 0)
    }

    @Test("They come out in order, once")
    func order() {
        let queue = DigitQueue()
        #expect(!queue.isWaiting && queue.take().isEmpty)
        for number in 0..<3 { queue.add(entry(number), at: 0) }
        #expect(queue.isWaiting)
        #expect(queue.take().map(\.milliseconds) == [0, 1, 2])
        #expect(!queue.isWaiting && queue.take().isEmpty)
        #expect(queue.taken == 3 && queue.overflow == 0)
    }

    @Test("More than twenty a second are counted and not kept")
    func rate() {
        let queue = DigitQueue()
        for number in 0..<50 { queue.add(entry(number), at: Int64(number)) }
        #expect(queue.take().count == DigitQueue.mostPerSecond)
        #expect(queue.taken == 20 && queue.overflow == 30)
        queue.add(entry(50), at: second)
        #expect(queue.take().map(\.milliseconds) == [50])
    }

    @Test("No more wait than there is room for")
    func room() {
        let queue = DigitQueue()
        for number in 0..<100 { queue.add(entry(number), at: Int64(number) * second) }
        #expect(queue.take().map(\.milliseconds) == Array(0..<DigitQueue.limit))
        #expect(queue.overflow == 36)
    }
}

@Suite("Payload types as bits")
struct PayloadNumbersTests {
    @Test("Each of the 128 is apart from the others, and none is above")
    func all() {
        for type in UInt8.min ... .max {
            let types = PayloadNumbers([type])
            #expect((UInt8.min ... .max).filter(types.contains) == (type < 128 ? [type] : []))
            var none = types
            none.set(type, false)
            #expect(none == PayloadNumbers([]))
        }
    }
}
