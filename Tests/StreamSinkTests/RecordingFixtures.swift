import Foundation
import Glibc
import Synchronization

@testable import StreamSink

/// A folder that is removed with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "earshot-sink-" + RandomUUID.make()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A sample that tells its place, so that a test sees every shift.
func sample(at position: Int) -> Int16 { Int16(truncatingIfNeeded: position &* 7 &+ position / 160) }

private let sampleTable = (0..<400_000).map(sample)

func samples(_ range: Range<Int>) -> [Int16] { Array(sampleTable[range]) }

/// Seeded numbers, the same in every run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var value = state
        value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
        return value ^ value >> 33
    }
}

let callStart: Int64 = 1_700_000_000_000

func makeMuxer(
    transaction: String = "T1", start: Int64 = callStart, counter: UInt64 = 1,
    format: StreamFormat = .pcm(sampleRate: 8000)
) -> FragmentMuxer {
    FragmentMuxer(
        transactionID: transaction, connectorID: "vc1", callID: "c@h", startedAtMilliseconds: start,
        firstCounter: counter, seed: 0, format: format)
}

/// What a scan of a whole file finds.
struct Scanned: Equatable {
    var fragments: [Fragment] = []
    var blocks: [Block] = []
    struct Block: Equatable {
        var position: Int
        var samples: [Int16]
    }

    var sampleCount: Int { blocks.reduce(0) { $0 + $1.samples.count } }

    /// Whether each sample lies where it belongs.
    var isTrue: Bool {
        blocks.allSatisfy { block in
            block.samples == StreamSinkTests.samples(block.position..<block.position + block.samples.count)
        }
    }

    init(_ bytes: [UInt8]) throws {
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        var tags: [MatroskaScanner.TagValue] = []
        var time: Int64 = 0
        while let token = try scanner.next() {
            switch token {
            case .tags(let values): tags = values
            case .timecode(let value):
                time = value
                fragments.append(Fragment(timecodeMilliseconds: value, tags: tags))
            case .block(let relative, let payload):
                blocks.append(
                    Block(position: Int(time + Int64(relative)) * 8, samples: scanner.samples(in: payload)))
            default: break
            }
        }
    }
}

/// A disk in memory that can be full, fail, or write less than asked.
final class MemoryDisk: Sendable {
    struct State {
        var files: [String: [UInt8]] = [:]
        var open: [Int32: String] = [:]
        var nextDescriptor: Int32 = 100
        /// Bytes that still fit.
        var budget = Int.max
        /// The most bytes one write takes.
        var shortWrite = Int.max
        var error = Int(ENOSPC)
        var truncateFails = false
        var writes = 0
    }

    let state = Mutex(State())

    subscript(path: String) -> [UInt8]? { state.withLock { $0.files[path] } }

    var operations: FileOperations {
        FileOperations(
            open: { [self] path, flags, _ in
                state.withLock { state in
                    if flags & O_EXCL != 0, state.files[path] != nil { return -Int(EEXIST) }
                    if state.files[path] == nil || flags & O_TRUNC != 0 { state.files[path] = [] }
                    state.nextDescriptor += 1
                    state.open[state.nextDescriptor] = path
                    return Int(state.nextDescriptor)
                }
            },
            write: { [self] file, bytes, offset in
                state.withLock { state in
                    state.writes += 1
                    guard let path = state.open[file] else { return -Int(EBADF) }
                    // Taken out while it is changed, so that it is not copied.
                    var content = state.files.removeValue(forKey: path) ?? []
                    defer { state.files[path] = content }
                    let end = Int(offset) + bytes.count
                    let growth = max(0, end - content.count)
                    var count = min(bytes.count, state.shortWrite)
                    if growth > state.budget { count = min(count, bytes.count - (growth - state.budget)) }
                    if count <= 0 { return -state.error }
                    if content.count < Int(offset) {
                        content += [UInt8](repeating: 0, count: Int(offset) - content.count)
                    }
                    let overlap = min(count, content.count - Int(offset))
                    content.replaceSubrange(Int(offset)..<Int(offset) + overlap, with: bytes.prefix(count))
                    state.budget -= max(0, count - overlap)
                    return count
                }
            },
            append: { _, _ in -Int(EBADF) },
            truncate: { [self] file, length in
                state.withLock { state in
                    if state.truncateFails { return -Int(EIO) }
                    guard let path = state.open[file], let content = state.files[path] else { return -Int(EBADF) }
                    if state.budget != .max { state.budget += max(0, content.count - Int(length)) }
                    state.files[path] = Array(content.prefix(Int(length)))
                    return 0
                }
            },
            close: { [self] file in state.withLock { $0.open.removeValue(forKey: file) == nil ? -Int(EBADF) : 0 } },
            makeDirectory: { _ in 0 },
            rename: { [self] from, to in
                state.withLock { state in
                    state.files[to] = state.files.removeValue(forKey: from)
                    return 0
                }
            },
            link: { _, _ in 0 },
            remove: { [self] path in
                state.withLock { state in
                    state.files[path] = nil
                    return 0
                }
            },
            sync: { _ in 0 }, syncFileSystem: { _ in 0 })
    }
}

/// One session on a memory disk, driven step by step without threads.
final class DrivenSession {
    let disk = MemoryDisk()
    let session: StreamSession
    private var scratch = WriteScratch()
    var now: Int64 = 0
    private var position = 0

    /// - Parameter silenceLimit: in samples; 0 keeps every hole a hole.
    init(
        pendingLimit: Int = 40000, silenceLimit: Int = 480_000, format: StreamFormat = .pcm(sampleRate: 8000),
        encoder: FrameEncoderFactory? = nil
    ) {
        let disk = disk
        let file = SessionFile(
            file: GrowingFile(path: "f", operations: disk.operations, prepare: {}), relativePath: "streams/s/f",
            startedAtMilliseconds: callStart, muxer: makeMuxer(format: format), silenceLimit: silenceLimit,
            encoder: encoder)
        let description = StreamDescription(
            name: "s", arn: "arn", connectorID: "vc1", createdAtMilliseconds: 0, nextSession: 1, closedSession: -1)
        session = StreamSession(
            stream: ClaimedStream(name: "s", arn: "arn", session: 0, description: description), file: file,
            pendingLimit: pendingLimit, writer: nil)
    }

    var appended: Int { position }
    var content: [UInt8] { disk["f"] ?? [] }

    func append(_ count: Int) {
        session.append(samples(position..<position + count).span)
        position += count
    }

    @discardableResult
    func flush() -> SessionFile.Outcome {
        session.file.withLock { file in
            file.flush(from: session, scratch: &scratch, now: now, wallClock: callStart + now)
        }
    }

    func close() -> SessionSummary {
        session.file.withLock { file in
            file.close(from: session, scratch: &scratch, now: now, wallClock: callStart + now)
        }
    }
}

func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
