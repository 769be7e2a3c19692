/// An access key without its secret: all that lists and logs need.
public struct AccessKey: Sendable, Hashable {
    /// `AKIA` and 16 of `A`…`Z`, `2`…`7`; shown everywhere.
    public let id: String
    /// What it is for.
    public let role: AccessRole
    /// What people wrote about it; may be empty.
    public let note: String
    /// When it was made, in milliseconds since 1970.
    public let createdAtMilliseconds: Int64
}

/// A key's secret: 40 characters that prove who sent a request.
///
/// Every way Swift turns a value into text gives `<redacted>`; only ``reveal()`` gives the text.
public struct AccessKeySecret: Sendable, Hashable {
    private let text: String

    init(_ text: String) { self.text = text }

    /// The text itself: for the person the key was made for, once, and for signing. Never pass it to a log or an error.
    public func reveal() -> String { text }
}

extension AccessKeySecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<redacted>`.
    public var description: String { "<redacted>" }
    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A key that was just made, with its secret.
public struct NewAccessKey: Sendable, Hashable {
    /// The key.
    public let key: AccessKey
    /// Shown once, to the person it is for.
    public let secret: AccessKeySecret
}
