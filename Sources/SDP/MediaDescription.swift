/// One media section: an `m=` line and the lines under it, RFC 8866 §5.14.
///
/// Values here are what this section itself says; ``SessionDescription/parameters(ofMediaAt:)`` adds what it inherits.
public struct MediaDescription: Sendable, Equatable {
    /// `audio`, `video`, `image`, … in lower case.
    public let kind: String
    /// The port; 0 also where the line has no readable port.
    public let port: UInt16
    /// `RTP/AVP`, `RTP/SAVP`, `udptl`, … as written.
    public let transport: String
    /// The format words as written, at most ``maximumFormats``.
    public let formats: [String]
    /// Whether kind, port and transport were all there. A missing format list is tolerated: some sources send one.
    public let isReadable: Bool
    /// The lines under the `m=` line, in order, odd ones included.
    public private(set) var lines: [SDPLine]

    /// The value of the `m=` line as it goes on the wire.
    let mediaLine: String

    /// More format words than this are dropped.
    public static let maximumFormats = 128

    /// Makes a section of our own.
    public init(kind: String, port: UInt16, transport: String, formats: [String], lines: [SDPLine] = []) {
        self.kind = kind
        self.port = port
        self.transport = transport
        self.formats = formats
        self.lines = lines
        isReadable = true
        mediaLine = SDPLine("m", ([kind, String(port), transport] + formats).joined(separator: " ")).value
    }

    /// Reads the value of an `m=` line; never fails: ``isReadable`` tells.
    init(parsing line: String) {
        let words = line.asciiWords(limit: 4 + MediaDescription.maximumFormats)
        kind = words.first?.asciiLowercased ?? ""
        // `m=video 49170/2 RTP/AVP 31`: the count is for layered coding and has no use here.
        let written = words.count > 1 ? words[1].asciiSplit(UInt8(ascii: "/"), limit: 2).first : nil
        let number = written.flatMap { UInt16($0) }
        port = number ?? 0
        transport = words.count > 2 ? words[2] : ""
        formats = Array(words.dropFirst(3).prefix(MediaDescription.maximumFormats))
        isReadable = number != nil && !transport.isEmpty
        lines = []
        mediaLine = line
    }

    mutating func append(_ line: SDPLine) { lines.append(line) }

    /// The value of the first attribute of that lower-case name; "" for a flag, nil where it is absent.
    public func attribute(_ name: String) -> String? { lines.firstAttribute(name) }

    /// The values of every attribute of that lower-case name, in order.
    public func attributes(_ name: String) -> [String] { lines.allAttributes(name) }
}

extension [SDPLine] {
    func firstAttribute(_ name: String) -> String? {
        for line in self {
            if let attribute = line.attribute, attribute.name == name { return attribute.value }
        }
        return nil
    }

    func allAttributes(_ name: String) -> [String] {
        compactMap { line in
            guard let attribute = line.attribute, attribute.name == name else { return nil }
            return attribute.value
        }
    }

    func firstValue(_ type: UInt8) -> String? { first { $0.type == type }?.value }

    /// The first direction attribute; RFC 8866 §6.7 allows only one.
    var direction: MediaDirection? {
        for line in self {
            if let attribute = line.attribute, attribute.value.isEmpty,
                let direction = MediaDirection(rawValue: attribute.name)
            {
                return direction
            }
        }
        return nil
    }
}
