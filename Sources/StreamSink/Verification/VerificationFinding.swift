/// One thing that is not as it should be in a data directory.
public struct VerificationFinding: Sendable, Equatable {
    /// How bad it is.
    public enum Level: String, Sendable, CaseIterable {
        /// Bytes are not what was written, or do not fit together.
        case damage
        /// Something that was there, or should have been, is not.
        case loss
        /// What a crash has left as it is; the service puts it right when it starts. Nothing is lost by it.
        case waiting
        /// Worth knowing; nothing is lost.
        case note
    }

    /// What it is. The raw values are what `--json` prints.
    public enum Kind: String, Sendable, CaseIterable {
        /// A file call failed: the disk, or permissions.
        case unreadableFile
        /// What stands before the first fragment is no Matroska header, or another one than was written.
        case damagedHeader
        /// A fragment's bytes are not those that were written.
        case damagedFragment
        /// Bytes that belong to no fragment.
        case damagedBytes
        /// A fragment number that is not above the one before it.
        case fragmentOrder
        /// A time that goes back.
        case timeOrder
        /// The header's length in time is not the audio's.
        case wrongDuration
        /// The file goes on behind the end its header names.
        case trailingBytes
        /// The file ends before the end its header names.
        case cutFile
        /// Fragments that the index names are not in the file.
        case missingFragments
        /// A stretch of a session without audio.
        case gap
        /// What recovery could not save when it closed a file after a crash.
        case lostInRecovery
        /// A file without an end that nobody writes: a crash has left it, the service puts it right when it starts.
        case notClosed
        /// A session without an index file; made in memory, but nothing could be checked against its checksums.
        case missingIndex
        /// An index file that ends early; the rest was found in the session's file.
        case incompleteIndex
        /// Entries of an index file that are damaged or say something else than the file.
        case damagedIndex
        /// The index file of another session.
        case foreignIndex
        /// An index file without a session's file.
        case orphanIndex
        /// A stream whose `stream.json` is missing or unreadable; it is made up from the files.
        case missingDescription
        /// A record names a stream that is not there.
        case missingStream
        /// A record names a session whose file is not there.
        case missingSession
        /// A record names a session that was deleted to make room.
        case deletedSession
        /// A record names fragments that are not there.
        case missingRecordedFragments
        /// A record that cannot be read.
        case unreadableRecord
        /// One of a call's two records is missing.
        case missingRecord
        /// The journal of a call that nobody records any more.
        case openJournal
        /// A journal that cannot be read.
        case unreadableJournal
        /// What a write that was broken off has left.
        case leftover
        /// More was found in a file than is told one by one.
        case more

        /// How bad it is, as a rule.
        public var level: Level {
            switch self {
            case .unreadableFile, .damagedHeader, .damagedFragment, .damagedBytes, .fragmentOrder, .timeOrder,
                .wrongDuration, .trailingBytes, .damagedIndex, .foreignIndex, .unreadableRecord, .unreadableJournal,
                .more:
                .damage
            case .cutFile, .missingFragments, .gap, .missingStream, .missingSession, .missingRecordedFragments,
                .missingRecord, .lostInRecovery:
                .loss
            case .notClosed, .openJournal: .waiting
            case .missingIndex, .incompleteIndex, .orphanIndex, .missingDescription, .leftover, .deletedSession: .note
            }
        }
    }

    /// What it is.
    public var kind: Kind
    /// How bad it is.
    public var level: Level
    /// The stream, where it is about one.
    public var streamName: String?
    /// The file, relative to the data directory.
    public var path: String?
    /// The fragment, or the first of several.
    public var fragment: FragmentNumber?
    /// The last of several fragments.
    public var lastFragment: FragmentNumber?
    /// How many fragments are meant, where that is known.
    public var fragmentCount: Int?
    /// The first byte in the file.
    public var offset: Int64?
    /// So many bytes.
    public var bytes: Int64?
    /// The place on the session's line, milliseconds from sample 0.
    public var atMilliseconds: Double?
    /// The length on that line.
    public var milliseconds: Double?
    /// One sentence for people.
    public var detail: String

    init(_ kind: Kind, level: Level? = nil, streamName: String? = nil, path: String? = nil, detail: String) {
        self.kind = kind
        self.level = level ?? kind.level
        self.streamName = streamName
        self.path = path
        self.detail = detail
    }

    /// The finding as an object; what is not known is left out.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("kind", .string(kind.rawValue)), .init("level", .string(level.rawValue)),
        ]
        func add(_ name: String, _ value: JSONValue?) {
            if let value { members.append(.init(name, value)) }
        }
        add("streamName", streamName.map(JSONValue.string))
        add("path", path.map(JSONValue.string))
        add("fragmentNumber", fragment.map { .string($0.description) })
        add("lastFragmentNumber", lastFragment.map { .string($0.description) })
        add("fragments", fragmentCount.map { .integer(Int64($0)) })
        add("offset", offset.map(JSONValue.integer))
        add("bytes", bytes.map(JSONValue.integer))
        add("atMilliseconds", atMilliseconds.map(JSONValue.decimal))
        add("milliseconds", milliseconds.map(JSONValue.decimal))
        add("detail", .string(detail))
        return .object(members)
    }
}
