import MediaCore
import MediaEngine
import StreamSink

/// What a leg hands out, into the fragments of a stream's file, in memory that is used again. Everything happens on the
/// leg's worker, as the counting wants it; numbers are read after the worker has answered.
final class FragmentTap: LegTap, @unchecked Sendable {
    private var muxer: FragmentMuxer
    private var output: [UInt8] = []
    private let block: Int
    /// Where the leg's first payload lies in the file.
    private let offset: Int64
    private(set) var handIns = 0
    private(set) var octets = 0
    private(set) var digits = 0

    init(_ format: StreamFormat) {
        block = format.sampleRate / 50
        offset = Self.past * Int64(format.sampleRate)
        muxer = FragmentMuxer(
            transactionID: "t", connectorID: "c", callID: "i", startedAtMilliseconds: 0, firstCounter: 1, seed: 1,
            format: format)
        output.reserveCapacity(262_144)
        for second in 0..<Self.past { writePast(second) }
    }

    /// Seconds of the file that lie behind it: its list of fragments has grown, as that of a call that has lasted.
    private static let past: Int64 = 70

    private func writePast(_ second: Int64) {
        output.removeAll(keepingCapacity: true)
        let silence = [Int16](repeating: 0, count: block)
        let octets = [UInt8](repeating: 0, count: 80)
        for part in 0..<50 as Range<Int64> {
            if muxer.format.isPayload {
                let place = (second * 50 + part) * Int64(block)
                muxer.appendPayload(
                    octets.span.bytes, at: place, length: Int64(block), serverMilliseconds: 0, to: &output)
            } else {
                muxer.appendBlock(silence.span, serverMilliseconds: 0, to: &output)
            }
        }
    }

    func append(_ samples: Span<Int16>) {
        handIns += 1
        output.removeAll(keepingCapacity: true)
        var start = 0
        while start < samples.count {
            let end = min(start + block, samples.count)
            muxer.appendBlock(samples.extracting(start..<end), serverMilliseconds: 0, to: &output)
            start = end
        }
        octets += output.count
    }

    func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64) {
        handIns += 1
        output.removeAll(keepingCapacity: true)
        muxer.appendPayload(payload, at: position + offset, length: length, serverMilliseconds: 0, to: &output)
        octets += output.count
    }

    func observe(_ event: LegEvent) {
        if case .digit = event { digits += 1 }
    }
}
