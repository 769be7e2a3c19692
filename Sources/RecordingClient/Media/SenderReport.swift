import MediaCore

/// The RTCP of a stream that only sends.
enum SenderReport {
    /// A compound packet: sender report (RFC 3550 §6.4.1), source description with CNAME (§6.5), and BYE (§6.6) at the
    /// end of the stream.
    /// - Parameters:
    ///   - wallClock: UTC, nanoseconds since 1970.
    ///   - timestamp: media time of the same instant.
    static func make(
        ssrc: UInt32, wallClock: Int64, timestamp: UInt32, packets: UInt32, octets: UInt32, name: String, isLast: Bool
    ) -> [UInt8] {
        var out: [UInt8] = []
        func append(_ value: UInt32) { out += (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - $0 * 8)) } }
        // NTP counts from 1900, in 1/2^32 s.
        let seconds = wallClock / 1_000_000_000
        let fraction = UInt64(wallClock - seconds * 1_000_000_000) << 32 / 1_000_000_000
        append(0x80C8_0006)
        append(ssrc)
        append(UInt32(truncatingIfNeeded: seconds + 2_208_988_800))
        append(UInt32(truncatingIfNeeded: fraction))
        append(timestamp)
        append(packets)
        append(octets)
        let cname = Array(name.utf8.prefix(200))
        let padding = 4 - (cname.count + 2) % 4
        append(0x81CA_0000 | UInt32(1 + (2 + cname.count + padding) / 4))
        append(ssrc)
        out += [1, UInt8(cname.count)] + cname + [UInt8](repeating: 0, count: padding)
        if isLast {
            append(0x81CB_0001)
            append(ssrc)
        }
        return out
    }

    /// The loss that a receiver reports for `ssrc` (RFC 3550 §6.4.2): cumulative packets and jitter in ticks of the RTP
    /// clock. Nil when the datagram holds no such report.
    static func reception(of ssrc: UInt32, in datagram: ArraySlice<UInt8>) -> (lost: Int32, jitter: UInt32)? {
        var rest = datagram
        func word(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
            bytes.dropFirst(offset).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        }
        while rest.count >= 8, let first = rest.first, first >> 6 == 2 {
            let head = word(rest, 0)
            let length = (Int(head & 0xFFFF) + 1) * 4
            guard length <= rest.count else { return nil }
            let type = UInt8(truncatingIfNeeded: head >> 16)
            // The blocks stand after the sender's own numbers in a sender report, at once in a receiver report.
            var offset = type == 200 ? 28 : type == 201 ? 8 : length
            for _ in 0..<(first & 0x1F) where offset + 24 <= length {
                if word(rest, offset) == ssrc {
                    let lost = Int32(bitPattern: word(rest, offset + 4) << 8) >> 8
                    return (lost, word(rest, offset + 12))
                }
                offset += 24
            }
            rest = rest.dropFirst(length)
        }
        return nil
    }
}
