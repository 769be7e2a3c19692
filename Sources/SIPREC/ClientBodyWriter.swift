/// Writes multipart bodies with the habits of a dialect.
enum ClientBodyWriter {
    static func multipart(dialect: SIPRECDialect, sdp: [UInt8], metadata: [UInt8]) -> SessionBody {
        let end = dialect == .audiocodes ? "\n" : "\r\n"
        let colon = dialect == .broadworks ? ":" : ": "
        var parts = [
            part([("Content-Type", "application/sdp")] + (dialect == .cisco ? session : []), sdp, colon, end),
            part(
                [("Content-Type", dialect.metadataType), ("Content-Disposition", "recording-session")]
                    + (dialect == .broadworks ? [("Content-Length", String(metadata.count))] : []),
                metadata, colon, end),
        ]
        if dialect == .broadworks { parts.reverse() }
        if dialect == .cisco {
            let gtd = Array("IAM,\r\nGCI,91036128574411e789f9d0ff56c3c658\r\n".utf8)
            parts.append(
                part(
                    [("Content-Disposition", "signal;handling=optional"), ("Content-Type", "application/gtd")], gtd,
                    colon, end))
        }
        var body: [UInt8] = []
        for (position, part) in parts.enumerated() {
            body += Array("\(position == 0 ? "" : end)--\(dialect.boundary)\(end)".utf8)
            body += part
        }
        switch dialect {
        case .cisco: break
        // A blank after the final boundary.
        case .oracle: body += Array("\(end)--\(dialect.boundary)-- \(end)".utf8)
        case .rfc, .audiocodes, .sonus, .broadworks, .avaya, .none:
            body += Array("\(end)--\(dialect.boundary)--\(end)".utf8)
        }
        if dialect == .audiocodes { body.removeAll { $0 == 0x0D } }
        return SessionBody(body, contentType: "multipart/mixed;boundary=\(dialect.boundary)")
    }

    private static let session = [("Content-Disposition", "session;handling=required")]

    private static func part(
        _ headers: [(String, String)], _ content: [UInt8], _ colon: String, _ end: String
    ) -> [UInt8] {
        Array(headers.map { "\($0.0)\(colon)\($0.1)\(end)" }.joined().utf8) + Array(end.utf8) + content
    }
}
