import StreamSink

/// A tag of a fragment.
struct MediaTag: Sendable, Equatable {
    var name: String
    var value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension MediaTag {
    static let fragmentNumber = "AWS_KINESISVIDEO_FRAGMENT_NUMBER"
    static let serverTimestamp = "AWS_KINESISVIDEO_SERVER_TIMESTAMP"
    static let producerTimestamp = "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"
    static let millisBehindNow = "AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"
    static let continuationToken = "AWS_KINESISVIDEO_CONTINUATION_TOKEN"
    static let errorCode = "AWS_KINESISVIDEO_ERROR_CODE"
    static let errorID = "AWS_KINESISVIDEO_ERROR_ID"
    static let exceptionCode = "AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE"
    static let exceptionMessage = "AWS_KINESISVIDEO_EXCEPTION_MESSAGE"

    /// Seconds with three decimals, as in every timestamp tag.
    static func seconds(_ milliseconds: Int64) -> String {
        let whole = milliseconds / 1000
        let part = (milliseconds % 1000).magnitude
        let digits = String(part)
        return "\(whole)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// A `Tags` element as Kinesis Video Streams writes it: one Tag without Targets, sizes of four bytes, the name
    /// before the value (consumers read them by position).
    static func element(_ tags: [MediaTag]) -> [UInt8] {
        var simpleTags: [UInt8] = []
        for tag in tags {
            let name = Array(tag.name.utf8)
            let value = Array(tag.value.utf8)
            var simpleTag: [UInt8] = []
            simpleTag.appendElement(MatroskaElement.tagName, name)
            simpleTag.appendElement(MatroskaElement.tagString, value)
            simpleTags.appendElement(MatroskaElement.simpleTag, simpleTag)
        }
        var tag: [UInt8] = []
        tag.appendElement(MatroskaElement.tag, simpleTags)
        var element: [UInt8] = []
        element.appendElement(MatroskaElement.tags, tag)
        return element
    }

    /// The tags of a `Tags` element's content, all its Tag elements together, at most `limit` of them.
    static func read(_ content: ArraySlice<UInt8>, limit: Int) throws(ElementFault) -> [MediaTag] {
        var found: [MediaTag] = []
        var tags = ElementChildren(content)
        while let tag = try tags.next() {
            guard tag.id == MatroskaElement.tag else { continue }
            var simpleTags = ElementChildren(tag.content)
            while let simpleTag = try simpleTags.next() {
                guard simpleTag.id == MatroskaElement.simpleTag, found.count < limit else { continue }
                var parts = ElementChildren(simpleTag.content)
                var name: String?
                var value = ""
                while let part = try parts.next() {
                    switch part.id {
                    case MatroskaElement.tagName: name = part.content.elementText
                    case MatroskaElement.tagString: value = part.content.elementText
                    default: break
                    }
                }
                if let name { found.append(MediaTag(name, value)) }
            }
        }
        return found
    }
}

extension [UInt8] {
    /// An element with a size of four bytes, or of eight where those do not hold it.
    mutating func appendElement(_ id: UInt32, _ content: [UInt8]) {
        appendElementID(id)
        appendElementSize(content.count)
        append(contentsOf: content)
    }

    /// A size in four bytes, or in eight where those do not hold it.
    mutating func appendElementSize(_ size: Int) {
        let length = size < 0xFFF_FFFF ? 4 : 8
        let value = UInt64(size) | UInt64(1) << UInt64(7 * length)
        for index in stride(from: length - 1, through: 0, by: -1) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }
}
