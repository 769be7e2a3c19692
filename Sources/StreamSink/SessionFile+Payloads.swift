import Synchronization

extension SessionFile {
    mutating func flushPayloads(
        from session: StreamSession, scratch: inout WriteScratch, wallClock: Int64
    ) -> Outcome {
        session.payloads.withLock { state in
            state.isQueued = false
            if payloads.isEmpty {
                swap(&payloads, &state.records)
            } else {
                payloads.append(state.records)
                state.records.removeAll(keeping: PendingPayloads.keptCapacity)
            }
            // As with samples: a good write leaves nothing.
            state.held = 0
        }
        if payloads.isEmpty, hasHeader { return .idle }
        repeat {
            // The whole backlog is laid out at once only when it is not much.
            let limit = failure == nil ? Self.blocksPerWrite : 1
            let (error, written) = write(scratch: &scratch) { file, scratch in
                let records = file.payloads
                var next = 0
                for _ in 0..<limit {
                    guard let record = records.record(at: next) else { break }
                    file.muxer.appendPayload(
                        records.bytes.span.bytes.extracting(record.payload), at: record.position,
                        length: Int64(record.length), serverMilliseconds: wallClock, to: &scratch.bytes)
                    scratch.mark(file.muxer.position, hasHeader: true)
                    next = record.payload.upperBound
                }
            }
            payloads.removeFirst(written, keeping: PendingPayloads.keptCapacity)
            if let error {
                session.payloads.withLock { $0.held = payloads.bytes.count }
                return .failed(error)
            }
            recovered()
        } while !payloads.isEmpty
        return .written
    }
}
