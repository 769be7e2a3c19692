internal import CAVFormat

/// A failure inside libavcodec or libavformat: what was tried, and the library's own words.
public struct AudioLibraryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, e.g. `write the MP4`.
    public let operation: String
    /// The library's code, an `AVERROR`.
    public let code: Int32

    init(_ operation: String, _ code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// One sentence.
    public var description: String {
        var text = [CChar](repeating: 0, count: 128)
        cav_message(code, &text, text.count)
        let reason = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return "cannot \(operation): \(reason)"
    }

    /// Takes over bytes that the library has made.
    static func taking(
        _ operation: String, _ body: (_ bytes: inout UnsafeMutablePointer<UInt8>?, _ size: inout Int) -> Int32
    ) throws(AudioLibraryError) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        var size = 0
        let code = body(&bytes, &size)
        defer { cav_free(bytes) }
        guard code >= 0, let bytes else { throw AudioLibraryError(operation, code) }
        return Array(UnsafeBufferPointer(start: bytes, count: size))
    }
}
