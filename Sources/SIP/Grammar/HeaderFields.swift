/// The header fields of a message, in order (RFC 3261 §7.3.1).
///
/// Values are unfolded and trimmed. A message from the network has at most ``maximumCount`` fields.
public struct HeaderFields: Sendable, Equatable {
    /// One field line.
    public struct Field: Sendable, Equatable {
        /// The name, in its full form.
        public var name: HeaderName
        /// The value, on one line. Octets that are not UTF-8 were replaced with U+FFFD.
        public var value: String

        /// Makes a field.
        public init(name: HeaderName, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A message with more field lines than this is not read: 256.
    public static let maximumCount = 256

    /// All field lines, in order.
    public var fields: [Field] = []

    /// No fields.
    public init() {}

    /// The first value of that name. Setting replaces the first field and removes the others; nil removes all.
    public subscript(name: HeaderName) -> String? {
        get { fields.first { $0.name == name }?.value }
        set {
            guard let newValue else { return removeAll(name) }
            guard let index = fields.firstIndex(where: { $0.name == name }) else { return append(name, newValue) }
            fields[index].value = newValue
            var seen = false
            fields.removeAll { field in
                guard field.name == name else { return false }
                defer { seen = true }
                return seen
            }
        }
    }

    /// Whether a field of that name is present, even an empty one.
    public func contains(_ name: HeaderName) -> Bool { fields.contains { $0.name == name } }

    /// The values of that name, one for each field line, in order.
    public func values(_ name: HeaderName) -> [String] {
        fields.compactMap { $0.name == name ? $0.value : nil }
    }

    /// The elements of a comma-separated header, over all its field lines; empty elements are left out.
    /// A line of more than 256 elements is not split further.
    ///
    /// Commas inside quotation marks and `<>` do not separate. Not for `Authorization` and the like, whose
    /// commas are not list separators (RFC 3261 §7.3.1).
    public func listValues(_ name: HeaderName) -> [String] {
        values(name).flatMap(HeaderList.elements(of:)).filter { !$0.isEmpty }
    }

    /// Adds a field after the others.
    public mutating func append(_ name: HeaderName, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Adds a field before the others.
    public mutating func prepend(_ name: HeaderName, _ value: String) {
        fields.insert(Field(name: name, value: value), at: 0)
    }

    /// Removes every field of that name.
    public mutating func removeAll(_ name: HeaderName) {
        fields.removeAll { $0.name == name }
    }
}
