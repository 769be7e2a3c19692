import SIP

@testable import UserAgent

/// The messages of one call as a raw peer writes them.
struct TestCall {
    var peer: TestPeer
    var uri = "sip:call@vc.example.test"
    var callID = "call-\(UInt64.random(in: .min ... .max))"
    var fromTag = "from-\(UInt32.random(in: .min ... .max))"
    var toTag: String?
    var sequence = 1
    var body = "v=0\r\n"

    init(_ peer: TestPeer, uri: String = "sip:call@vc.example.test") {
        self.peer = peer
        self.uri = uri
    }

    func request(
        _ method: String, branch: String? = nil, sequence: Int? = nil, uri: String? = nil, headers: [String] = [],
        body: String = ""
    ) -> String {
        let branch = branch ?? "z9hG4bK-\(UInt64.random(in: .min ... .max))"
        let to = toTag.map { ";tag=\($0)" } ?? ""
        let scheme = peer.transport == .udp ? "" : ";transport=\(peer.transport.rawValue)"
        var lines = [
            "\(method) \(uri ?? self.uri) SIP/2.0",
            "Via: SIP/2.0/\(peer.transport.viaName) \(peer.host):\(peer.port);rport;branch=\(branch)",
            "Max-Forwards: 70",
            "From: <sip:tester@example.test>;tag=\(fromTag)",
            "To: <\(self.uri)>\(to)",
            "Call-ID: \(callID)",
            "CSeq: \(sequence ?? self.sequence) \(method)",
            "Contact: <sip:tester@\(peer.host):\(peer.port)\(scheme)>",
        ]
        lines += headers
        if !body.isEmpty { lines.append("Content-Type: application/sdp") }
        lines.append("Content-Length: \(body.utf8.count)")
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    func invite(branch: String? = nil, headers: [String] = []) -> String {
        request("INVITE", branch: branch, headers: headers, body: body)
    }

    /// The ACK of a 2xx, with a branch of its own.
    func acknowledgement() -> String { request("ACK") }
}
