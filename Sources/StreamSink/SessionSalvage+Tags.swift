extension SessionSalvage {
    /// Makes the tags of a fragment anew whose cluster is there: all of a session's tags have one form, only number and
    /// times differ.
    /// - Parameter next: where the next fragment begins.
    /// - Returns: where that fragment ends; `nil` when there is none at this place.
    mutating func rebuildTags(at position: Int64, upTo next: Int64?) throws(WalkError) -> Int64? {
        guard let start = header.startedAtMilliseconds else { return nil }
        let following = try next.flatMapTags { (offset) throws(WalkError) in try tags(at: offset) }
        var places: [(offset: Int64, length: Int64)] = []
        if let last = pieces.last { places.append((last.offset, last.cluster - last.offset)) }
        if let following { places.append((following.offset, following.end - following.offset)) }
        for place in places {
            let cluster = position + place.length
            guard cluster + Self.preludeLength < next ?? limit,
                let head = try window.bytes(cluster..<cluster + Self.preludeLength)
            else { continue }
            guard let timecode = Self.timecode(head),
                Double(timecode) >= (pieces.last?.endMilliseconds ?? 0) - 0.5,
                following?.producerMilliseconds.map({ start + timecode < $0 }) ?? true,
                let template = try window.bytes(place.offset..<place.offset + place.length),
                let number = try number(
                    at: position, length: place.length, template: Array(template), timecode: timecode,
                    next: following?.number)
            else { continue }
            let producer = start + timecode
            guard
                let bytes = FragmentTags.bytes(
                    like: Array(template), number: number, producerMilliseconds: producer)
            else { continue }
            let tags = Tags(
                offset: position, end: cluster, number: number, producerMilliseconds: producer, values: [])
            return try ownFragment(tags, rewrites: [SessionPatch(offset: position, bytes: bytes)])
        }
        return nil
    }

    /// The number of a fragment whose tags are damaged: the index has it, or the digits are still there, or it follows
    /// from its neighbours but for its random part.
    private mutating func number(
        at position: Int64, length: Int64, template: [UInt8], timecode: Int64, next: FragmentNumber?
    ) throws(WalkError) -> FragmentNumber? {
        guard let counter = pieces.last.map({ $0.number.counter + 1 }) ?? firstCounter else { return nil }
        if let next, counter >= next.counter { return nil }
        if let entry = known[position], entry.number.counter == counter { return entry.number }
        if let at = FragmentTags.places(in: template)?.number,
            let digits = try window.bytes(position + Int64(at)..<position + Int64(at + FragmentNumber.digitCount)),
            let number = FragmentNumber(String(decoding: digits, as: UTF8.self)), number.counter == counter
        {
            return number
        }
        let time: UInt64
        if let last = pieces.last {
            time = last.number.epochMilliseconds &+ UInt64(max(0, timecode - last.timecode))
        } else {
            time = UInt64(max(0, (header.startedAtMilliseconds ?? 0) + timecode))
        }
        return FragmentNumber(
            counter: counter, epochMilliseconds: min(time, next?.epochMilliseconds ?? time), random: 0)
    }
}

extension Optional where Wrapped == Int64 {
    /// `flatMap` with a typed error.
    fileprivate func flatMapTags(
        _ body: (Int64) throws(WalkError) -> SessionSalvage.Tags?
    ) throws(WalkError) -> SessionSalvage.Tags? {
        switch self {
        case .some(let value): try body(value)
        case nil: nil
        }
    }
}

extension FragmentTags {
    /// Where number and times lie in a whole `Tags` element of this form; `nil` for another form.
    static func places(in bytes: [UInt8]) -> (number: Int, serverTime: Int, producerTime: Int)? {
        func place(_ name: String, _ length: Int) -> Int? {
            let name = Array(name.utf8)
            guard
                let found = bytes.indices.first(where: {
                    bytes.count - $0 >= name.count && bytes[$0] == name[0]
                        && bytes[$0..<$0 + name.count].elementsEqual(name)
                })
            else { return nil }
            // The value's head: identifier and one byte of size.
            let at = found + name.count
            guard bytes.count - at >= 3 + length, bytes[at] == 0x44, bytes[at + 1] == 0x87,
                bytes[at + 2] == 0x80 | UInt8(length)
            else { return nil }
            return at + 3
        }
        guard let number = place("AWS_KINESISVIDEO_FRAGMENT_NUMBER", FragmentNumber.digitCount),
            let server = place("AWS_KINESISVIDEO_SERVER_TIMESTAMP", 14),
            let producer = place("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", 14)
        else { return nil }
        return (number, server, producer)
    }

    /// Another fragment's tags with this one's number and times.
    static func bytes(like template: [UInt8], number: FragmentNumber, producerMilliseconds: Int64) -> [UInt8]? {
        guard let places = places(in: template) else { return nil }
        var bytes = template
        number.write(over: &bytes, at: places.number)
        write(Int64(clamping: number.epochMilliseconds), over: &bytes, at: places.serverTime)
        write(producerMilliseconds, over: &bytes, at: places.producerTime)
        return bytes
    }
}
