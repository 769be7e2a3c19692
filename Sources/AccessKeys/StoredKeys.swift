import Foundation

/// The content of the file: JSON, the oldest key first.
struct StoredKeys: Sendable {
    struct Entry: Sendable {
        let key: AccessKey
        let secret: AccessKeySecret
    }

    var entries: [Entry] = []

    private struct Form: Codable {
        var version: Int
        var keys: [Key]

        struct Key: Codable {
            var accessKeyId: String
            var secretAccessKey: String
            var role: AccessRole
            var note: String?
            var createdAt: Int64
        }
    }

    /// The longest file that is read.
    static let maximumBytes = 1 << 20

    init() {}

    /// - Throws: a sentence part about what is wrong; it repeats nothing of the content, which may hold secrets.
    init(parsing bytes: [UInt8]) throws(StoredKeysProblem) {
        let form: Form
        do {
            form = try JSONDecoder().decode(Form.self, from: Data(bytes))
        } catch {
            throw StoredKeysProblem(
                "it is not JSON with version and keys, each with accessKeyId, secretAccessKey, role "
                    + "(\(AccessRole.allCases.map(\.rawValue).joined(separator: ", "))) and createdAt")
        }
        guard form.version == 1 else { throw StoredKeysProblem("its version is \(form.version), not 1") }
        guard form.keys.count <= AccessKeyStore.maximumKeys else {
            throw StoredKeysProblem("it has more than \(AccessKeyStore.maximumKeys) keys")
        }
        var seen: Set<String> = []
        for (index, key) in form.keys.enumerated() {
            // Slashes separate the parts of a credential.
            guard Self.isUsable(key.accessKeyId, lengths: 16...128), !key.accessKeyId.utf8.contains(0x2F),
                Self.isUsable(key.secretAccessKey, lengths: 20...128)
            else { throw StoredKeysProblem("its key \(index + 1) has no usable identifier or secret") }
            guard seen.insert(key.accessKeyId).inserted else {
                throw StoredKeysProblem("it has the key \(key.accessKeyId) twice")
            }
            let note = key.note ?? ""
            guard AccessKeyStore.isUsable(note: note) else {
                throw StoredKeysProblem("the note of its key \(index + 1) is too long or has control characters")
            }
            entries.append(
                Entry(
                    key: AccessKey(
                        id: key.accessKeyId, role: key.role, note: note, createdAtMilliseconds: key.createdAt),
                    secret: AccessKeySecret(key.secretAccessKey)))
        }
    }

    /// The file's content.
    func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let keys = entries.map { entry in
            Form.Key(
                accessKeyId: entry.key.id, secretAccessKey: entry.secret.reveal(), role: entry.key.role,
                note: entry.key.note.isEmpty ? nil : entry.key.note, createdAt: entry.key.createdAtMilliseconds)
        }
        return Array(try encoder.encode(Form(version: 1, keys: keys))) + [0x0A]
    }

    /// Printable and without blanks.
    private static func isUsable(_ text: String, lengths: ClosedRange<Int>) -> Bool {
        lengths.contains(text.utf8.count) && text.utf8.allSatisfy { (0x21..<0x7F).contains($0) }
    }
}

/// What is wrong with a file's content.
struct StoredKeysProblem: Error {
    let text: String

    init(_ text: String) { self.text = text }
}
