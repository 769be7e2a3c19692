import Crypto

/// Which objects of the object folder a target has: by folder, as digests of their names.
///
/// A pure value. It is kept as a file of short lines that grows and is rewritten when most of it is out of date:
/// `f <number> <folder>` names a folder, `+ <number> <32 hex digits>` one object, `= <number> <change>` says that the
/// target had everything of a folder that has not changed since, after which the folder's objects are forgotten. Where
/// such a folder does change, all of it is sent again: the same object twice under the same key is the same object.
struct ObjectLedger: Sendable {
    struct Folder: Sendable {
        var number: Int
        var objects: Set<UInt128> = []
        /// The folder's time of change when everything in it had been sent and it was closed.
        var closedAtChange: Int64?
    }

    private(set) var folders: [String: Folder] = [:]
    private var names: [Int: String] = [:]
    private var nextNumber = 1
    private var lines = 0
    private var news: [UInt8] = []

    init() {}

    /// Reads the file; lines that cannot be read are left out, so their objects are sent again.
    init(parsing bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            lines += 1
            let parts = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let number = Int(parts[1]), number > 0, number < 1 << 40 else { continue }
            switch parts[0] {
            case "f":
                let name = String(parts[2])
                names[number] = name
                folders[name] = Folder(number: number)
                nextNumber = max(nextNumber, number + 1)
            case "+":
                guard parts[2].utf8.count == 32, let name = names[number], let digest = UInt128(parts[2], radix: 16)
                else { continue }
                folders[name]?.closedAtChange = nil
                folders[name]?.objects.insert(digest)
            case "=":
                guard let name = names[number], let change = Int64(parts[2]) else { continue }
                folders[name]?.objects = []
                folders[name]?.closedAtChange = change
            default: continue
            }
        }
    }

    func has(_ name: String, in folder: String) -> Bool {
        folders[folder]?.objects.contains(Self.digest(name)) ?? false
    }

    mutating func settle(_ name: String, in folder: String) {
        let number = number(of: folder)
        let digest = Self.digest(name)
        folders[folder]?.closedAtChange = nil
        guard folders[folder]?.objects.insert(digest).inserted ?? false else { return }
        let text = String(digest, radix: 16)
        add("+ \(number) \(String(repeating: "0", count: 32 - text.utf8.count))\(text)")
    }

    /// Everything of the folder is sent and it will hardly change any more.
    mutating func close(_ folder: String, change: Int64) {
        let number = number(of: folder)
        folders[folder]?.objects = []
        folders[folder]?.closedAtChange = change
        add("= \(number) \(change)")
    }

    /// Forgets a folder that is not looked at any more.
    mutating func forget(_ folder: String) {
        guard let number = folders.removeValue(forKey: folder)?.number else { return }
        names[number] = nil
    }

    /// What has to go to the file.
    var change: CursorChange? {
        guard !news.isEmpty else { return nil }
        let live = folders.values.reduce(0) { $0 + 2 + $1.objects.count }
        return lines > 2 * live + 10_000 ? .replace(whole) : .append(news)
    }

    mutating func wasSaved() {
        if lines > 2 * folders.values.reduce(0, { $0 + 2 + $1.objects.count }) + 10_000 {
            lines = folders.values.reduce(0) { $0 + 2 + $1.objects.count }
        }
        news = []
    }

    private var whole: [UInt8] {
        var text = ""
        for (name, folder) in folders {
            text += "f \(folder.number) \(name)\n"
            if let change = folder.closedAtChange { text += "= \(folder.number) \(change)\n" }
            for digest in folder.objects {
                let digits = String(digest, radix: 16)
                text += "+ \(folder.number) \(String(repeating: "0", count: 32 - digits.utf8.count))\(digits)\n"
            }
        }
        return Array(text.utf8)
    }

    private mutating func number(of folder: String) -> Int {
        if let known = folders[folder]?.number { return known }
        let number = nextNumber
        nextNumber += 1
        folders[folder] = Folder(number: number)
        names[number] = folder
        add("f \(number) \(folder)")
        return number
    }

    private mutating func add(_ line: String) {
        news += Array(line.utf8) + [UInt8(ascii: "\n")]
        lines += 1
    }

    private static func digest(_ name: String) -> UInt128 {
        SHA256.hash(data: Array(name.utf8)).prefix(16).reduce(0) { $0 << 8 | UInt128($1) }
    }
}
