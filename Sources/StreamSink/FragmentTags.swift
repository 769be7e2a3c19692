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
            var body: [UInt8] = []
            // TagName comes before TagString: consumers read them by position.
            body.appendElement(MatroskaElement.tagName, text: name)
            body.appendElement(MatroskaElement.tagString, text: value)
            simpleTags.appendElementID(MatroskaElement.simpleTag)
            simpleTags.appendElementSize(body.count, length: 4)
            simpleTags.append(contentsOf: body)
            offsets.append(simpleTags.count - value.utf8.count)
        }
        add("AWS_KINESISVIDEO_FRAGMENT_NUMBER", digits)
        add("AWS_KINESISVIDEO_SERVER_TIMESTAMP", time)
        add("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", time)
        add("TransactionId", transactionID)
        add("VoiceConnectorId", connectorID)
        add("CallId", callID)

        // Four-byte sizes and no Targets, as in the captures of the service this stands in for.
        bytes = []
        bytes.appendElementID(MatroskaElement.tags)
        bytes.appendElementSize(simpleTags.count + 6, length: 4)
        bytes.appendElementID(MatroskaElement.tag)
        bytes.appendElementSize(simpleTags.count, length: 4)
        let base = bytes.count
        bytes.append(contentsOf: simpleTags)
        numberOffset = base + offsets[0]
        serverTimeOffset = base + offsets[1]
        producerTimeOffset = base + offsets[2]
    }

    /// Puts a fragment's number and times (milliseconds since 1970) in place.
    mutating func prepare(number: FragmentNumber, serverMilliseconds: Int64, producerMilliseconds: Int64) {
        number.write(over: &bytes, at: numberOffset)
        Self.write(serverMilliseconds, over: &bytes, at: serverTimeOffset)
        Self.write(producerMilliseconds, over: &bytes, at: producerTimeOffset)
    }

    /// `%.3f` of the seconds: ten digits, a point, three digits (right for every time from 2001 to 2286).
    private static func write(_ milliseconds: Int64, over bytes: inout [UInt8], at offset: Int) {
        var rest = min(max(milliseconds, 0), 9_999_999_999_999)
        for index in stride(from: 13, through: 0, by: -1) where index != 10 {
            bytes[offset + index] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
    }
}
