import Foundation
import SIP
import Testing

/// One line of `expected.tsv`.
struct TortureCase: Sendable, CustomTestStringConvertible {
    let file: String
    let answers: String

    var testDescription: String { file }

    static let all: [TortureCase] = {
        let path = SharedTestdata.folder.appendingPathComponent("sip-torture/expected.tsv")
        guard let table = try? String(contentsOf: path, encoding: .utf8) else { return [] }
        return table.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count >= 7 else { return nil }
            return TortureCase(file: String(columns[0]), answers: "\(columns[5]) | \(columns[6])")
        }
    }()

    /// The status codes that are named.
    var statuses: Set<Int> {
        Set(answers.split { !$0.isNumber }.filter { $0.count == 3 }.compactMap { Int($0) })
    }

    /// Whether the message may be given to a dialog or registrar, where the rest of the answers come from.
    var mayBeProcessed: Bool {
        answers.contains("process") || answers.contains("accept") || !statuses.isDisjoint(with: [200, 404, 481, 488])
    }

    var mayBeDropped: Bool { answers.contains("drop") || answers.contains("discard") }
}

@Suite(
    "Messages of RFC 4475 and RFC 5118",
    .enabled(if: SharedTestdata.isPresent, "skipped: no ../shared/testdata"))
struct GrammarTortureCorpusTests {
    private static let knownIssues = [
        "rfc5118/ipv6-in-sdp.dat": "the archived file announces 268 octets but has 242, and such datagrams get 400",
        "rfc5118/mult-ip-in-sdp.dat": "the archived file announces 181 octets but has 180, and such datagrams get 400",
    ]

    @Test("each gets the expected answer or one of its alternatives", arguments: TortureCase.all)
    func answer(_ torture: TortureCase) throws {
        let octets = try SharedTestdata.octets("sip-torture/\(torture.file)")
        if let reason = Self.knownIssues[torture.file] {
            withKnownIssue(Comment(rawValue: reason)) { check(torture, octets) }
        } else {
            check(torture, octets)
        }
    }

    private func check(_ torture: TortureCase, _ octets: [UInt8]) {
        switch try? SIPMessage(parsingDatagram: octets) {
        case .request(let request)?:
            let rejection = RequestInspection.rejection(of: request, arrivedBy: .datagram)
            if let rejection {
                #expect(
                    torture.statuses.contains(rejection.status),
                    "\(rejection.status) \(rejection.reason); wanted \(torture.answers)")
                #expect(rejection.headers.values(.via) == request.headers.values(.via))
            } else {
                #expect(torture.mayBeProcessed, "accepted; wanted \(torture.answers)")
            }
        case .response(let response)?:
            let fault = ResponseInspection.fault(of: response)
            #expect(fault == nil ? torture.mayBeProcessed : torture.mayBeDropped, "\(String(describing: fault))")
        case nil:
            #expect(torture.mayBeDropped, "unreadable; wanted \(torture.answers)")
        }
    }

    @Test("the table was read and names every file")
    func tableIsWhole() {
        #expect(TortureCase.all.count >= 74)
        let listed = Set(TortureCase.all.map { "sip-torture/\($0.file)" })
        for folder in ["rfc4475", "rfc5118", "rfc5118-crlf"] {
            for file in SharedTestdata.files("sip-torture/\(folder)") { #expect(listed.contains(file)) }
        }
    }

    @Test("readable ones survive being written and read again", arguments: TortureCase.all)
    func rewriting(_ torture: TortureCase) throws {
        let octets = try SharedTestdata.octets("sip-torture/\(torture.file)")
        guard let message = try? SIPMessage(parsingDatagram: octets) else { return }
        let written = message.serialized()
        #expect(try SIPMessage(parsingDatagram: written).serialized() == written)
    }

    @Test("on a stream two messages in one segment are two messages (RFC 4475 §3.1.1.8)")
    func twoMessages() throws {
        var framer = StreamFramer()
        framer.append(try SharedTestdata.octets("sip-torture/rfc4475/dblreq.dat"))
        var methods: [SIPMethod] = []
        // The second body is longer than it says, so an error follows the two messages.
        while let event = try? framer.next() {
            guard case .message(let octets) = event,
                case .request(let request) = try SIPMessage(parsingDatagram: octets)
            else { continue }
            methods.append(request.method)
        }
        #expect(methods == [.register, .invite])
    }

    @Test(
        "on a stream an unreadable length gives 400 and the end (RFC 4475 §3.1.2.3, §3.3.9)",
        arguments: ["ncl.dat", "mcl01.dat"])
    func unreadableLength(_ file: String) throws {
        var framer = StreamFramer()
        framer.append(try SharedTestdata.octets("sip-torture/rfc4475/\(file)"))
        let error = #expect(throws: StreamFramingError.self) { _ = try framer.next() }
        let head = try #require(error?.head)
        guard case .request(let request) = try SIPMessage(parsingDatagram: head) else {
            Issue.record("not a request")
            return
        }
        #expect(RequestInspection.rejection(of: request, arrivedBy: .stream)?.status == 400)
    }

    @Test("on a stream a length that is too large makes the framer wait (RFC 4475 §3.1.2.2)")
    func tooLargeLength() throws {
        var framer = StreamFramer()
        framer.append(try SharedTestdata.octets("sip-torture/rfc4475/clerr.dat"))
        let event = try framer.next()
        #expect(event == nil)
    }

    @Test("escapes are undone once (RFC 4475 §3.1.1.3)")
    func escapes() throws {
        let octets = try SharedTestdata.octets("sip-torture/rfc4475/esc01.dat")
        guard case .request(let request) = try SIPMessage(parsingDatagram: octets) else {
            Issue.record("not a request")
            return
        }
        #expect(request.requestURI?.user == "sips:user@example.com")
        #expect(request.contact?.sipURI?.has("lr") == true)
        #expect(request.contact?.sipURI?.parameter("name") == "value%41")
    }

    @Test("blanks, folding and compact forms do not hide a thing (RFC 4475 §3.1.1.1)")
    func blanksAndFolding() throws {
        let octets = try SharedTestdata.octets("sip-torture/rfc4475/wsinv.dat")
        guard case .request(let request) = try SIPMessage(parsingDatagram: octets) else {
            Issue.record("not a request")
            return
        }
        #expect(request.to?.tag == "1918181833n")
        #expect(request.from?.displayName == "J Rosenberg \\\"")
        #expect(request.cSeq == CSeq(9, .invite))
        #expect(request.via?.branch == "390skdjuw")
        let vias = try request.headers.listValues(.via).map { try Via(parsing: $0) }
        #expect(vias.map(\.transport) == ["UDP", "TCP", "UDP"])
        #expect(vias.map(\.branch) == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"])
        #expect(request.contact?.displayName == "Quoted string \"\"")
        #expect(request.body.count == 150)
    }
}
