import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

/// The opening handshake, RFC 6455 §4.2.
struct WebSocketHandshake: Sendable, Equatable {
    /// `Sec-WebSocket-Accept` of the answer.
    let accept: String

    /// Reads a request.
    init(_ request: Request) throws(ServiceError) {
        let fields = request.headers
        guard request.method == .get, Self.names(fields, .upgrade, "websocket") else {
            throw ServiceError(
                status: 426, type: "UpgradeRequiredException",
                message: "This is a WebSocket (RFC 6455): send Upgrade: websocket.")
        }
        guard Self.names(fields, .connection, "upgrade") else {
            throw .validation("The WebSocket handshake needs Connection: Upgrade.")
        }
        guard fields[Self.version] == "13" else {
            throw ServiceError(
                status: 426, type: "UpgradeRequiredException", message: "Only WebSocket version 13 is spoken here.")
        }
        // RFC 6455 §4.1: 16 octets in Base64.
        guard let key = fields[Self.key], key.utf8.count == 24, key.hasSuffix("==") else {
            throw .validation("Sec-WebSocket-Key must be 16 octets in Base64.")
        }
        var hash = Insecure.SHA1()
        hash.update(data: Array(key.utf8))
        // RFC 6455 §1.3: the protocol's own identifier.
        hash.update(data: Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        accept = Self.base64(Array(hash.finalize()))
    }

    /// The answer's bytes.
    var response: ByteBuffer {
        ByteBuffer(
            string: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(accept)\r\nServer: Earshot\r\n\r\n")
    }

    private static let version = HTTPField.Name("Sec-WebSocket-Version") ?? .upgrade
    private static let key = HTTPField.Name("Sec-WebSocket-Key") ?? .upgrade

    /// Whether a field's comma-separated words include one.
    private static func names(_ fields: HTTPFields, _ name: HTTPField.Name, _ word: String) -> Bool {
        fields[values: name].contains { value in
            value.split(separator: ",").contains { part in
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()).lowercased() == word
            }
        }
    }

    private static func base64(_ octets: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            var bits: UInt32 = 0
            for (index, octet) in group.enumerated() { bits |= UInt32(octet) << UInt32(16 - 8 * index) }
            for index in 0..<4 {
                text.append(
                    index <= group.count ? letters[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
