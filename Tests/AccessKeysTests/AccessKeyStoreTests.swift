import AccessKeys
import Foundation
import Testing

@Suite("The store of access keys")
struct AccessKeyStoreTests {
    @Test("A key that was made is found, with its role and secret, here and by the next process")
    func create() throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(dataDirectory: folder.path)
        #expect(store.isEmpty)
        let made = try store.create(role: .consumer, note: "für die Abschrift", nowMilliseconds: 1_767_225_600_123)
        #expect(made.key.id.wholeMatch(of: /AKIA[A-Z2-7]{16}/) != nil)
        #expect(made.secret.reveal().wholeMatch(of: /[A-Za-z0-9]{40}/) != nil)
        for reader in [store, try AccessKeyStore(path: folder.keysPath)] {
            #expect(reader.list() == [made.key])
            #expect(!reader.isEmpty)
            #expect(reader.role(for: made.key.id) == .consumer)
            #expect(reader.secret(for: made.key.id) == Array(made.secret.reveal().utf8))
            #expect(reader.secret(for: "AKIAAAAAAAAAAAAAAAAA") == nil)
            #expect(reader.role(for: "") == nil)
            #expect(reader.list().first?.note == "für die Abschrift")
            #expect(reader.list().first?.createdAtMilliseconds == 1_767_225_600_123)
        }
    }

    @Test("Keys are different from each other and listed the oldest first")
    func several() throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(path: folder.keysPath)
        let made = try (0..<20).map { try store.create(role: .auditor, note: "\($0)", nowMilliseconds: Int64($0)) }
        #expect(Set(made.map(\.key.id)).count == 20)
        #expect(Set(made.map { $0.secret.reveal() }).count == 20)
        #expect(store.list().map(\.note) == (0..<20).map { "\($0)" })
    }

    @Test("A running store sees at once what another process makes and revokes")
    func reload() throws {
        let folder = try ScratchFolder()
        let service = try AccessKeyStore(path: folder.keysPath)
        let command = try AccessKeyStore(path: folder.keysPath)
        let made = try command.create(role: .admin, nowMilliseconds: 0)
        #expect(service.role(for: made.key.id) == .admin)
        let second = try service.create(role: .consumer, nowMilliseconds: 1)
        #expect(command.list().count == 2)
        #expect(try command.revoke(made.key.id) == made.key)
        #expect(service.secret(for: made.key.id) == nil)
        #expect(service.secret(for: second.key.id) != nil)
        try FileManager.default.removeItem(atPath: folder.keysPath)
        #expect(service.isEmpty)
        #expect(service.problem == nil)
    }

    @Test("Revoking a key that is not there says so")
    func revokeUnknown() throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(path: folder.keysPath)
        #expect(throws: AccessKeyError.noSuchKey("AKIAX")) { try store.revoke("AKIAX") }
        #expect("\(AccessKeyError.noSuchKey("A\nB"))".contains("A?B"))
    }

    @Test("The file is for its owner alone, whatever the process's mask, and nothing is left beside it")
    func mode() throws {
        let folder = try ScratchFolder()
        try "left by a crash".write(toFile: folder.keysPath + ".new", atomically: false, encoding: .utf8)
        chmod(folder.keysPath + ".new", 0o666)
        let store = try AccessKeyStore(path: folder.keysPath)
        try store.create(role: .admin, nowMilliseconds: 0)
        #expect(folder.mode == 0o600)
        #expect(folder.names == ["credentials.json", "credentials.json.lock"])
    }

    @Test(
        "A file that others may read or write is refused, with the remedy",
        arguments: [0o644, 0o640, 0o604, 0o620, 0o601, 0o666] as [UInt32])
    func exposed(mode: UInt32) throws {
        let folder = try ScratchFolder()
        let made = try AccessKeyStore(path: folder.keysPath).create(role: .admin, nowMilliseconds: 0)
        chmod(folder.keysPath, mode)
        let error = AccessKeyError.exposed(path: folder.keysPath, mode: mode)
        #expect(throws: error) { try AccessKeyStore(path: folder.keysPath) }
        #expect("\(error)".contains("chmod 600 '\(folder.keysPath)'"))
        #expect("\(error)".contains("mode 0\(String(mode, radix: 8))"))
        chmod(folder.keysPath, 0o600)
        #expect(try AccessKeyStore(path: folder.keysPath).role(for: made.key.id) == .admin)
    }

    @Test("Changing an exposed file is refused too, and it stays as it was")
    func exposedChange() throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(path: folder.keysPath)
        try store.create(role: .admin, nowMilliseconds: 0)
        let before = try folder.content()
        chmod(folder.keysPath, 0o644)
        #expect(throws: AccessKeyError.self) { try store.create(role: .admin, nowMilliseconds: 0) }
        #expect(try folder.content() == before)
    }

    @Test("A link, a folder or a pipe in the file's place is refused")
    func notAFile() throws {
        let folder = try ScratchFolder()
        try FileManager.default.createSymbolicLink(atPath: folder.keysPath, withDestinationPath: "/etc/passwd")
        #expect(throws: AccessKeyError.notAFile(path: folder.keysPath)) { try AccessKeyStore(path: folder.keysPath) }
        try FileManager.default.removeItem(atPath: folder.keysPath)
        try FileManager.default.createDirectory(atPath: folder.keysPath, withIntermediateDirectories: true)
        #expect(throws: AccessKeyError.notAFile(path: folder.keysPath)) { try AccessKeyStore(path: folder.keysPath) }
        try FileManager.default.removeItem(atPath: folder.keysPath)
        #expect(mkfifo(folder.keysPath, 0o600) == 0)
        #expect(throws: AccessKeyError.notAFile(path: folder.keysPath)) { try AccessKeyStore(path: folder.keysPath) }
    }

    @Test("When the file cannot be used any more, the keys of before stay good and the problem is told, until mended")
    func keepsTheGood() throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(path: folder.keysPath)
        let made = try store.create(role: .admin, nowMilliseconds: 0)
        let good = try folder.content()
        try folder.write("{")
        #expect(store.role(for: made.key.id) == .admin)
        guard case .unreadable = store.problem else {
            Issue.record("\(String(describing: store.problem))")
            return
        }
        try folder.write(good)
        #expect(store.problem == nil)
        chmod(folder.keysPath, 0o644)
        #expect(store.problem == .exposed(path: folder.keysPath, mode: 0o644))
        #expect(store.role(for: made.key.id) == .admin)
        chmod(folder.keysPath, 0o600)
        #expect(store.problem == nil)
    }

    @Test(
        "Content that is none is refused without repeating it",
        arguments: [
            "", "{}", "[]", "null", #"{"version":2,"keys":[]}"#, #"{"version":1,"keys":[{}]}"#,
            #"{"version":1,"keys":[{"accessKeyId":"AKIAAAAAAAAAAAAAAAAA","secretAccessKey":"HUSHHUSH","role":"admin","createdAt":0}]}"#,
            #"{"version":1,"keys":[{"accessKeyId":"AKIAAAAAAAAA/AAAAAAA","secretAccessKey":"HUSHHUSHHUSHHUSHHUSH","role":"admin","createdAt":0}]}"#,
            #"{"version":1,"keys":[{"accessKeyId":"AKIAAAAAAAAAAAAAAAAA","secretAccessKey":"HUSHHUSHHUSHHUSHHUSH","role":"king","createdAt":0}]}"#,
            #"{"version":1,"keys":[{"accessKeyId":"AKIAAAAAAAAAAAAAAAAA","secretAccessKey":"HUSHHUSHHUSH HUSHHUSH","role":"admin","createdAt":0}]}"#,
            #"{"version":1,"keys":[{"accessKeyId":"AKIAAAAAAAAAAAAAAAAA","secretAccessKey":"HUSHHUSHHUSHHUSHHUSH","role":"admin","createdAt":0},"#
                + #"{"accessKeyId":"AKIAAAAAAAAAAAAAAAAA","secretAccessKey":"HUSHHUSHHUSHHUSHHUSH","role":"admin","createdAt":0}]}"#,
        ])
    func unreadable(text: String) throws {
        let folder = try ScratchFolder()
        try folder.write(text)
        let error = try #require(throws: AccessKeyError.self) { try AccessKeyStore(path: folder.keysPath) }
        guard case .unreadable = error else {
            Issue.record("\(error)")
            return
        }
        #expect(!"\(error)".contains("HUSH"))
        #expect("\(error)".contains(folder.keysPath))
    }

    @Test("A file that is too long is not read to its end")
    func tooLong() throws {
        let folder = try ScratchFolder()
        try folder.write(String(repeating: " ", count: (1 << 20) + 1))
        #expect(throws: AccessKeyError.self) { try AccessKeyStore(path: folder.keysPath) }
    }

    @Test(
        "Notes are short and without control characters",
        arguments: [String(repeating: "a", count: 257), "a\nb", "\u{1B}[31m"])
    func notes(note: String) throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(path: folder.keysPath)
        #expect(throws: AccessKeyError.unusableNote(limit: 256)) {
            try store.create(role: .admin, note: note, nowMilliseconds: 0)
        }
        #expect(folder.names == [])
    }

    @Test("A thousand keys are enough")
    func limit() throws {
        let folder = try ScratchFolder()
        let keys = (0..<1000).map {
            #"{"accessKeyId":"AKIA\#(100_000_000_000 + $0)","secretAccessKey":"ExampleExampleExampleExample","role":"auditor","createdAt":0}"#
        }
        try folder.write(#"{"version":1,"keys":[\#(keys.joined(separator: ","))]}"#)
        let store = try AccessKeyStore(path: folder.keysPath)
        #expect(store.list().count == 1000)
        #expect(throws: AccessKeyError.tooManyKeys(limit: 1000)) { try store.create(role: .admin, nowMilliseconds: 0) }
        try store.revoke("AKIA100000000000")
        try store.create(role: .admin, nowMilliseconds: 0)
        // As long as they get, they can be read again.
        #expect(try AccessKeyStore(path: folder.keysPath).list().count == 1000)
    }

    @Test("Many who make keys at the same time lose none, and readers never see a part")
    func concurrent() async throws {
        let folder = try ScratchFolder()
        let first = try AccessKeyStore(path: folder.keysPath)
        let made = try await withThrowingTaskGroup(of: [String].self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let store = try AccessKeyStore(path: folder.keysPath)
                    return try (0..<10).map {
                        try store.create(role: .consumer, note: "\(writer)-\($0)", nowMilliseconds: 0).key.id
                    }
                }
            }
            group.addTask {
                var last = 0
                for _ in 0..<2000 {
                    let count = first.list().count
                    #expect(count >= last)
                    last = count
                }
                #expect(first.problem == nil)
                return []
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(first.list().map(\.id)) == Set(made))
        #expect(made.count == 40)
    }

    @Test("No description or dump shows a secret")
    func secrets() throws {
        let folder = try ScratchFolder()
        let store = try AccessKeyStore(path: folder.keysPath)
        let made = try store.create(role: .admin, nowMilliseconds: 0)
        var dumped = "\(made) \(made.secret) \(String(reflecting: made)) \(store)"
        dump(made, to: &dumped)
        dump(store.list(), to: &dumped)
        #expect(!dumped.contains(made.secret.reveal()))
        #expect(dumped.contains(made.key.id))
    }

    @Test("A folder that is not there is named")
    func noFolder() throws {
        let store = try AccessKeyStore(path: "/nonexistent/credentials.json")
        let error = try #require(throws: AccessKeyError.self) { try store.create(role: .admin, nowMilliseconds: 0) }
        #expect("\(error)".contains("/nonexistent/credentials.json"))
        #expect("\(error)".contains("data folder must exist"))
    }
}
