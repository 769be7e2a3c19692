/// From when to when a certificate is valid (RFC 5280 §4.1.2.5), in seconds since 1970 (UTC).
struct CertificateValidity: Equatable {
    var notBefore: Int64
    var notAfter: Int64

    /// Reads the validity of an X.509 certificate and nothing else of it; `nil` for bytes of another shape.
    init?(derEncodedCertificate bytes: [UInt8]) {
        // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version OPTIONAL, serialNumber, signature, issuer,
        // validity SEQUENCE { notBefore, notAfter }, … }, … }
        var file = DERReader(bytes[...])
        guard let certificate = file.next(), certificate.tag == 0x30 else { return nil }
        var outer = DERReader(certificate.content)
        guard let toBeSigned = outer.next(), toBeSigned.tag == 0x30 else { return nil }
        var fields = DERReader(toBeSigned.content)
        guard var field = fields.next() else { return nil }
        if field.tag == 0xa0 {
            guard let serial = fields.next() else { return nil }
            field = serial
        }
        guard field.tag == 0x02, fields.next()?.tag == 0x30, fields.next()?.tag == 0x30,
            let validity = fields.next(), validity.tag == 0x30
        else { return nil }
        var times = DERReader(validity.content)
        guard let from = times.next().flatMap(Self.seconds), let to = times.next().flatMap(Self.seconds) else {
            return nil
        }
        notBefore = from
        notAfter = to
    }

    /// UTCTime `YYMMDDHHMMSSZ` (1950–2049) or GeneralizedTime `YYYYMMDDHHMMSSZ`.
    private static func seconds(_ element: DERReader.Element) -> Int64? {
        let isLong = element.tag == 0x18
        guard isLong || element.tag == 0x17, element.content.count == (isLong ? 15 : 13),
            element.content.last == UInt8(ascii: "Z")
        else { return nil }
        let digits = element.content.dropLast().map { Int64($0) - 0x30 }
        guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let yearDigits = isLong ? 4 : 2
        var year = digits.prefix(yearDigits).reduce(0) { $0 * 10 + $1 }
        if !isLong { year += year < 50 ? 2000 : 1900 }
        let rest = digits.dropFirst(yearDigits)
        let pairs = stride(from: rest.startIndex, to: rest.endIndex, by: 2).map { rest[$0] * 10 + rest[$0 + 1] }
        guard pairs.count == 5, (1...12).contains(pairs[0]), (1...31).contains(pairs[1]) else { return nil }
        return days(year, pairs[0], pairs[1]) * 86_400 + pairs[2] * 3600 + pairs[3] * 60 + pairs[4]
    }

    /// Days from 1970-01-01 in the Gregorian calendar, counted in years that begin in March so that the leap day is
    /// last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Reads the elements of DER bytes one after the other, without going into them (ITU-T X.690 §8.1).
struct DERReader {
    struct Element {
        var tag: UInt8
        var content: ArraySlice<UInt8>
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// The next element; `nil` at the end, or where the bytes are cut short or have a length of more than 4 bytes.
    mutating func next() -> Element? {
        guard let tag = rest.popFirst(), var length = rest.popFirst().map(Int.init) else { return nil }
        if length >= 0x80 {
            let count = length & 0x7f
            guard (1...4).contains(count), rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        let content = rest.prefix(length)
        rest = rest.dropFirst(length)
        return Element(tag: tag, content: content)
    }
}
