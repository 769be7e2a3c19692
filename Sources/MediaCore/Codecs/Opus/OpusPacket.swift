/// What the head of an Opus packet says of it (RFC 6716 §3), read without a decoder.
///
/// All rules R1 to R7 of §3.4 are checked, so a packet that parses is well-formed as far as framing goes. Input from
/// outside: any octets are safe to give.
public struct OpusPacket: Sendable, Equatable {
    /// The layers of §3.1, table 2.
    public enum Mode: Sendable, Equatable {
        /// Linear prediction only: speech at low rates.
        case silk
        /// Both layers.
        case hybrid
        /// Transform only: music, and no error correction.
        case celt
    }

    /// Coding mode of all frames.
    public var mode: Mode
    /// 1 or 2.
    public var channels: Int
    /// Length of one frame in samples of 48 kHz: 120 to 2,880.
    public var frameDuration: Int
    /// 1 to 48.
    public var frameCount: Int
    /// Where the first frame lies in the packet; may be empty (nothing was sent for it).
    public var firstFrame: Range<Int>

    /// Length of the packet in samples of 48 kHz: at most 5,760, 120 ms (R5).
    public var duration: Int { frameDuration * frameCount }

    /// Nil where the octets are no Opus packet.
    public init?(parsing packet: RawSpan) {
        let end = packet.byteCount
        // R1: at least the octet that says what follows.
        guard end >= 1 else { return nil }
        let head = packet.octet(at: 0)
        let configuration = Int(head >> 3)
        switch configuration {
        case 0..<12:
            mode = .silk
            frameDuration = configuration & 3 == 3 ? 2880 : 480 << (configuration & 3)
        case 12..<16:
            mode = .hybrid
            frameDuration = 480 << (configuration & 1)
        default:
            mode = .celt
            frameDuration = 120 << (configuration & 3)
        }
        channels = head & 4 == 0 ? 1 : 2

        let length: Int
        let start: Int
        switch head & 3 {
        case 0:
            frameCount = 1
            (start, length) = (1, end - 1)
        case 1:
            // R3: two frames of one length.
            guard (end - 1) % 2 == 0 else { return nil }
            frameCount = 2
            (start, length) = (1, (end - 1) / 2)
        case 2:
            // R4: the first frame has its length before it, the second takes what remains.
            guard let (size, width) = Self.frameLength(packet, at: 1, end: end), 1 + width + size <= end else {
                return nil
            }
            frameCount = 2
            (start, length) = (1 + width, size)
            guard end - start - length <= Self.longestFrame else { return nil }
        default:
            guard end >= 2 else { return nil }
            let second = packet.octet(at: 1)
            frameCount = Int(second & 0x3F)
            guard frameCount >= 1,
                let frames = Self.manyFrames(
                    packet, end: end, count: frameCount, isVariable: second & 0x80 != 0, isPadded: second & 0x40 != 0)
            else { return nil }
            (start, length) = (frames.lowerBound, frames.count)
        }
        // R2: no frame is longer than 1,275 octets. R5: no packet is longer than 120 ms.
        guard length <= Self.longestFrame, frameDuration * frameCount <= 5760 else { return nil }
        firstFrame = start..<(start + length)
    }

    /// R6 and R7: padding, then the lengths of all frames but the last where they differ. The range of the first frame.
    private static func manyFrames(
        _ packet: RawSpan, end: Int, count: Int, isVariable: Bool, isPadded: Bool
    ) -> Range<Int>? {
        var position = 2
        var end = end
        if isPadded {
            var more = true
            while more {
                guard position < end else { return nil }
                let octet = packet.octet(at: position)
                position += 1
                // 255 stands for 254 octets of padding and another length octet.
                end -= octet == 255 ? 254 : Int(octet)
                more = octet == 255
            }
            guard position <= end else { return nil }
        }
        guard isVariable else {
            guard (end - position) % count == 0, (end - position) / count <= longestFrame else { return nil }
            return position..<(position + (end - position) / count)
        }
        var first = 0
        var total = 0
        for index in 0..<(count - 1) {
            guard let (size, width) = frameLength(packet, at: position, end: end) else { return nil }
            if index == 0 { first = size }
            total += size
            position += width
        }
        guard position + total <= end, end - position - total <= longestFrame else { return nil }
        return position..<(position + (count == 1 ? end - position : first))
    }

    /// §3.2.1: one octet up to 251, else two.
    private static func frameLength(_ packet: RawSpan, at position: Int, end: Int) -> (size: Int, width: Int)? {
        guard position < end else { return nil }
        let first = Int(packet.octet(at: position))
        guard first >= 252 else { return (first, 1) }
        guard position + 1 < end else { return nil }
        return (first + 4 * Int(packet.octet(at: position + 1)), 2)
    }

    private static let longestFrame = 1275
}
