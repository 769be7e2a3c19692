import Provisioning
import Testing

@Suite("Durations and other texts of the configuration")
struct TextFormTests {
    @Test(
        "Durations are read and written",
        arguments: [
            ("240ms", Duration.milliseconds(240), "240ms"), ("2s", .seconds(2), "2s"), ("1m", .seconds(60), "1m"),
            ("1h", .seconds(3600), "1h"), ("0s", .zero, "0s"), ("0ms", .zero, "0s"), ("90 s", .seconds(90), "90s"),
            ("1000ms", .seconds(1), "1s"), ("24h", .seconds(86_400), "24h"),
        ])
    func durations(_ text: String, _ duration: Duration, _ usual: String) {
        #expect(DurationText.parse(text) == duration)
        #expect(DurationText.format(duration) == usual)
    }

    @Test(
        "Texts that are no duration are refused",
        arguments: [
            "", "s", "1", "-1s", "+1s", "1.5s", "1d", "1 S", "9999999999999999999h", "9223372036854775807h", "1s 2s",
            "99999999999h",
        ])
    func notDurations(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test("A port range is whole pairs above 1023")
    func portRanges() {
        #expect(PortRange(first: 10_000, last: 19_999)?.pairCount == 5000)
        #expect(PortRange(first: 1024, last: 65_535)?.pairCount == 32_256)
        #expect(PortRange(first: 10_001, last: 19_999) == nil)
        #expect(PortRange(first: 10_000, last: 19_998) == nil)
        #expect(PortRange(first: 1022, last: 19_999) == nil)
        #expect(PortRange(first: 2000, last: 1999) == nil)
    }

    @Test("A secret shows itself to nobody")
    func secrets() {
        let credential = Connector.Credential(username: "sbc", password: Secret("hunter2"))
        var dumped = ""
        dump(credential, to: &dumped)
        let texts = ["\(credential)", String(reflecting: credential), dumped, "\(Secret("hunter2"))"]
        #expect(texts.allSatisfy { !$0.contains("hunter2") })
        #expect("\(Secret("hunter2"))" == "<redacted>")
        #expect(Secret("hunter2").reveal() == "hunter2")
    }
}
