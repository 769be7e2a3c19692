/// The ids of one client's metadata: base64 of sixteen octets, RFC 7865 §6.10.
struct ClientIdentifiers: Sendable {
    let group: String
    let session: String
    let participants: [String]
    let streams: [String]

    init(generator: inout some RandomNumberGenerator) {
        func next() -> String {
            let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
            return ClientIdentifiers.base64(bytes)
        }
        group = next()
        session = next()
        participants = [next(), next()]
        streams = [next(), next(), next(), next()]
    }

    /// RFC 4648 §4.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = (0..<3).reduce(UInt32(0)) { sum, offset in
                sum << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0)
            }
            for position in 0..<4 {
                let shift = UInt32(18 - 6 * position)
                out.append(position <= group.count ? alphabet[Int(value >> shift & 63)] : UInt8(ascii: "="))
            }
        }
        return out.text
    }
}
