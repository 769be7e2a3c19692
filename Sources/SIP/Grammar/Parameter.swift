/// A `name` or `name=value` parameter of a header or URI.
public struct Parameter: Sendable, Equatable {
    /// The name as written (unescaped in URIs). Names compare without regard to case.
    public var name: String
    /// The value without quotation marks and escapes; nil for a flag such as `lr`.
    public var value: String?

    /// Makes a parameter.
    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

extension OctetScanner {
    /// Reads `*( ";" name [ "=" value ] )` up to the end of the text; blanks may stand round `;` and `=`.
    mutating func headerParameters() throws(SIPParseError) -> [Parameter] {
        var parameters: [Parameter] = []
        while true {
            skipBlanks()
            if isAtEnd { return parameters }
            guard take(Octet.semicolon) else { throw failure("expected ';' or the end") }
            skipBlanks()
            let name = try token("a parameter name")
            skipBlanks()
            guard take(Octet.equals) else {
                parameters.append(Parameter(name))
                continue
            }
            skipBlanks()
            if current == Octet.quote {
                parameters.append(Parameter(name, try quotedString()))
            } else {
                let value = take(while: \.isParameterValue)
                parameters.append(Parameter(name, String(decoding: value, as: UTF8.self)))
            }
        }
    }
}

extension [Parameter] {
    /// The first parameter of that name, without regard to case.
    func first(named name: String) -> Parameter? { first { $0.name.equalsIgnoringCase(name) } }

    /// Sets the value of the parameter, adding it at the end when missing; nil removes it.
    mutating func set(_ name: String, to value: String?) {
        guard let value else { return removeAll { $0.name.equalsIgnoringCase(name) } }
        if let index = firstIndex(where: { $0.name.equalsIgnoringCase(name) }) {
            self[index].value = value
        } else {
            append(Parameter(name, value))
        }
    }

    /// `;name=value…` as header parameters; values that are not tokens or hosts are quoted.
    var headerText: String {
        map { parameter in
            guard let value = parameter.value else { return ";\(parameter.name)" }
            let isPlain = value.utf8.allSatisfy { $0.isToken || "[]:@/".utf8.contains($0) }
            return ";\(parameter.name)=\(isPlain ? value : value.quoted)"
        }.joined()
    }
}
