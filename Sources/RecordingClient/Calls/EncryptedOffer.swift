import SDP
import SIPREC
import SecureMedia

/// Turns the plain streams of an offer into encrypted ones: `RTP/SAVP` and one `a=crypto` a stream (RFC 4568 §4).
enum EncryptedOffer {
    /// `body` with `keys[i]` offered on the *i*th line of audio; lines without a key stay plain.
    static func encrypt(_ body: SessionBody, keys: [SDESKey]) -> SessionBody {
        var lines: [[UInt8]] = []
        var stream = 0
        var pending: SDESKey?
        for line in body.content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("m=audio "), stream < keys.count {
                pending = keys[stream]
                stream += 1
                let words = text.split(separator: " ", omittingEmptySubsequences: false)
                lines.append(Array(words.map { $0 == "RTP/AVP" ? "RTP/SAVP" : $0 }.joined(separator: " ").utf8))
                continue
            }
            // Attributes stand behind everything else in a section (RFC 8866 §5).
            if let key = pending, text.hasPrefix("a=") {
                let end = line.last == UInt8(ascii: "\r") ? "\r" : ""
                lines.append(Array(("a=crypto:\(key.tag) \(key.suiteName) \(key.keyParameter)" + end).utf8))
                pending = nil
            }
            lines.append(Array(line))
        }
        return SessionBody(
            Array(lines.joined(separator: [UInt8(ascii: "\n")])), contentType: body.contentType,
            contentDisposition: body.contentDisposition)
    }

    /// The key that an answer's stream is protected with: of the tag and suite that were offered (RFC 4568 §5.1.3); nil
    /// where there is none.
    static func answer(_ line: MediaParameters, to own: SDESKey) -> SDESKey? {
        for crypto in line.crypto where crypto.tag == own.tag {
            let key = try? SDESKey(
                tag: crypto.tag, suite: crypto.suite, keyParameters: crypto.keyParameters,
                sessionParameters: crypto.sessionParameters)
            if let key, key.suite == own.suite { return key }
        }
        return nil
    }
}
