/// A session description, RFC 8866, read tolerantly and written exactly.
///
/// Every line is kept in its place, known or not, so a description that is read and written again says the same; only
/// line ends become CRLF and empty lines go. A plain value; safe to pass between threads.
public struct SessionDescription: Sendable, Equatable, CustomStringConvertible {
    /// The lines before the first `m=`.
    public private(set) var lines: [SDPLine]
    /// The media sections in order.
    public private(set) var media: [MediaDescription]

    /// Larger texts are refused: a SIP message has at most 65,535 octets.
    public static let maximumOctets = 65_535
    /// Texts with more lines are refused.
    public static let maximumLines = 4096
    /// Texts with more `m=` lines are refused.
    public static let maximumMedia = 64

    /// Makes a description of our own.
    public init(lines: [SDPLine], media: [MediaDescription]) {
        self.lines = lines
        self.media = media
    }

    /// Reads a description. CRLF, LF and CR all end a line.
    public init(parsing bytes: some Collection<UInt8>) throws(SDPParseError) {
        guard bytes.count <= SessionDescription.maximumOctets else {
            throw .tooLarge(octets: bytes.count, limit: SessionDescription.maximumOctets)
        }
        lines = []
        media = []
        var count = 0
        var isDescription = false
        for bytes in Array(bytes).split(whereSeparator: { $0 == 0x0A || $0 == 0x0D || $0 == 0 }) {
            guard !bytes.allSatisfy(\.isASCIIBlank) else { continue }
            count += 1
            guard count <= SessionDescription.maximumLines else {
                throw .tooManyLines(limit: SessionDescription.maximumLines)
            }
            let line = SDPLine(parsing: bytes)
            isDescription = isDescription || SessionDescription.defining.contains(line.type ?? 0)
            if line.type == UInt8(ascii: "m") {
                guard media.count < SessionDescription.maximumMedia else {
                    throw .tooManyMedia(limit: SessionDescription.maximumMedia)
                }
                media.append(MediaDescription(parsing: line.value))
            } else if media.isEmpty {
                lines.append(line)
            } else {
                media[media.count - 1].append(line)
            }
        }
        guard count > 0 else { throw .empty }
        guard isDescription else {
            throw .notASessionDescription(firstLine: String((lines.first?.text ?? "").prefix(40)))
        }
    }

    private static let defining: [UInt8] = [UInt8(ascii: "v"), UInt8(ascii: "o"), UInt8(ascii: "m")]

    /// The `o=` line; nil where it is missing or unreadable.
    public var origin: Origin? { lines.firstValue(UInt8(ascii: "o")).flatMap { Origin(parsing: $0) } }

    /// The session's `c=`, the default of every media section.
    public var connection: ConnectionAddress? {
        lines.firstValue(UInt8(ascii: "c")).flatMap { ConnectionAddress(parsing: $0) }
    }

    /// The session's direction, the default of every media section.
    public var direction: MediaDirection? { lines.direction }

    /// The description as octets, every line ended by CRLF (RFC 8866 §5).
    public func serialized() -> [UInt8] {
        var bytes: [UInt8] = []
        func write(_ text: String) {
            bytes.append(contentsOf: text.utf8)
            bytes.append(contentsOf: [0x0D, 0x0A])
        }
        for line in lines { write(line.text) }
        for section in media {
            write("m=" + section.mediaLine)
            for line in section.lines { write(line.text) }
        }
        return bytes
    }

    /// The description for logs, keys replaced by `***`.
    public var description: String {
        (lines.map(\.redactedText) + media.flatMap { ["m=" + $0.mediaLine] + $0.lines.map(\.redactedText) })
            .joined(separator: "\n")
    }
}
