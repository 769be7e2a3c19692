/// The checks that requests and responses share.
enum MessageSyntax {
    private static let mandatory: [HeaderName] = [.callID, .cSeq, .from, .to, .via]
    private static let single: [HeaderName] = [.callID, .cSeq, .from, .to, .maxForwards, .contentType]

    /// RFC 3261 §8.1.1: these are in every message, and but for Via only once.
    static func checkMandatory(_ headers: HeaderFields) throws(MessageFault) {
        for name in mandatory where !headers.contains(name) { throw .missing(name) }
        for name in single where headers.values(name).count > 1 { throw .repeated(name) }
        for name in [HeaderName.from, .to] {
            guard let text = headers[name] else { continue }
            try checkAddress(text, of: name)
        }
        guard let callID = headers[.callID], !callID.isEmpty, callID.utf8.allSatisfy(\.isVisible) else {
            throw .malformed(.callID, "it is empty or has blanks")
        }
    }

    /// Reads every Via value; an empty list element is an error (RFC 4475 §3.1.2.1).
    static func checkVia(_ headers: HeaderFields) throws(MessageFault) {
        for element in headers.values(.via).flatMap(HeaderList.elements(of:)) {
            do throws(SIPParseError) { _ = try Via(parsing: element) } catch {
                throw .malformed(.via, error.reason)
            }
        }
    }

    /// The CSeq value, which must be readable.
    static func cSeq(_ headers: HeaderFields) throws(MessageFault) -> CSeq {
        do throws(SIPParseError) { return try CSeq(parsing: headers[.cSeq] ?? "") } catch {
            throw .malformed(.cSeq, error.reason)
        }
    }

    /// Contact, Route and Record-Route; `Contact: *` only in REGISTER (RFC 3261 §10.2.2).
    static func checkAddressLists(_ headers: HeaderFields, isRegister: Bool) throws(MessageFault) {
        for name in [HeaderName.contact, .route, .recordRoute] {
            for element in headers.values(name).flatMap(HeaderList.elements(of:)) {
                if isRegister, name == .contact, element == "*" { continue }
                try checkAddress(element, of: name)
            }
        }
    }

    static func checkContentLength(_ headers: HeaderFields) throws(MessageFault) {
        switch ContentLength(of: headers.values(.contentLength)) {
        case .absent, .octets: return
        case .unreadable: throw .malformed(.contentLength, "expected a number")
        case .conflicting: throw .repeated(.contentLength)
        }
    }

    static func checkContentType(_ headers: HeaderFields) throws(MessageFault) {
        guard let text = headers[.contentType] else { return }
        do throws(SIPParseError) {
            guard try ParameterizedValue(parsing: text).value.utf8.split(separator: Octet.slash).count == 2 else {
                throw SIPParseError("expected type/subtype", at: 0)
            }
        } catch {
            throw .malformed(.contentType, error.reason)
        }
    }

    private static func checkAddress(_ text: String, of name: HeaderName) throws(MessageFault) {
        do throws(SIPParseError) { _ = try NameAddress(parsing: text) } catch {
            throw .malformed(name, error.reason)
        }
    }
}
