import Glibc
import StreamSink
import Synchronization

/// Finds a call's session files, who is who in them, and what its records say, in a data directory; by the index of
/// calls, so that nothing but the call's own files is looked at. Safe beside a running service, and from any thread;
/// a look-up blocks for some reads.
///
/// Copies of a finder share one index, which is opened by the first look-up.
public struct RecordingFinder: Sendable {
    /// The data directory.
    public let dataDirectory: String
    private let index: SharedIndex

    /// A finder for a data directory's path, by an index that is open already or one of its own.
    public init(dataDirectory: String, index: CallIndex? = nil) {
        self.dataDirectory = dataDirectory
        self.index = SharedIndex(index)
    }

    /// The call of a transaction, or of the beginning of one (eight characters or more) that only one call has.
    public func recording(transactionID text: String) throws(RecordingFinderError) -> CallRecording {
        guard text.utf8.count >= 8, text.utf8.count <= 64,
            text.utf8.allSatisfy({ $0 == 0x2D || Self.isLetterOrDigit($0) })
        else { throw .noSuchCall(text, data: dataDirectory) }
        let index: CallIndex
        let found: [ArchivedCall]
        do throws(CallIndexError) {
            index = try self.index.open(dataDirectory)
            found = try index.calls(beginning: text)
        } catch {
            throw .index(error)
        }
        guard let call = found.first(where: { $0.transactionID == text }) ?? found.first else {
            throw .noSuchCall(text, data: dataDirectory)
        }
        guard found.count == 1 || call.transactionID == text else {
            throw .severalCalls(text, matches: found.map(\.transactionID).sorted())
        }
        let sessions = call.legs.compactMap { session($0, of: call.transactionID) }
        guard !sessions.isEmpty else { throw .noSuchCall(text, data: dataDirectory) }
        guard sessions.count <= CallRecording.maximumSessions else { throw .tooManySessions(sessions.count) }
        return recording(call, sessions)
    }

    private func recording(_ call: ArchivedCall, _ sessions: [CallRecording.Session]) -> CallRecording {
        var recording = CallRecording(transactionID: call.transactionID, legs: [])
        recording.callID = call.callID
        recording.connectorID = call.connectorID
        recording.fromNumber = call.fromNumber
        recording.toNumber = call.toNumber
        recording.direction = call.direction
        // While there is a journal the records are not written, whatever the legs' ends let one think.
        let goesOn = !FolderNames.isMissing("\(dataDirectory)/calls/\(call.transactionID).json")
        switch call.status {
        case .completed, .failed: recording.status = goesOn ? nil : call.status.rawValue
        case .inProgress, .interrupted: recording.status = nil
        }
        // A party's sessions have its m-line; a codec change opens the next one in another stream.
        for session in sessions.sorted(by: { ($0.mediaIndex, $0.path) < ($1.mediaIndex, $1.path) }) {
            if let last = recording.legs.last, last.mediaIndex == session.mediaIndex, last.isCaller == session.isCaller
            {
                recording.legs[recording.legs.count - 1].sessions.append(session)
            } else {
                recording.legs.append(
                    .init(
                        isCaller: session.isCaller, mediaIndex: session.mediaIndex, label: session.label,
                        sessions: [session]))
            }
        }
        return recording
    }

    /// A leg's session as far as its file is there. Its name follows from the leg.
    private func session(_ leg: ArchivedCall.Leg, of transaction: String) -> CallRecording.Session? {
        // Out of records that anybody may have edited.
        guard !leg.streamName.isEmpty, !leg.streamName.hasPrefix("."), !leg.streamName.contains("/") else { return nil }
        let folder = "streams/\(leg.streamName)"
        let name = SessionFileName(session: leg.session, transactionID: transaction, mediaIndex: leg.mediaIndex ?? 0)
        let candidates = [leg.relativePath, "\(folder)/\(name.text)"].compactMap(\.self)
        let path =
            candidates.first { !FolderNames.isMissing("\(dataDirectory)/\($0)") }
            ?? FolderNames.list("\(dataDirectory)/\(folder)").first { file in
                SessionFileName(file).map { $0.session == leg.session && $0.transactionID == transaction } ?? false
            }.map { "\(folder)/\($0)" }
        guard let path else { return nil }
        return CallRecording.Session(
            path: "\(dataDirectory)/\(path)", streamName: leg.streamName, number: leg.session, isCaller: leg.isCaller,
            mediaIndex: leg.mediaIndex ?? 0, label: leg.label)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }
}

/// An index that is opened when it is needed first.
private final class SharedIndex: Sendable {
    private let index: Mutex<CallIndex?>

    init(_ index: CallIndex?) { self.index = Mutex(index) }

    func open(_ dataDirectory: String) throws(CallIndexError) -> CallIndex {
        try index.withLock { (known) throws(CallIndexError) in
            if let known { return known }
            let opened = try CallIndex(dataDirectory: dataDirectory)
            known = opened
            return opened
        }
    }
}

/// Why a call's recordings are not found.
public enum RecordingFinderError: Error, Sendable, CustomStringConvertible {
    /// Nothing is kept of such a call.
    case noSuchCall(String, data: String)
    /// The beginning of a transaction that several calls share.
    case severalCalls(String, matches: [String])
    /// More parts than are looked at.
    case tooManySessions(Int)
    /// The index cannot be used.
    case index(CallIndexError)

    /// One sentence, with what can be done.
    public var description: String {
        switch self {
        case .noSuchCall(let id, let data):
            "there is no audio of the call “\(id.prefix(100))” in \(data); “earshot search” lists the calls"
        case .severalCalls(let id, let matches):
            "“\(id.prefix(100))” begins \(matches.count) calls; write more of it: "
                + matches.prefix(3).joined(separator: ", ")
        case .tooManySessions(let count):
            "the call has \(count) recordings, more than are put together (\(CallRecording.maximumSessions))"
        case .index(let error): error.description
        }
    }
}
