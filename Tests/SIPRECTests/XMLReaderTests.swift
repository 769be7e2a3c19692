import Testing

@testable import SIPREC

@Suite("The XML reader")
struct XMLReaderTests {
    private func read(_ text: String) -> XMLTree { XMLReader.read(Array(text.utf8)) }

    @Test("Elements, attributes, text, namespaces, comments, CDATA and instructions")
    func basics() throws {
        let tree = read(
            """
            <?xml version="1.0"?><!DOCTYPE x [ <!ENTITY a "b"> ]><!-- > < -->
            <t:root xmlns:t='urn:t' xmlns="urn:d" Some_Id = "1&amp;2" b='x>y' c=bare>
              one<t:kid/> two<![CDATA[<three>]]>
              <other>&lt;&#65;&#x42;&quot;&apos;&gt;</other>
            </t:root>
            """)
        #expect(tree.findings.isEmpty)
        #expect(tree.elements.map(\.name) == ["root", "kid", "other"])
        #expect(tree.elements.map(\.namespace) == ["urn:t", "urn:t", "urn:d"])
        #expect(tree.attribute("someid", of: 0) == "1&2")
        #expect(tree.attribute("b", of: 0) == "x>y")
        #expect(tree.attribute("c", of: 0) == "bare")
        #expect(tree.elements[0].text.split(whereSeparator: \.isWhitespace) == ["one", "two<three>"])
        #expect(tree.elements[2].text == "<AB\"'>")
        #expect(tree.elements[0].children == [1, 2])
    }

    @Test(
        "A bare <sip:…> is text",
        arguments: ["<sip:+1@h>", "<sip:1000>", "<sips:a@b;x=y>", "<tel:+15550100>", "<a@b>", "< b", "<>", "<1>"])
    func bareAddress(_ address: String) {
        let tree = read("<r><aor>Bob \(address)</aor><n>1</n></r>")
        #expect(tree.findings == [.notWellFormed])
        #expect(tree.elements.map(\.name) == ["r", "aor", "n"])
        #expect(tree.elements[1].text == "Bob \(address)")
        #expect(tree.elements[2].parent == 0)
    }

    @Test(
        "Missing and wrong end tags close what they can",
        arguments: [
            "<r><a><b>x</a><c/></r>", "<r><a><b>x</b></a><c/>", "<r><a><b>x</b></z></a><c/></r>",
            "<r><a><b>x</b></a><c",
        ])
    func endTags(_ text: String) {
        let tree = read(text)
        #expect(tree.findings == [.notWellFormed])
        #expect(tree.elements.prefix(3).map(\.name) == ["r", "a", "b"])
        #expect(tree.elements[2].text == "x")
        #expect(tree.elements.dropFirst(3).allSatisfy { $0.parent == 0 })
    }

    @Test("Unknown entities stay as written; none is ever expanded")
    func entities() {
        let bomb = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><r>&b;&nbsp;& &#0;&#xD800;&amp</r>"
        let tree = read(bomb)
        #expect(tree.findings == [.unknownEntity])
        #expect(tree.elements.first?.text == "&b;&nbsp;& &#0;&#xD800;&amp")
    }

    @Test("Elements below depth 32 are left out, their siblings are not")
    func depth() {
        let text = String(repeating: "<a>", count: 100) + String(repeating: "</a>", count: 99) + "<b/></a>"
        let tree = read(text)
        #expect(tree.findings == [.tooDeep])
        #expect(tree.elements.count == 33)
        #expect(tree.elements.last?.name == "b")
        #expect(tree.elements.last?.parent == 0)
    }

    @Test("Size and element counts are bounded")
    func bounds() {
        let many = read("<r>" + String(repeating: "<a/>", count: 20_000) + "</r>")
        #expect(many.elements.count == XMLReader.maximumElements)
        #expect(many.findings == [.tooManyElements])
        let large = read("<r><a/>" + String(repeating: "x", count: 300_000) + "<b/></r>")
        #expect(large.findings.contains(.tooLarge))
        #expect(large.elements.map(\.name) == ["r", "a"])
    }

    @Test(
        "Hostile documents are read in time that grows with their size only",
        arguments: [
            "</a", "<a", "<!--", "<![CDATA[", "<a b='", "&", "<a ", "<a><b></a>", "]]>", "<!", "<?", "<a b=\"&lt;",
            "<:",
        ])
    func linear(_ piece: String) {
        let text = String(repeating: piece, count: 262_144 / piece.utf8.count)
        let started = ContinuousClock.now
        let tree = read(text)
        #expect(tree.elements.count <= XMLReader.maximumElements)
        #expect(ContinuousClock.now - started < .seconds(10))
    }

    @Test("UTF-8 with a byte order mark, UTF-16 of both orders, declared ISO-8859-1, broken UTF-8")
    func encodings() {
        let text = "<r><n>Zoë</n></r>"
        let utf16 = Array(text.utf16)
        let little: [UInt8] = [0xFF, 0xFE] + utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big: [UInt8] = [0xFE, 0xFF] + utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let latin: [UInt8] =
            Array("<?xml version='1.0' encoding='ISO-8859-1'?><r><n>Zo".utf8) + [0xEB] + Array("</n></r>".utf8)
        let marked: [UInt8] = [0xEF, 0xBB, 0xBF] + Array(text.utf8)
        for bytes in [marked, little, big, latin] {
            #expect(XMLReader.read(bytes).elements.last?.text == "Zoë")
        }
        let broken = XMLReader.read(Array("<r><n>Zo".utf8) + [0xEB] + Array("</n></r>".utf8))
        #expect(broken.elements.last?.text == "Zo\u{FFFD}")
    }

    @Test("Escaped text is read back as it was", arguments: ["a<b>&\"'c", "Zoë \u{1F600}", "\t\n", "&amp;"])
    func escaping(_ text: String) {
        #expect(
            read("<r a=\"\(XMLReference.escape(text))\">\(XMLReference.escape(text))</r>").elements.first?.text == text)
    }
}
