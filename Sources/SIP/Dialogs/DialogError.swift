/// Why a request and its response do not make a dialog. A server answers 400 with the description as reason.
public enum DialogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A header the dialog is made from is not there or cannot be read.
    case missingHeader(String)
    /// We answered without a To tag, or the peer's answer lost our From tag.
    case missingLocalTag
    /// The response is not one that creates a dialog: 101…299.
    case notDialogCreating(status: Int)
    /// The Contact is not a SIP or SIPS URI, so requests of the dialog could not be routed (RFC 3261 §12.1.1).
    case unusableContact(String)
    /// A Record-Route value is not a SIP URI in angle brackets.
    case unusableRoute(String)
    /// More Record-Route values than ``RouteSet/maximumCount``.
    case tooManyRoutes(count: Int)

    /// What is wrong, where, and what to do about it.
    public var description: String {
        switch self {
        case .missingHeader(let name):
            "no readable \(name) header; a request that starts a dialog needs one"
        case .missingLocalTag:
            "our own tag is missing; give the response a To tag, or keep the From tag of the request"
        case .notDialogCreating(let status):
            "a \(status) response does not create a dialog; only 101 to 299 do"
        case .unusableContact(let uri):
            "Contact <\(uri.prefix(80))> is not a SIP URI; put sip:host in it"
        case .unusableRoute(let value):
            "Record-Route \(value.prefix(80)) is not a SIP URI in angle brackets"
        case .tooManyRoutes(let count):
            "\(count) Record-Route values; at most \(RouteSet.maximumCount) are accepted"
        }
    }
}
