import StreamSink
import Testing

@Suite("Fragment numbers")
struct FragmentNumberTests {
    @Test("A number captured from the service has the counter and the time of its tag")
    func captured() throws {
        let text = "91343852333181432392682062607743920146159169392"
        let number = try #require(FragmentNumber(text))
        #expect(number.counter == 1)
        #expect(number.epochMilliseconds == 1_511_852_109_126)
        #expect(number.description == text)
    }

    @Test(
        "A number is printed with 47 digits and read back the same",
        arguments: [
            (1, 0, 0), (231_001, 1_680_731_924_044, 0x0FFF_FFFF),
            (FragmentNumber.maximumCounter, UInt64.max, 0x0FFF_FFFF), (0, 0, 0), (1000, 1, 1),
        ] as [(UInt64, UInt64, UInt32)])
    func roundTrip(counter: UInt64, time: UInt64, random: UInt32) throws {
        let number = FragmentNumber(counter: counter, epochMilliseconds: time, random: random)
        #expect(number.description.utf8.count == 47)
        #expect(FragmentNumber(number.description) == number)
    }

    @Test(
        "Text that is no fragment number is refused",
        arguments: [
            "", "1", String(repeating: "9", count: 47), String(repeating: "0", count: 47),
            "9134385233318143239268206260774392014615916939", "913438523331814323926820626077439201461591693921",
            "9134385233318143239268206260774392014615916939x", "-1343852333181432392682062607743920146159169392",
        ])
    func refused(text: String) {
        #expect(FragmentNumber(text) == nil)
    }

    @Test("A larger counter gives a larger text, whatever the clock says")
    func order() {
        let first = FragmentNumber(counter: 999, epochMilliseconds: 1_800_000_000_000, random: 5)
        let second = FragmentNumber(counter: 1001, epochMilliseconds: 1_700_000_000_000, random: 1)
        #expect(first < second)
        #expect(first.description < second.description)
    }
}
