import Foundation
import Logging
import Synchronization

@testable import StreamSink

/// Master keys with these ids; a key's bytes follow from its id and `salt`.
func masterKeys(_ ids: [String], salt: UInt8 = 0) throws -> MasterKeys {
    let lines = ids.map { id in
        "\(id):\(Base64.encode((0..<32).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ id.utf8.count) ^ salt ^ (id.utf8.first ?? 0) }))"
    }
    return try MasterKeys(lines: lines.joined(separator: "\n"), place: "a test")
}

func makeSealedStore(_ path: String, keys: MasterKeys, operations: FileOperations = .system) throws -> FragmentStore {
    var configuration = FragmentStore.Configuration(region: "us-east-1", accountID: "111122223333")
    configuration.syncInterval = .milliseconds(200)
    configuration.encryption = keys
    return try FragmentStore(
        directory: DataDirectory(path, operations: operations), configuration: configuration,
        logger: Logger(label: "test"))
}

/// A file that a writer seals piece by piece.
final class SealedFile {
    let folder: TemporaryFolder
    let path: String
    var file: GrowingFile
    var text: [UInt8] = []
    private var scratch: [UInt8] = []
    private var generator: Seeded

    init(_ seed: UInt64 = 1, operations: FileOperations = .system) throws {
        folder = try TemporaryFolder()
        path = "\(folder.path)/000000_T1_0.mkv"
        let vault = KeyVault.add(try masterKeys(["first"]), for: folder.path)
        file = GrowingFile(path: path, operations: operations, vault: vault, prepare: {})
        generator = Seeded(seed)
    }

    @discardableResult
    func write(_ count: Int) -> FileError? {
        let piece = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        if let error = file.open() { return error }
        let (written, error) = file.append(piece, sealing: &scratch)
        if error != nil { file.keep(written) } else { text += piece }
        return error
    }

    /// Writes eight bytes over, as a session does when it ends.
    func close(at offset: Int) {
        let patch = (0..<8).map { _ in UInt8.random(in: 0...255, using: &generator) }
        _ = file.overwrite(patch, at: Int64(offset))
        text.replaceSubrange(offset..<offset + 8, with: patch)
        _ = file.close()
    }
}

/// Where each part of an encrypted file lies, its head included.
func sealedParts(_ bytes: [UInt8]) -> [(place: Range<Int>, part: SealedPart)] {
    var found: [(Range<Int>, SealedPart)] = []
    for frame in stride(from: 0, to: bytes.count, by: SealedLayout.frame) {
        let content = Array(bytes[frame..<min(bytes.count, frame + SealedLayout.frame)])
        content.withUnsafeBytes { content in
            var walk = SealedFrameWalk(content, index: Int64(frame / SealedLayout.frame))
            while let part = walk.next() { found.append((frame + part.start..<frame + part.bodyEnd, part)) }
        }
    }
    return found
}

extension StreamReader {
    /// All samples that can be read, and whether the end has come.
    func everything() throws -> (samples: [Int16], duration: Double?) {
        var all: [Int16] = []
        var duration: Double?
        while let event = try read() {
            if case .samples(let samples, _) = event { all += samples }
            if case .ended(let milliseconds) = event { duration = milliseconds }
        }
        return (all, duration)
    }
}
