/// A `Content-Type` value: type and parameters, read tolerantly (RFC 2045 §5.1, and what sources write instead).
public struct MediaType: Sendable, Equatable {
    /// `multipart/mixed`, in lower case; blanks inside are kept (`application/ +xml` exists in the field).
    public let name: String
    /// In order, names in lower case, quotes removed from values; at most 16.
    public let parameters: [Parameter]

    /// One `name=value` after the type.
    public struct Parameter: Sendable, Equatable {
        /// In lower case.
        public let name: String
        /// Without quotes and escapes.
        public let value: String
    }

    /// Reads a header value; never fails.
    public init(parsing text: some StringProtocol) {
        let pieces = MediaType.pieces(Array(text.utf8))
        name = (pieces.first?.text ?? "").asciiTrimmed.asciiLowercased
        parameters = pieces.dropFirst().prefix(16).compactMap { piece in
            guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = piece[..<equals].text.asciiTrimmed.asciiLowercased
            return Parameter(name: name, value: MediaType.unquoted(piece[(equals + 1)...]))
        }
    }

    /// The first parameter of that lower-case name.
    public func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// Whether the type is `multipart/…`.
    public var isMultipart: Bool { name.hasPrefix("multipart/") }

    /// Cuts at `;` outside quotes.
    private static func pieces(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        var quoted = false
        var escaped = false
        for (index, byte) in bytes.enumerated() {
            if escaped {
                escaped = false
            } else if quoted, byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                quoted.toggle()
            } else if byte == UInt8(ascii: ";"), !quoted {
                pieces.append(bytes[start..<index])
                start = index + 1
            }
        }
        pieces.append(bytes[start...])
        return pieces
    }

    private static func unquoted(_ bytes: ArraySlice<UInt8>) -> String {
        let text = bytes.text.asciiTrimmed
        guard text.utf8.first == UInt8(ascii: "\"") else { return text }
        var value: [UInt8] = []
        var escaped = false
        for byte in text.utf8.dropFirst() {
            if escaped {
                value.append(byte)
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                break
            } else {
                value.append(byte)
            }
        }
        return value.text
    }
}
