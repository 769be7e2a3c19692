/// An element's identifier and size, RFC 8794 §4 and §5.
struct ElementHead {
    let id: UInt32
    /// `nil` when unknown (all value bits set).
    let size: Int64?
    /// The body's first byte in the buffer.
    let bodyStart: Int

    /// Reads a head; `nil` when its bytes are not all there yet.
    init?(_ bytes: [UInt8], at start: Int, limit: Int? = nil, offset base: Int64) throws(MatroskaError) {
        let end = limit ?? bytes.count
        guard start < end else { return nil }
        let idLength = bytes[start].leadingZeroBitCount + 1
        guard idLength <= 4 else { throw .noElement(offset: base + Int64(start)) }
        guard start + idLength < end else { return nil }
        id = bytes[start..<start + idLength].reduce(0) { $0 << 8 | UInt32($1) }
        let sizeStart = start + idLength
        let sizeLength = bytes[sizeStart].leadingZeroBitCount + 1
        guard sizeLength <= 8 else { throw .noElement(offset: base + Int64(start)) }
        guard sizeStart + sizeLength <= end else { return nil }
        let mask = UInt64(1) << UInt64(7 * sizeLength) - 1
        let value = bytes[sizeStart..<sizeStart + sizeLength].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & mask
        size = value == mask ? nil : Int64(value)
        bodyStart = sizeStart + sizeLength
    }
}

extension MatroskaScanner {
    /// The direct children of a whole element in the buffer, at most 4096.
    private func children(_ body: Range<Int>) throws(MatroskaError) -> [(id: UInt32, body: Range<Int>)] {
        var children: [(UInt32, Range<Int>)] = []
        var at = body.lowerBound
        let base = endOffset - Int64(buffer.count)
        while at < body.upperBound, children.count < 4096 {
            guard let head = try ElementHead(buffer, at: at, limit: body.upperBound, offset: base),
                let size = head.size, size <= body.upperBound - head.bodyStart
            else { throw .overrun(offset: base + Int64(at)) }
            at = head.bodyStart + Int(size)
            children.append((head.id, head.bodyStart..<at))
        }
        return children
    }

    /// A big-endian number of at most eight bytes.
    func unsigned(_ body: Range<Int>) -> UInt64 {
        buffer[body].suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func float(_ body: Range<Int>) -> Double? {
        switch body.count {
        case 4: Double(Float(bitPattern: UInt32(truncatingIfNeeded: unsigned(body))))
        case 8: Double(bitPattern: unsigned(body))
        default: nil
        }
    }

    private func text(_ body: Range<Int>) -> String {
        // RFC 8794 §7.4: a string may be padded with zeros.
        String(decoding: buffer[body].prefix { $0 != 0 }, as: UTF8.self)
    }

    func checkDocument(_ body: Range<Int>) throws(MatroskaError) {
        for child in try children(body) where child.id == MatroskaElement.docType {
            let type = text(child.body)
            guard type == "matroska" || type == "webm" else { throw .wrongDocumentType(type) }
        }
    }

    func information(_ body: Range<Int>) throws(MatroskaError) -> SegmentInformation {
        var info = SegmentInformation()
        let base = endOffset - Int64(buffer.count)
        for child in try children(body) {
            switch child.id {
            case MatroskaElement.dateUTC where child.body.count == 8:
                let nanoseconds = Int64(bitPattern: unsigned(child.body))
                info.startedAtMilliseconds = nanoseconds / 1_000_000 + MatroskaElement.dateEpochMilliseconds
            case MatroskaElement.duration:
                info.durationMilliseconds = float(child.body)
                if child.body.count == 8 { info.durationOffset = base + Int64(child.body.lowerBound) - 3 }
            case MatroskaElement.void where child.body.count == 9:
                if info.durationOffset == nil { info.durationOffset = base + Int64(child.body.lowerBound) - 2 }
            default: break
            }
        }
        return info
    }

    func firstTrack(_ body: Range<Int>) throws(MatroskaError) -> TrackDescription? {
        guard let entry = try children(body).first(where: { $0.id == MatroskaElement.trackEntry }) else { return nil }
        var track = TrackDescription()
        for child in try children(entry.body) {
            switch child.id {
            case MatroskaElement.codecID: track.codecID = text(child.body)
            case MatroskaElement.name: track.name = text(child.body)
            case MatroskaElement.codecPrivate: track.codecPrivate = Array(buffer[child.body])
            case MatroskaElement.audio:
                for audio in try children(child.body) {
                    switch audio.id {
                    case MatroskaElement.samplingFrequency:
                        track.samplingFrequency = float(audio.body) ?? track.samplingFrequency
                    case MatroskaElement.channels: track.channels = Int(clamping: unsigned(audio.body))
                    case MatroskaElement.bitDepth: track.bitDepth = Int(clamping: unsigned(audio.body))
                    default: break
                    }
                }
            default: break
            }
        }
        return track
    }

    func tagValues(_ body: Range<Int>) throws(MatroskaError) -> [TagValue] {
        var values: [TagValue] = []
        for tag in try children(body) where tag.id == MatroskaElement.tag {
            for simpleTag in try children(tag.body) where simpleTag.id == MatroskaElement.simpleTag {
                var value = TagValue(name: "", value: "")
                for part in try children(simpleTag.body) {
                    if part.id == MatroskaElement.tagName { value.name = text(part.body) }
                    if part.id == MatroskaElement.tagString { value.value = text(part.body) }
                }
                values.append(value)
            }
        }
        return values
    }
}
