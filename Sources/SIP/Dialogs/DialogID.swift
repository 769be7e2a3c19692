/// What identifies a dialog at one of its ends (RFC 3261 §12): Call-ID, our tag and the peer's tag.
///
/// A peer that follows RFC 2543 sends no tag; its tag is then the empty string, "a value of null" in §12.1.1.
public struct DialogID: Hashable, Sendable, CustomStringConvertible {
    /// The Call-ID, compared byte by byte.
    public let callID: String
    /// The tag we chose.
    public let localTag: String
    /// The tag the peer chose, or an empty string.
    public let remoteTag: String

    /// An identity from its parts.
    public init(callID: String, localTag: String, remoteTag: String) {
        self.callID = callID
        self.localTag = localTag
        self.remoteTag = remoteTag
    }

    /// The dialog a received request belongs to. `nil` when it has no To tag, so belongs to none, or no Call-ID.
    public init?(receivedRequest request: SIPRequest) {
        guard let callID = request.callID, let localTag = request.to?.tag else { return nil }
        self.init(callID: callID, localTag: localTag, remoteTag: request.from?.tag ?? "")
    }

    /// The dialog a received response belongs to or creates. `nil` without From tag (ours) or Call-ID.
    public init?(receivedResponse response: SIPResponse) {
        guard let callID = response.callID, let localTag = response.from?.tag else { return nil }
        self.init(callID: callID, localTag: localTag, remoteTag: response.to?.tag ?? "")
    }

    /// For logs: `call-id;local=…;remote=…`.
    public var description: String { "\(callID);local=\(localTag);remote=\(remoteTag)" }
}
