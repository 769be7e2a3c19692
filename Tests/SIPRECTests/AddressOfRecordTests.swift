import SIPREC
import Testing

@Suite("Participants' addresses")
struct AddressOfRecordTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        var scheme: String?
        var user: String?
        var host: String?
        var number: String?
        var testDescription: String { text }
    }

    @Test(
        "Every way to write one",
        arguments: [
            Row(
                text: "sip:+1-555-0100@SBC.example:5060;user=phone", scheme: "sip", user: "+1-555-0100",
                host: "sbc.example", number: "+15550100"),
            Row(
                text: "\"Ann\" <sips:ann%20b@[2001:db8::1]:5061>;tag=1", scheme: "sips", user: "ann b",
                host: "2001:db8::1"),
            Row(text: "2249888500@172.16.198.55", user: "2249888500", host: "172.16.198.55", number: "2249888500"),
            Row(text: "tel:+15550100;phone-context=x", scheme: "tel", user: "+15550100", number: "+15550100"),
            Row(text: "Extension-1000@example.test", user: "Extension-1000", host: "example.test"),
            Row(text: "1000", user: "1000", number: "1000"),
            Row(text: "sip:sbc.example.test", scheme: "sip", host: "sbc.example.test"),
            Row(text: "sip:1000;ext=5:secret@h", scheme: "sip", user: "1000", host: "h", number: "1000"),
            Row(text: "<", user: nil), Row(text: ""), Row(text: "sip:@", scheme: "sip"), Row(text: "%", user: "%"),
            Row(text: "123@ims.example;noa=international", user: "123", host: "ims.example", number: "123"),
        ])
    func table(_ row: Row) {
        let address = AddressOfRecord(parsing: row.text)
        #expect(address.scheme == row.scheme)
        #expect(address.user == row.user)
        #expect(address.host == row.host)
        #expect(address.number == row.number)
    }

    @Test("The same number with and without plus is the same user")
    func sameUser() {
        let one = AddressOfRecord(parsing: "sip:+15550100@a")
        #expect(one.isSameUser(as: AddressOfRecord(parsing: "15550100@b")))
        #expect(!one.isSameUser(as: AddressOfRecord(parsing: "15550101@b")))
        #expect(AddressOfRecord(parsing: "sip:Ann@a").isSameUser(as: AddressOfRecord(parsing: "sip:ann@b")))
        #expect(!AddressOfRecord(parsing: "sip:a").isSameUser(as: AddressOfRecord(parsing: "sip:a")))
    }
}
