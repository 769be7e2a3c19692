/// One fragment as a reader sees it: its number, its times and its tags.
public struct Fragment: Sendable, Equatable {
    /// The number; `nil` when the tags have none (another producer's file).
    public var number: FragmentNumber?
    /// When the server opened it, milliseconds since 1970.
    public var serverMilliseconds: Int64?
    /// Wall clock of its first sample, milliseconds since 1970.
    public var producerMilliseconds: Int64?
    /// Its place in the session, milliseconds from sample 0.
    public var timecodeMilliseconds: Int64
    /// All tags in order, those above too.
    public var tags: [MatroskaScanner.TagValue]

    init(timecodeMilliseconds: Int64, tags: [MatroskaScanner.TagValue]) {
        self.timecodeMilliseconds = timecodeMilliseconds
        self.tags = tags
        number = value("AWS_KINESISVIDEO_FRAGMENT_NUMBER").flatMap { FragmentNumber($0) }
        serverMilliseconds = Self.milliseconds(value("AWS_KINESISVIDEO_SERVER_TIMESTAMP"))
        producerMilliseconds = Self.milliseconds(value("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"))
    }

    /// The first tag of that name.
    public func value(_ name: String) -> String? { tags.first { $0.name == name }?.value }

    private static func milliseconds(_ text: String?) -> Int64? {
        guard let text, let seconds = Double(text), seconds.magnitude < 1e12 else { return nil }
        return Int64((seconds * 1000).rounded())
    }
}
