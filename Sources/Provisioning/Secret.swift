/// A text that must never be printed, such as a password.
///
/// Every way Swift turns a value into text gives `<redacted>`; only ``reveal()`` gives the text, so each place that
/// uses it is found by name.
public struct Secret: Sendable, Hashable {
    private let text: String

    /// Wraps a text.
    public init(_ text: String) {
        self.text = text
    }

    /// The text itself. Never pass it to a log or an error.
    public func reveal() -> String {
        text
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<redacted>`.
    public var description: String { "<redacted>" }
    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }
    // Without this, `dump` and reflection-based printers would show the stored property.
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
