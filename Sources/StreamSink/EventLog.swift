import DequeModule
import Glibc
import Synchronization

/// A file of JSON lines that only grows, one write a line.
///
/// When the disk is full the lines wait in memory, in order, up to a limit; the next ``append(_:)`` or ``retry()``
/// writes them. Safe to use from any thread; blocks for the time of the write.
public final class EventLog: Sendable {
    private struct State {
        var file: Int32 = -1
        /// A line end is owed before the next line: the last one is torn.
        var isTorn = false
        var waiting = Deque<[UInt8]>()
        var waitingBytes = 0
        var dropped: Int64 = 0
    }

    /// The file.
    public let path: String
    private let operations: FileOperations
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: the most bytes kept in memory while the disk does not take them; 8 MB by default.
    public init(path: String, operations: FileOperations = .system, limit: Int = 8 << 20) {
        self.path = path
        self.operations = operations
        self.limit = limit
    }

    deinit {
        let file = state.withLock { $0.file }
        if file >= 0 { _ = operations.close(file) }
    }

    /// Lines that had no room in memory while the disk did not take them.
    public var droppedLines: Int64 { state.withLock { $0.dropped } }
    /// Lines that wait for the disk.
    public var waitingLines: Int { state.withLock { $0.waiting.count } }

    /// Adds a line; a line end is added where it is missing. Returns why it has to wait, or `nil` when nothing
    /// waits. A line that has no room in memory is dropped and counted.
    @discardableResult
    public func append(_ line: [UInt8]) -> FileError? {
        let line = line.last == UInt8(ascii: "\n") ? line : line + [UInt8(ascii: "\n")]
        return state.withLock { state in
            guard state.waitingBytes + line.count <= limit else {
                state.dropped += 1
                return write(&state)
            }
            state.waiting.append(line)
            state.waitingBytes += line.count
            return write(&state)
        }
    }

    /// Writes what waits. Returns why it still has to.
    @discardableResult
    public func retry() -> FileError? {
        state.withLock { write(&$0) }
    }

    private func write(_ state: inout State) -> FileError? {
        guard !state.waiting.isEmpty else { return nil }
        if state.file < 0 {
            let opened = operations.open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            guard opened >= 0 else { return FileError("open", path, opened) }
            state.file = Int32(opened)
            // A crash or a power cut may have torn the last line; the next one must not be glued to it.
            state.isTorn = Self.isTorn(path)
        }
        while let line = state.waiting.first {
            let bytes = state.isTorn ? [UInt8(ascii: "\n")] + line : line
            let count = bytes.withUnsafeBytes { operations.append(state.file, $0) }
            if count == -Int(EINTR) { continue }
            guard count == bytes.count else {
                if count > 0 { state.isTorn = true }
                return FileError("append to", path, count < 0 ? count : -Int(ENOSPC))
            }
            state.isTorn = false
            state.waiting.removeFirst()
            state.waitingBytes -= line.count
        }
        return nil
    }

    private static func isTorn(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        guard end > 0 else { return false }
        var last: UInt8 = 0
        return pread(file, &last, 1, end - 1) == 1 && last != UInt8(ascii: "\n")
    }
}
