import Foundation

/// One block of a PEM file (RFC 7468).
struct PEMDocument {
    /// What stands after `BEGIN`, such as `CERTIFICATE`.
    var label: String
    /// The bytes that the block encodes; empty for a block with headers, which older encrypted keys have.
    var bytes: [UInt8]
    /// Whether the block has the header of an encrypted key (RFC 1421 §4.6.1.1).
    var isEncrypted: Bool

    /// The first block of a file with a fit label.
    static func first(in file: [UInt8], labelled fits: (String) -> Bool) -> PEMDocument? {
        var label: String?
        var base64 = ""
        var isEncrypted = false
        for line in String(decoding: file, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
                let found = String(line.dropFirst(11).dropLast(5))
                label = fits(found) ? found : nil
                base64 = ""
                isEncrypted = false
            } else if let found = label {
                if line == "-----END \(found)-----" {
                    let bytes = isEncrypted ? Data() : Data(base64Encoded: base64)
                    return bytes.map { PEMDocument(label: found, bytes: Array($0), isEncrypted: isEncrypted) }
                }
                if line.hasPrefix("Proc-Type:") { isEncrypted = line.contains("ENCRYPTED") } else { base64 += line }
            }
        }
        return nil
    }
}
