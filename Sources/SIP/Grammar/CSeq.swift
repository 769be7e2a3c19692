/// The CSeq header (RFC 3261 §20.16).
public struct CSeq: Sendable, Hashable, CustomStringConvertible {
    /// The sequence number. Every 32-bit value is taken; RFC 3261 §8.1.1.5 asks clients to stay below 2^31.
    public var number: UInt32
    /// The method of the transaction.
    public var method: SIPMethod

    /// Makes a value.
    public init(_ number: UInt32, _ method: SIPMethod) {
        self.number = number
        self.method = method
    }

    /// Reads `1*DIGIT LWS Method`.
    public init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = OctetScanner(text)
        scanner.skipBlanks()
        guard let number = scanner.take(while: \.isDigit).decimalValue(as: UInt32.self) else {
            throw scanner.failure("expected a number below 2^32")
        }
        guard scanner.current?.isBlank == true else { throw scanner.failure("expected a blank and a method") }
        scanner.skipBlanks()
        self.init(number, SIPMethod(rawValue: try scanner.token("a method")))
        try scanner.expectEnd()
    }

    /// The value as it stands in the header.
    public var description: String { "\(number) \(method.rawValue)" }
}
