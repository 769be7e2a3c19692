import StreamSink

/// The members of a JSON request, checked as the service's model says; unknown members are ignored.
struct RequestFields {
    private let object: JSONValue

    /// Reads a body; an empty one counts as `{}`.
    init(_ bytes: [UInt8]) throws(ServiceError) {
        guard !bytes.isEmpty else {
            object = .object([])
            return
        }
        do {
            object = try JSONValue(parsing: bytes)
        } catch {
            throw ServiceError(
                status: 400, type: "SerializationException", message: "The body is no JSON: \(error).")
        }
        guard object.members != nil else {
            throw ServiceError(status: 400, type: "SerializationException", message: "The body is no JSON object.")
        }
    }

    private init(object: JSONValue) { self.object = object }

    private func value(_ name: String) -> JSONValue? {
        let value = object[name]
        return value == .null ? nil : value
    }

    /// A text of 1 to `longest` bytes; `nil` when it is absent.
    func text(_ name: String, longest: Int, allowed: ((UInt8) -> Bool)? = nil) throws(ServiceError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw otherType(name, "a string") }
        guard !text.isEmpty, text.utf8.count <= longest else { throw wrong(name, "a string of 1 to \(longest) bytes") }
        if let allowed, let byte = text.utf8.first(where: { !allowed($0) }) {
            throw wrong(name, "free of '\(Character(Unicode.Scalar(byte)))'; see the operation's pattern for it")
        }
        return text
    }

    /// A text that must be there.
    func requiredText(
        _ name: String, longest: Int, allowed: ((UInt8) -> Bool)? = nil
    ) throws(ServiceError) -> String {
        guard let text = try text(name, longest: longest, allowed: allowed) else { throw missing(name) }
        return text
    }

    /// A whole number of the range; `nil` when it is absent.
    func integer(_ name: String, _ range: ClosedRange<Int>) throws(ServiceError) -> Int? {
        guard let value = value(name) else { return nil }
        guard value.decimalValue != nil || value.integerValue != nil else { throw otherType(name, "a number") }
        guard let whole = value.integerValue, let number = Int(exactly: whole), range.contains(number) else {
            throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Epoch seconds as a number (fraction: milliseconds), in milliseconds.
    func timestamp(_ name: String) throws(ServiceError) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let seconds = value.decimalValue else { throw otherType(name, "a number (epoch seconds)") }
        guard seconds.magnitude < 1e11 else {
            throw wrong(name, "a time in epoch seconds, as a number")
        }
        return Int64((seconds * 1000).rounded())
    }

    /// A nested object; `nil` when it is absent.
    func fields(_ name: String) throws(ServiceError) -> RequestFields? {
        guard let value = value(name) else { return nil }
        guard value.members != nil else { throw otherType(name, "an object") }
        return RequestFields(object: value)
    }

    /// A list of objects; `nil` when it is absent.
    func list(_ name: String, _ count: ClosedRange<Int>) throws(ServiceError) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard let values = value.arrayValue else { throw otherType(name, "a list") }
        guard count.contains(values.count) else {
            throw wrong(name, "a list of \(count.lowerBound) to \(count.upperBound) members")
        }
        return values
    }

    /// A list of texts.
    func texts(_ name: String, _ count: ClosedRange<Int>, longest: Int) throws(ServiceError) -> [String]? {
        guard let values = try list(name, count) else { return nil }
        var texts: [String] = []
        for value in values {
            guard let text = value.stringValue else { throw otherType(name, "a list of strings") }
            guard !text.isEmpty, text.utf8.count <= longest else {
                throw wrong(name, "a list of strings of 1 to \(longest) bytes")
            }
            texts.append(text)
        }
        return texts
    }

    /// A map of texts; `nil` when it is absent.
    func textMap(_ name: String) throws(ServiceError) -> [String: String]? {
        guard let value = value(name) else { return nil }
        guard let members = value.members else { throw otherType(name, "an object of strings") }
        var map: [String: String] = [:]
        for member in members {
            guard let text = member.value.stringValue else { throw otherType(name, "an object of strings") }
            map[member.name] = text
        }
        return map
    }

    /// One of the words; `nil` when it is absent.
    func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Word.Type
    ) throws(ServiceError) -> Word? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw otherType(name, "a string") }
        guard let word = Word(rawValue: text) else {
            throw wrong(name, "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    /// The error of a member that must be there.
    func missing(_ name: String) -> ServiceError {
        .validation("1 validation error detected: \(name) must not be null.")
    }

    /// JSON of another type than the model's never gets as far as its constraints.
    private func otherType(_ name: String, _ must: String) -> ServiceError {
        ServiceError(
            status: 400, type: "SerializationException", message: "\(name) cannot be read: it must be \(must).")
    }

    private func wrong(_ name: String, _ must: String) -> ServiceError {
        .validation("1 validation error detected: \(name) must be \(must).")
    }
}
