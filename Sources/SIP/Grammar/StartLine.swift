/// The first line of a message (RFC 3261 §7.1, §7.2), read so leniently that faulty requests can be answered.
enum StartLine {
    case request(SIPMethod, uri: String, faults: [MessageFault])
    case response(Int, reason: String, faults: [MessageFault])

    init(_ line: ArraySlice<UInt8>, at position: Int) throws(SIPParseError) {
        // A carriage return that ends no line is a blank, here as in header fields.
        let line =
            line.contains(Octet.carriageReturn)
            ? line.map { $0 == Octet.carriageReturn ? Octet.space : $0 }[...] : line
        if Self.isVersion(line.prefix { !$0.isBlank }) {
            try self.init(statusLine: line, at: position)
        } else {
            try self.init(requestLine: line, at: position)
        }
    }

    /// `SIP-Version SP Status-Code SP Reason-Phrase`; a missing last SP is tolerated.
    private init(statusLine line: ArraySlice<UInt8>, at position: Int) throws(SIPParseError) {
        let version = line.prefix { !$0.isBlank }
        let rest = line.dropFirst(version.count).dropFirst()
        let code = rest.prefix { !$0.isBlank }
        guard code.count == 3, let status = code.decimalValue(as: UInt16.self), status >= 100, status < 700 else {
            throw SIPParseError("the status code is not a number from 100 to 699", at: position + version.count)
        }
        let reason = String(decoding: rest.dropFirst(4), as: UTF8.self)
        let isSpoken = Self.isVersion2(version)
        self = .response(Int(status), reason: reason, faults: isSpoken ? [] : [.version])
    }

    /// `Method SP Request-URI SP SIP-Version`.
    private init(requestLine line: ArraySlice<UInt8>, at position: Int) throws(SIPParseError) {
        let method = line.prefix { !$0.isBlank }
        guard !method.isEmpty, method.allSatisfy(\.isToken) else {
            throw SIPParseError("the first line is not a SIP start line", at: position)
        }
        var faults: [MessageFault] = []
        var rest = line.dropFirst(method.count)
        if rest.last?.isBlank == true { faults.append(.startLineBlanks) }
        while rest.last?.isBlank == true { rest.removeLast() }
        let version = rest.suffix(from: (rest.lastIndex(where: \.isBlank) ?? rest.startIndex))
        var uri = rest
        if Self.isVersion(version.drop(while: \.isBlank)) {
            uri = rest.dropLast(version.count)
            if !Self.isVersion2(version.drop(while: \.isBlank)) { faults.append(.version) }
        } else {
            faults.append(.missingVersion)
        }
        let trimmed = uri.drop(while: \.isBlank)
        var target = trimmed
        while target.last?.isBlank == true { target.removeLast() }
        if uri.count - trimmed.count != 1 || target.count != trimmed.count { faults.append(.startLineBlanks) }
        let text = String(decoding: target, as: UTF8.self)
        // Without a version only a SIP URI tells the line from that of another protocol.
        guard !target.isEmpty, !faults.contains(.missingVersion) || URIScheme(of: text)?.isSIP == true else {
            throw SIPParseError("the first line is not a SIP start line", at: position)
        }
        self = .request(SIPMethod(rawValue: String(decoding: method, as: UTF8.self)), uri: text, faults: faults)
    }

    /// `SIP/` and something; the letters in any case (RFC 3261 §7.1).
    static func isVersion(_ octets: ArraySlice<UInt8>) -> Bool {
        octets.count > 4 && octets.prefix(4).map(\.lowercasedASCII) == Array("sip/".utf8)
    }

    private static func isVersion2(_ octets: ArraySlice<UInt8>) -> Bool {
        octets.dropFirst(4).elementsEqual("2.0".utf8)
    }
}
