extension HeaderFields {
    /// The first element of the first Via line.
    var firstVia: Via? {
        guard let line = self[.via] else { return nil }
        return try? Via(parsing: HeaderList.first(of: line))
    }

    var cSeq: CSeq? {
        guard let text = self[.cSeq] else { return nil }
        return try? CSeq(parsing: text)
    }

    var contentType: ParameterizedValue? {
        guard let text = self[.contentType] else { return nil }
        return try? ParameterizedValue(parsing: text)
    }

    /// A header that holds exactly one address.
    func address(_ name: HeaderName) -> NameAddress? {
        guard let text = self[name] else { return nil }
        return try? NameAddress(parsing: text)
    }

    /// The first address of a list.
    func firstAddress(_ name: HeaderName) -> NameAddress? {
        guard let line = self[name] else { return nil }
        return try? NameAddress(parsing: HeaderList.first(of: line))
    }

    /// The addresses of Contact, Route or Record-Route in order; unreadable ones are left out.
    public func addresses(_ name: HeaderName) -> [NameAddress] {
        listValues(name).compactMap { try? NameAddress(parsing: $0) }
    }
}
