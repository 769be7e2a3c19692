import Provisioning
import Testing

@Suite("Addresses and blocks")
struct AddressTests {
    @Test(
        "Addresses are read and written in their usual form",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("192.0.2.1", "192.0.2.1"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ])
    func addresses(_ text: String, _ usual: String) throws {
        let address = try #require(IPAddress(parsing: text))
        #expect(address.description == usual)
        #expect(IPAddress(parsing: usual) == address)
    }

    @Test(
        "Texts that are no address are refused",
        arguments: [
            "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", "01.2.3.4", "1.2.3.04", "1.2.3.-4", "1.2.3.4 ",
            "a.b.c.d",
            ":", ":::", ":1", "1:", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345",
            "::g",
            "1.2.3.4::", "::1.2.3", "fe80::1%eth0", "[::1", "::1]", "[]", "[1.2.3.4", "１.2.3.4",
        ])
    func notAddresses(_ text: String) {
        #expect(IPAddress(parsing: text) == nil)
    }

    @Test("Bytes in network order make the same addresses")
    func octets() {
        #expect(IPAddress(octets: [192, 0, 2, 1]) == IPAddress(parsing: "192.0.2.1"))
        let mapped: [UInt8] = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 192, 0, 2, 1]
        #expect(IPAddress(octets: mapped) == IPAddress(parsing: "192.0.2.1"))
        #expect(
            IPAddress(octets: [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1])
                == IPAddress(parsing: "2001:db8::1"))
        #expect(IPAddress(octets: [1, 2, 3]) == nil)
    }

    @Test(
        "A block holds its own addresses and no others",
        arguments: [
            ("192.0.2.0/24", "192.0.2.0", true), ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1/32", "192.0.2.0", false), ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true), ("::/0", "192.0.2.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
            ("::1/128", "::1", true), ("::1/128", "::2", false), ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("128.0.0.0/1", "127.255.255.255", false), ("128.0.0.0/1", "128.0.0.0", true),
        ])
    func blocks(_ block: String, _ address: String, _ isInside: Bool) throws {
        let address = try #require(IPAddress(parsing: address))
        #expect(try CIDRBlock(parsing: block).contains(address) == isInside)
    }

    @Test(
        "Texts that are no block say why",
        arguments: [
            ("", CIDRError.notAnAddress("")), ("/8", .notAnAddress("/8")), ("host/8", .notAnAddress("host/8")),
            ("10.0.0.0/", .badLength("10.0.0.0/", maximum: 32)),
            ("10.0.0.0/-1", .badLength("10.0.0.0/-1", maximum: 32)),
            ("10.0.0.0/33", .badLength("10.0.0.0/33", maximum: 32)), ("::/129", .badLength("::/129", maximum: 128)),
            ("10.0.0.0/+8", .badLength("10.0.0.0/+8", maximum: 32)), ("::/8/9", .badLength("::/8/9", maximum: 128)),
            ("10.0.0.1/8", .hostBits("10.0.0.1/8", block: "10.0.0.0/8")),
        ])
    func notBlocks(_ text: String, _ expected: CIDRError) {
        #expect(throws: expected) { try CIDRBlock(parsing: text) }
    }

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
