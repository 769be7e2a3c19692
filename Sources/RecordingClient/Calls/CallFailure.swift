import Addressing

/// Why a call did not go as it should.
public enum CallFailure: Error, Equatable, Sendable {
    /// A final response other than 2xx.
    case refused(status: Int, reason: String, retryAfter: String?)
    /// No answer at all.
    case timedOut
    /// The connection could not be opened, or broke.
    case notConnected(String)
    /// The TLS handshake failed.
    case notTrusted
    /// The 2xx could not be used.
    case badAnswer(String)
    /// Sockets for the audio.
    case noSockets(String)
    /// The call ended before its time, and not by us.
    case endedByServer(String)
    /// BYE was refused or not answered.
    case notEnded(String)
    /// Stopped here before there was an answer.
    case cancelled

    /// What the report counts it under: the status, or a word.
    public var key: String {
        switch self {
        case .refused(let status, _, _): "\(status)"
        case .timedOut: "noAnswer"
        case .notConnected: "notConnected"
        case .notTrusted: "tlsFailed"
        case .badAnswer: "badAnswer"
        case .noSockets: "noSockets"
        case .endedByServer: "endedByServer"
        case .notEnded: "byeFailed"
        case .cancelled: "cancelled"
        }
    }

    /// One or two sentences for the person who called: what happened and what can be done.
    /// - Parameters:
    ///   - target: the URI called.
    ///   - endpoint: where it was sent to.
    ///   - local: our address.
    ///   - user: the user name given, if any.
    func text(target: String, endpoint: String, local: String, user: String?) -> String {
        switch self {
        case .refused(let status, let reason, let retryAfter):
            "\(target) answered \(status) \(reason)"
                + Self.remedy(status, reason: reason, local: local, user: user)
                + (retryAfter.map { " (try again in \($0) s)" } ?? "")
        case .timedOut:
            "no answer from \(endpoint); is the server running there, is the port right, and does a firewall let it through?"
        case .notConnected(let reason): "\(reason); is the server running there, and is the transport right?"
        case .notTrusted:
            "the TLS handshake with \(endpoint) failed; a self-signed certificate is not trusted, nor is one for another "
                + "name: give the server's certificate with --trust FILE, or check nothing with --insecure"
        case .badAnswer(let reason): "the answer of \(target) cannot be used: \(reason)"
        case .noSockets(let reason): reason
        case .endedByServer(let reason): "the call did not last: \(reason)"
        case .notEnded(let reason): "BYE was not answered as it should be: \(reason)"
        case .cancelled: "stopped before there was an answer"
        }
    }

    private static func remedy(_ status: Int, reason: String, local: String, user: String?) -> String {
        switch status {
        case 401, 407:
            user.map { "; the password of “\($0)” in EARSHOT_CALL_PASSWORD, or the name, is not the server's" }
                ?? "; it asks for credentials: give --user and put the password into EARSHOT_CALL_PASSWORD"
        case 403:
            "; add \(local) to the connector's termination.cidrAllowedList, or use TLS where it asks for encryption"
        case 404:
            "; the host of --to must be a connector's name, or the server's address when one connector allows \(local)"
        case 488: "; it takes none of the streams offered: try another --codec, with or without --srtp, or see its log"
        case 503: "; it is at its limit of calls a second (a lower --rate), is full, or is going out of service"
        default: ""
        }
    }
}
