import Addressing
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
}
