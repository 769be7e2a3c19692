/// A header value with parameters, such as Content-Type, Content-Disposition, Accept, Session-Expires, Reason.
public struct ParameterizedValue: Sendable, Equatable, CustomStringConvertible {
    /// What stands before the first `;`, without blanks round `/` (so `application/sdp`).
    public var value: String
    /// The parameters, quotation marks removed.
    public var parameters: [Parameter]

    /// Makes a value.
    public init(_ value: String, parameters: [Parameter] = []) {
        self.value = value
        self.parameters = parameters
    }

    /// Reads one value; a comma-separated list must be split before.
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = OctetScanner(text)
        scanner.skipBlanks()
        var main: [UInt8] = []
        while let octet = scanner.current, octet != Octet.semicolon {
            guard octet.isBlank || octet.isParameterValue else { throw scanner.failure("unexpected character") }
            if !octet.isBlank { main.append(octet) }
            _ = scanner.take(octet)
            if octet.isBlank {
                scanner.skipBlanks()
                let next = scanner.current
                guard next == nil || next == Octet.semicolon || next == Octet.slash || main.last == Octet.slash else {
                    throw scanner.failure("unexpected blank")
                }
            }
        }
        guard !main.isEmpty else { throw scanner.failure("the value is empty") }
        value = String(decoding: main, as: UTF8.self)
        parameters = try scanner.headerParameters()
    }

    /// The value of a parameter; nil when it is absent or has none.
    public subscript(parameter name: String) -> String? { parameters.first(named: name)?.value }

    /// Whether ``value`` equals the text without regard to case.
    public func isValue(_ text: String) -> Bool { value.equalsIgnoringCase(text) }

    /// The value as it stands in a header.
    public var description: String { value + parameters.headerText }
}
