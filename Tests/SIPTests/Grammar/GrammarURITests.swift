import SIP
import Testing

@Suite("SIP URIs (RFC 3261 §19.1)")
struct GrammarURITests {
    struct Example: Sendable, CustomTestStringConvertible {
        var text: String
        var user: String?
        var host: String
        var port: UInt16?
        var testDescription: String { text }
        init(_ text: String, _ user: String?, _ host: String, _ port: UInt16? = nil) {
            (self.text, self.user, self.host, self.port) = (text, user, host, port)
        }
    }

    @Test(
        "are taken apart",
        arguments: [
            Example("sip:alice@atlanta.com", "alice", "atlanta.com"),
            Example("SIPS:Alice@ATLANTA.com:5061", "Alice", "atlanta.com", 5061),
            Example("sip:alice:secretword@atlanta.com;transport=tcp", "alice", "atlanta.com"),
            Example("sip:+1-212-555-1212:1234@gateway.com;user=phone", "+1-212-555-1212", "gateway.com"),
            Example("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", nil, "atlanta.com"),
            Example("sip:alice;day=tuesday@atlanta.com", "alice;day=tuesday", "atlanta.com"),
            Example("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com", "example.net"),
            Example("sip:%2541@h", "%41", "h"),
            Example("sip:null-%00-null@h", "null-\0-null", "h"),
            Example("sip:*55#1@pbx", "*55#1", "pbx"),
            Example("sip:[2001:DB8::10]:5070", nil, "2001:db8::10", 5070),
            Example("sip:[2001:db8::10:5070]", nil, "2001:db8::10:5070"),
            Example("sip:u@[::ffff:192.0.2.2]", "u", "::ffff:192.0.2.2"),
            Example("sip:u@[2001:db8:::192.0.2.1]", "u", "2001:db8::192.0.2.1"),
            Example("sip:[::]", nil, "::"),
        ])
    func parts(_ example: Example) throws {
        let uri = try SIPURI(parsing: example.text)
        #expect(uri.user == example.user)
        #expect(uri.host == example.host)
        #expect(uri.port == example.port)
        #expect(try SIPURI(parsing: uri.description) == uri)
    }

    @Test(
        "with faults are refused",
        arguments: [
            "", "sip:", "sip", "tel:+1", "http://a", "sip:@h", "sip:a@", "sip:a@b@c", "sip:h:", "sip:h:65536",
            "sip:h:-1",
            "sip:2001:db8::10", "sip:[2001:db8::10", "sip:[1:2:3]", "sip:[1::2::3]", "sip:[12345::]",
            "sip:[:1:2:3:4:5:6:7]",
            "sip:[1:2:3:4:5:6:7:8:9]", "sip:[::1.2.3]", "sip:[::300.1.1.1]", "sip:[fe80::1%25eth0]", "sip:a b@h",
            "sip:a@h;", "sip:a@h;;lr", "sip:a@h;=x", "sip:a@h?", "sip:%4@h", "sip:%zz@h", "sip:a@h;x=%", "<sip:a@h>",
            "sip:a@h>", "sip:\"a\"@h", "sip:a@h ", " sip:a@h", "sip:a@.h",
            "sip:a@" + String(repeating: "h", count: 300),
        ])
    func faults(_ text: String) {
        #expect(throws: SIPParseError.self) { try SIPURI(parsing: text) }
    }

    @Test("parameters and headers are unescaped once, names too")
    func parameters() throws {
        let uri = try SIPURI(parsing: "sip:h;%6C%72;n%61me=v%61lue%25%34%31;transport=TCP?Route=%3Csip:x%3E&a=")
        #expect(uri.parameter("LR") == .some(nil))
        #expect(uri.parameter("name") == "value%41")
        #expect(uri.parameter("none") == nil)
        #expect(uri.transport == "tcp")
        #expect(uri.headers == [Parameter("Route", "<sip:x>"), Parameter("a", "")])
        #expect(uri.description == "sip:h;lr;name=value%2541;transport=TCP?Route=%3Csip:x%3E&a=")
    }

    @Test(
        "of RFC 3261 §19.1.4 that are equivalent",
        arguments: [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
            ),
        ])
    func equivalent(_ left: String, _ right: String) throws {
        let (left, right) = (try SIPURI(parsing: left), try SIPURI(parsing: right))
        #expect(left.isEquivalent(to: right))
        #expect(right.isEquivalent(to: left))
    }

    @Test(
        "of RFC 3261 §19.1.4 that are not equivalent",
        arguments: [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ])
    func different(_ left: String, _ right: String) throws {
        let (left, right) = (try SIPURI(parsing: left), try SIPURI(parsing: right))
        #expect(!left.isEquivalent(to: right))
        #expect(!right.isEquivalent(to: left))
    }
}
