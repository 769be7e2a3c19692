extension XMLReader {
    /// The document as UTF-8: byte order marks are taken off, UTF-16 and declared ISO-8859-1 are converted.
    static func utf8(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        if bytes.starts(with: [0xFE, 0xFF]) { return fromUTF16(bytes.dropFirst(2), bigEndian: true) }
        if bytes.starts(with: [0xFF, 0xFE]) { return fromUTF16(bytes.dropFirst(2), bigEndian: false) }
        guard bytes.contains(where: { $0 >= 0x80 }), declaresLatin1(bytes) else { return bytes }
        return Array(bytes.flatMap { byte in String(Character(Unicode.Scalar(byte))).utf8 })
    }

    private static func fromUTF16(_ bytes: ArraySlice<UInt8>, bigEndian: Bool) -> [UInt8] {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        var first: UInt8?
        for byte in bytes.prefix(maximumOctets) {
            guard let high = first else {
                first = byte
                continue
            }
            units.append(bigEndian ? UInt16(high) << 8 | UInt16(byte) : UInt16(byte) << 8 | UInt16(high))
            first = nil
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    private static func declaresLatin1(_ bytes: [UInt8]) -> Bool {
        guard let end = bytes.prefix(200).firstIndex(of: UInt8(ascii: ">")) else { return false }
        let declaration = bytes[..<end].text.asciiLowercased
        return declaration.hasPrefix("<?xml") && declaration.contains("iso-8859-1")
    }
}
