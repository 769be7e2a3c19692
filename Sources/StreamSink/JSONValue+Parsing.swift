/// Why a text is no JSON value (RFC 8259).
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where the reader stopped, in bytes from the start.
    public let offset: Int
    /// What was wrong there.
    public let problem: String

    /// One sentence.
    public var description: String { "not JSON at byte \(offset): \(problem)" }
}

extension JSONValue {
    /// The deepest nesting that is read; deeper input is refused, so the stack stays small.
    static let maximumDepth = 32

    /// Reads one value and nothing after it.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        var reader = JSONReader(bytes: bytes[...])
        self = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.bytes.isEmpty else { throw reader.error("something follows the value") }
    }
}

private struct JSONReader {
    var bytes: ArraySlice<UInt8>

    func error(_ problem: String) -> JSONError { JSONError(offset: bytes.startIndex, problem: problem) }

    mutating func skipSpace() {
        while let byte = bytes.first, byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0B && byte != 0x0C) {
            bytes.removeFirst()
        }
    }

    mutating func take(_ byte: Character) -> Bool {
        skipSpace()
        guard let ascii = byte.asciiValue, bytes.first == ascii else { return false }
        bytes.removeFirst()
        return true
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.maximumDepth else { throw error("nested deeper than \(JSONValue.maximumDepth)") }
        skipSpace()
        switch bytes.first {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some: return try number()
        case .none: throw error("the text ends early")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        bytes.removeFirst()
        var members: [JSONValue.Member] = []
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard bytes.first == UInt8(ascii: "\"") else { throw error("a member's name is expected") }
            let name = try string()
            guard take(":") else { throw error("a colon is expected") }
            members.append(JSONValue.Member(name, try value(depth: depth + 1)))
        } while take(",")
        guard take("}") else { throw error("a comma or a closing brace is expected") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        bytes.removeFirst()
        var values: [JSONValue] = []
        if take("]") { return .array(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw error("a comma or a closing bracket is expected") }
        return .array(values)
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes.starts(with: word.utf8) else { throw error("an unknown word") }
        bytes.removeFirst(word.utf8.count)
        return value
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let text = bytes.prefix { ($0 >= 0x30 && $0 <= 0x39) || "+-.eE".utf8.contains($0) }
        let string = String(decoding: text, as: UTF8.self)
        if let whole = Int64(string) {
            bytes.removeFirst(text.count)
            return .integer(whole)
        }
        guard let decimal = Double(string), decimal.isFinite else { throw error("a value is expected") }
        bytes.removeFirst(text.count)
        return .decimal(decimal)
    }

    private mutating func string() throws(JSONError) -> String {
        bytes.removeFirst()
        var text: [UInt8] = []
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a control character in a text")
            default: text.append(byte)
            }
        }
        throw error("a text that does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        switch bytes.popFirst() {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"):
            var unit = try codeUnit()
            if unit & 0xFC00 == 0xD800, bytes.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
                bytes.removeFirst(2)
                let low = try codeUnit()
                guard low & 0xFC00 == 0xDC00 else { throw error("half a surrogate pair") }
                unit = 0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)
            }
            text.append(contentsOf: String(Unicode.Scalar(unit).map(Character.init) ?? "\u{FFFD}").utf8)
        case let byte? where "\"\\/".utf8.contains(byte): text.append(byte)
        case .some, .none: throw error("an unknown escape")
        }
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        let digits = bytes.prefix(4)
        guard digits.count == 4, let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) else {
            throw error("four hexadecimal digits are expected")
        }
        bytes.removeFirst(4)
        return unit
    }
}
