extension RequestInspection {
    /// The first rule of the grammar that the request breaks; nil when it is well formed.
    ///
    /// Tolerated, as RFC 2543 clients and common devices do it: no branch, no From tag, no Contact in other requests
    /// than INVITE, no Content-Length in a stream when there is no body, any Date.
    public static func fault(of request: SIPRequest, arrivedBy arrival: Arrival) -> MessageFault? {
        // Another version may have another grammar, so nothing else is judged.
        if request.faults.contains(.version) { return .version }
        if let fault = request.faults.first { return fault }
        do throws(MessageFault) {
            try checkURI(request.uri)
            try MessageSyntax.checkMandatory(request.headers)
            try MessageSyntax.checkVia(request.headers)
            if request.via?.branch == Via.magicCookie {
                // RFC 4475 §3.2.1: such a branch cannot identify a transaction.
                throw .malformed(.via, "the branch has nothing after \(Via.magicCookie)")
            }
            guard try MessageSyntax.cSeq(request.headers).method == request.method else { throw .methodMismatch }
            try checkMaxForwards(request.headers)
            try MessageSyntax.checkContentLength(request.headers)
            try MessageSyntax.checkAddressLists(request.headers, isRegister: request.method == .register)
            try MessageSyntax.checkContentType(request.headers)
            if request.method == .invite, !request.headers.contains(.contact) {
                // RFC 3261 §8.1.1.8: without it no dialog can be made.
                throw .missing(.contact)
            }
            let announcesBody = request.method == .invite || request.headers.contains(.contentType)
            if arrival == .stream, announcesBody, !request.headers.contains(.contentLength) {
                throw .missing(.contentLength)
            }
        } catch {
            return error
        }
        return nil
    }

    /// RFC 3261 §7.1 and §19.1.1. Another scheme is no fault of syntax.
    private static func checkURI(_ text: String) throws(MessageFault) {
        guard let scheme = URIScheme(of: text), text.utf8.allSatisfy(\.isVisible) else {
            throw .requestURI(text.utf8.first == Octet.less ? "it must not stand in <>" : "no URI, or blanks in it")
        }
        guard scheme.isSIP else { return }
        do throws(SIPParseError) {
            // RFC 4475 §3.1.2.11: headers are not allowed here.
            guard try SIPURI(parsing: text).headers.isEmpty else {
                throw SIPParseError("it must not have headers", at: 0)
            }
        } catch {
            throw .requestURI(error.reason)
        }
    }

    /// RFC 3261 §8.1.1.6: every request has it; §20.22: 0 to 255.
    private static func checkMaxForwards(_ headers: HeaderFields) throws(MessageFault) {
        guard let text = headers[.maxForwards] else { throw .missing(.maxForwards) }
        guard text.utf8.decimalValue(as: UInt8.self) != nil else {
            throw .malformed(.maxForwards, "expected a number from 0 to 255")
        }
    }
}
