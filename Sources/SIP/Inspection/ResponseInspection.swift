/// Whether a response may be used. A bad one is dropped silently (RFC 3261 §8.1.3, RFC 4475 §3.1.2.5).
public struct ResponseInspection {
    /// The first rule the response breaks; nil when it may be used.
    public static func fault(of response: SIPResponse) -> MessageFault? {
        if let fault = response.faults.first { return fault }
        do throws(MessageFault) {
            try MessageSyntax.checkMandatory(response.headers)
            try MessageSyntax.checkVia(response.headers)
            // RFC 3261 §8.1.3.3: with more than one Via it was meant for another element.
            guard response.headers.listValues(.via).count == 1 else { throw .severalViaValues }
            _ = try MessageSyntax.cSeq(response.headers)
            try MessageSyntax.checkContentLength(response.headers)
            try MessageSyntax.checkAddressLists(response.headers, isRegister: true)
            try checkRetryAfter(response.headers)
        } catch {
            return error
        }
        return nil
    }

    /// RFC 3261 §20.33: a number of seconds, then a comment and parameters.
    private static func checkRetryAfter(_ headers: HeaderFields) throws(MessageFault) {
        guard let text = headers[.retryAfter] else { return }
        guard text.utf8.prefix(while: \.isDigit).decimalValue(as: UInt32.self) != nil else {
            throw .malformed(.retryAfter, "expected seconds below 2^32")
        }
    }
}
