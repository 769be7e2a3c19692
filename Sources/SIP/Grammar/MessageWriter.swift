/// Writes messages. Nothing a value holds can begin a new header line.
enum MessageWriter {
    static func write(startLine: String, headers: HeaderFields, body: [UInt8]) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(128 + headers.fields.count * 64 + body.count)
        octets.append(line: startLine)
        var hasLength = false
        // A name that is not a token would be read as something else; it is left out.
        for field in headers.fields where field.name.isWritable {
            if field.name == .contentLength {
                guard !hasLength else { continue }
                hasLength = true
                octets.append(line: "Content-Length: \(body.count)")
            } else {
                octets.append(line: "\(field.name.spelling): \(field.value)")
            }
        }
        if !hasLength { octets.append(line: "Content-Length: \(body.count)") }
        octets += [Octet.carriageReturn, Octet.lineFeed]
        octets += body
        return octets
    }
}

extension [UInt8] {
    fileprivate mutating func append(line: String) {
        for octet in line.utf8 {
            append(octet == Octet.carriageReturn || octet == Octet.lineFeed ? Octet.space : octet)
        }
        self += [Octet.carriageReturn, Octet.lineFeed]
    }
}
