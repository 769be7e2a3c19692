/// The encoded tags of one session's fragments: everything is laid out once, only number and times change.
///
/// Each value has a fixed width, so a fragment's head always has the same length, and a head that replaces one that was
/// rolled back (full disk) lies on the very same bytes.
struct FragmentTags: Sendable {
    /// The whole `Tags` element with the values of the fragment that was prepared last.
    private(set) var bytes: [UInt8]
    private var numberOffset = 0
    private var serverTimeOffset = 0
    private var producerTimeOffset = 0

    /// The longest value of a tag; a longer Call-ID is left off, a cut one would only look like another call's.
    static let maximumValueLength = 256

    init(transactionID: String, connectorID: String, callID: String) {
        let digits = String(repeating: "0", count: FragmentNumber.digitCount)
        let time = "0000000000.000"
        var simpleTags: [UInt8] = []
        var offsets: [Int] = []
        func add(_ name: String, _ value: String) {
            guard value.utf8.count <= Self.maximumValueLength else { return }
            simpleTags.append(contentsOf: Self.simpleTag(name, value))
            offsets.append(simpleTags.count - value.utf8.count)
        }
        add("AWS_KINESISVIDEO_FRAGMENT_NUMBER", digits)
        add("AWS_KINESISVIDEO_SERVER_TIMESTAMP", time)
        add("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", time)
        add("TransactionId", transactionID)
        add("VoiceConnectorId", connectorID)
        add("CallId", callID)

        bytes = Self.head(simpleTags.count)
        let base = bytes.count
        bytes.append(contentsOf: simpleTags)
        numberOffset = base + offsets[0]
        serverTimeOffset = base + offsets[1]
        producerTimeOffset = base + offsets[2]
    }

    /// The element with the digits' tag after the others.
    func bytes(with digits: String) -> [UInt8] {
        let headLength = Self.head(0).count
        let extra = Self.simpleTag(DigitNotes.tagName, digits)
        return Self.head(bytes.count - headLength + extra.count) + bytes[headLength...] + extra
    }

    /// An element with the digits' tag alone.
    static func bytes(digits: String) -> [UInt8] {
        let tag = simpleTag(DigitNotes.tagName, digits)
        return head(tag.count) + tag
    }

    /// The whole element of a fragment with another producer's tags.
    static func bytes(
        number: FragmentNumber, producerMilliseconds: Int64, others: [(name: String, value: String)]
    ) -> [UInt8] {
        func seconds(_ milliseconds: Int64) -> String {
            let whole = max(0, milliseconds)
            let thousandths = String(whole % 1000)
            return "\(whole / 1000).\(String(repeating: "0", count: 3 - thousandths.count))\(thousandths)"
        }
        var simpleTags = simpleTag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", number.description)
        simpleTags += simpleTag(
            "AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds(Int64(clamping: number.epochMilliseconds)))
        simpleTags += simpleTag("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds(producerMilliseconds))
        for tag in others { simpleTags += simpleTag(tag.name, tag.value) }
        return head(simpleTags.count) + simpleTags
    }

    /// Four-byte sizes and no Targets, as in the captures of the service this stands in for.
    private static func head(_ simpleTagsLength: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendElementID(MatroskaElement.tags)
        bytes.appendElementSize(simpleTagsLength + 6, length: 4)
        bytes.appendElementID(MatroskaElement.tag)
        bytes.appendElementSize(simpleTagsLength, length: 4)
        return bytes
    }

    private static func simpleTag(_ name: String, _ value: String) -> [UInt8] {
        var body: [UInt8] = []
        // TagName comes before TagString: consumers read them by position.
        body.appendElement(MatroskaElement.tagName, text: name)
        body.appendElement(MatroskaElement.tagString, text: value)
        var bytes: [UInt8] = []
        bytes.appendElementID(MatroskaElement.simpleTag)
        bytes.appendElementSize(body.count, length: 4)
        bytes.append(contentsOf: body)
        return bytes
    }

    /// Puts a fragment's number and times (milliseconds since 1970) in place.
    mutating func prepare(number: FragmentNumber, serverMilliseconds: Int64, producerMilliseconds: Int64) {
        number.write(over: &bytes, at: numberOffset)
        Self.write(serverMilliseconds, over: &bytes, at: serverTimeOffset)
        Self.write(producerMilliseconds, over: &bytes, at: producerTimeOffset)
    }

    /// `%.3f` of the seconds: ten digits, a point, three digits (right for every time from 2001 to 2286).
    static func write(_ milliseconds: Int64, over bytes: inout [UInt8], at offset: Int) {
        var rest = min(max(milliseconds, 0), 9_999_999_999_999)
        for index in stride(from: 13, through: 0, by: -1) where index != 10 {
            bytes[offset + index] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
    }
}
