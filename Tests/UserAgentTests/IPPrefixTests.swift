import Testing

@testable import UserAgent

@Suite("Addresses and prefixes")
struct IPPrefixTests {
    @Test(
        "An address is read and written in its canonical form",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("[2001:DB8::1]", "2001:db8::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("::", "::"), ("::1", "::1"), ("fe80::", "fe80::"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("::ffff:192.0.2.1", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("1::", "1::"),
        ])
    func canonicalText(text: String, expected: String) throws {
        #expect(try #require(IPAddress(parsing: text)).description == expected)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", "a.b.c.d", ":", ":::", "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9", "12345::", "::g", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1.2.3", "fe80::1%eth0",
            "[::1",
            "1:2:3:4:5:6:7::8", "example.com", "1:2:3:4:5:6:7:1.2.3.4",
        ])
    func refusesRubbish(text: String) {
        #expect(IPAddress(parsing: text) == nil)
    }

    @Test(
        "A prefix contains what its bits say, and never the other family",
        arguments: [
            ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
            ("10.1.2.3/8", "10.255.0.1", true),
            ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true),
            ("::/0", "8.8.8.8", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false), ("2001:db8::1", "2001:db8::1", true),
            ("2001:db8::1", "2001:db8::2", false), ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("2001:db8::/64", "2001:db8::ffff:1", true), ("2001:db8::/65", "2001:db8:0:0:8000::1", false),
            ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.1/32", "192.0.2.1", true),
        ])
    func containment(prefix: String, address: String, expected: Bool) throws {
        let prefix = try #require(IPPrefix(parsing: prefix))
        #expect(prefix.contains(try #require(IPAddress(parsing: address))) == expected)
    }

    @Test(
        "What is no prefix is refused",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/+8",
            "10.0.0.0/0008",
        ])
    func refusesBadPrefixes(text: String) {
        #expect(IPPrefix(parsing: text) == nil)
    }

    @Test("A prefix is written as it is kept")
    func description() throws {
        #expect(try #require(IPPrefix(parsing: "10.1.2.3/8")).description == "10.0.0.0/8")
        #expect(try #require(IPPrefix(parsing: "2001:DB8::/32")).description == "2001:db8::/32")
    }

    @Test(
        "An endpoint survives the way through a socket address",
        arguments: ["192.0.2.7", "2001:db8::7", "::1", "127.0.0.1"])
    func socketAddress(text: String) throws {
        let endpoint = try #require(SIPEndpoint(ip: text, port: 5061, transport: .tls))
        #expect(SIPEndpoint(endpoint.socketAddress, transport: .tls) == endpoint)
    }
}
