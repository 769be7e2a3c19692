import Foundation
import Glibc
import Testing

@testable import StreamSink

@Suite("Objects and logs on the disk")
struct ObjectStoreTests {
    private func contents(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("An object is written once; a second write changes nothing")
    func once() throws {
        let folder = try TemporaryFolder()
        let directory = try DataDirectory("\(folder.path)/data")
        let store = ObjectStore(directory: directory)
        #expect(try store.writeOnce(key: "a/b/c", bytes: Array("one".utf8)) == .written)
        #expect(try store.writeOnce(key: "a/b/c", bytes: Array("two".utf8)) == .exists)
        #expect(try contents("\(directory.path)/objects/a/b/c") == "one")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/objects/a/b") == ["c"])
    }

    @Test(
        "A write that fails at any call leaves no object and no rubbish", arguments: ["open", "write", "sync", "link"])
    func failing(call: String) throws {
        let folder = try TemporaryFolder()
        var operations = FileOperations.system
        switch call {
        case "open":
            operations.open = { path, flags, mode in
                flags & O_CREAT != 0 ? -Int(ENOSPC) : FileOperations.system.open(path, flags, mode)
            }
        case "write":
            operations.write = { file, bytes, offset in
                offset > 0
                    ? -Int(ENOSPC)
                    : FileOperations.system.write(file, UnsafeRawBufferPointer(rebasing: bytes.prefix(2)), offset)
            }
        case "sync": operations.sync = { _ in -Int(EIO) }
        default: operations.link = { _, _ in -Int(EIO) }
        }
        let directory = try DataDirectory("\(folder.path)/data", operations: operations)
        #expect(throws: ObjectStoreError.self) {
            try ObjectStore(directory: directory).writeOnce(key: "a/c", bytes: Array("object".utf8))
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/objects/a")
        #expect(names.isEmpty)
    }

    @Test("Keys that would leave the folder are refused", arguments: ["", "a", "a//b", "../a", "a/../b", "a/.b", "/a"])
    func keys(key: String) throws {
        let folder = try TemporaryFolder()
        let directory = try DataDirectory("\(folder.path)/data")
        #expect(throws: ObjectStoreError.unusableKey(key)) {
            try ObjectStore(directory: directory).writeOnce(key: key, bytes: [])
        }
    }

    @Test("Many objects at once are written once each", arguments: [2, 4, 5, 40])
    func many(count: Int) throws {
        let folder = try TemporaryFolder()
        let directory = try DataDirectory("\(folder.path)/data")
        let store = ObjectStore(directory: directory)
        _ = try store.writeOnce(key: "a/1", bytes: Array("first".utf8))
        let objects = (0..<count).map { (key: "a/\($0)", bytes: Array("object \($0)".utf8)) }
        let outcomes = try store.writeOnce(objects)
        #expect(outcomes.enumerated().allSatisfy { ($0.element == .exists) == ($0.offset == 1) })
        #expect(try contents("\(directory.path)/objects/a/1") == "first")
        #expect(
            try contents("\(directory.path)/objects/a/\(count - 1)") == (count == 2 ? "first" : "object \(count - 1)"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/objects/a").count == count)
    }

    @Test("Lines are appended whole, also after a torn last line")
    func torn() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/events.jsonl"
        try Data("{\"a\":1}\n{\"b\":".utf8).write(to: URL(fileURLWithPath: path))
        let log = EventLog(path: path)
        #expect(log.append(Array("{\"c\":1}".utf8)) == nil)
        #expect(log.append(Array("{\"d\":1}\n".utf8)) == nil)
        #expect(try contents(path) == "{\"a\":1}\n{\"b\":\n{\"c\":1}\n{\"d\":1}\n")
    }

    @Test(
        "Lines wait in order while the disk is full, within a limit, and a half-written line is not glued to the next")
    func fullDisk() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/events.jsonl"
        let isFull = Flag(false)
        let writesHalf = Flag(false)
        var operations = FileOperations.system
        operations.append = { file, bytes in
            if isFull.isSet { return -Int(ENOSPC) }
            guard writesHalf.isSet else { return FileOperations.system.append(file, bytes) }
            return FileOperations.system.append(file, UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2)))
        }
        let log = EventLog(path: path, operations: operations, limit: 20)
        #expect(log.append(Array("1".utf8)) == nil)
        writesHalf.isSet = true
        #expect(log.append(Array("2222".utf8))?.code == ENOSPC)
        isFull.isSet = true
        #expect(log.append(Array("3".utf8)) != nil)
        #expect(log.append(Array("too long for the limit".utf8)) != nil)
        #expect(log.waitingLines == 2)
        #expect(log.droppedLines == 1)
        isFull.isSet = false
        writesHalf.isSet = false
        #expect(log.retry() == nil)
        #expect(try contents(path) == "1\n22\n2222\n3\n")
    }
}
