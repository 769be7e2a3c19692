/// Who signed a request.
public struct Caller: Sendable, Equatable {
    /// The access key's identifier; `-` where signatures are not required.
    public var accessKeyID: String

    /// Makes a caller.
    public init(accessKeyID: String) { self.accessKeyID = accessKeyID }
}
