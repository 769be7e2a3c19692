import StreamSink

/// Cuts a session's samples into frames of 20 ms and finds the gaps between them.
///
/// A frame is eight octets, the wall clock of its first sample in milliseconds since 1970 (big-endian), then 16-bit
/// little-endian samples.
struct AudioFramer {
    /// A shorter step in the places is the rounding of another producer's clock.
    private static let slackMilliseconds: Int64 = 10

    private var pending: [Int16] = []
    /// The place of the first pending sample.
    private var position: Int64 = 0
    private var origin: Int64 = 0
    private var rate = 8000
    private var hasBegun = false

    /// The wall clock behind the last sample so far, milliseconds since 1970.
    private(set) var endMilliseconds: Int64 = 0

    /// Adds samples; what came out is appended to `messages`.
    mutating func add(_ placed: PlacedSamples, to messages: inout [WebSocketMessage]) {
        if hasBegun {
            let hole = placed.startMilliseconds - endMilliseconds
            if hole > Self.slackMilliseconds || hole < -Self.slackMilliseconds || placed.rate != rate {
                flush(to: &messages)
                if hole > Self.slackMilliseconds {
                    messages.append(Self.gap(from: endMilliseconds, to: placed.startMilliseconds))
                }
                begin(placed)
            }
        } else {
            begin(placed)
        }
        pending += placed.samples
        endMilliseconds = placed.endMilliseconds
        let length = max(1, rate / 50)
        var start = 0
        while pending.count - start >= length {
            messages.append(frame(pending[start..<start + length]))
            position += Int64(length)
            start += length
        }
        pending.removeFirst(start)
    }

    /// What is left, as a shorter frame.
    mutating func flush(to messages: inout [WebSocketMessage]) {
        guard !pending.isEmpty else { return }
        messages.append(frame(pending[...]))
        position += Int64(pending.count)
        pending.removeAll(keepingCapacity: true)
    }

    private mutating func begin(_ placed: PlacedSamples) {
        hasBegun = true
        (position, origin, rate) = (placed.position, placed.originMilliseconds, max(1, placed.rate))
    }

    private func frame(_ samples: ArraySlice<Int16>) -> WebSocketMessage {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + samples.count * 2)
        let time = UInt64(bitPattern: origin + position * 1000 / Int64(rate))
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: time >> UInt64(shift)))
        }
        for sample in samples {
            let bits = UInt16(bitPattern: sample)
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        }
        return .binary(bytes)
    }

    private static func gap(from: Int64, to: Int64) -> WebSocketMessage {
        .text(
            JSONValue.object([
                .init("type", .string("gap")), .init("from", .integer(from)), .init("to", .integer(to)),
                .init("milliseconds", .integer(to - from)),
            ]).text)
    }
}
