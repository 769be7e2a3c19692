import Foundation
import MediaCore
import Testing

/// Extra suites on third-party data beside the project; a checkout alone passes without them.
enum SharedTestData {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/testdata")

    static func read(_ path: String) -> [UInt8]? {
        guard let data = try? Data(contentsOf: folder.appending(path: path)) else {
            print("skipped: no ../shared/testdata")
            return nil
        }
        return [UInt8](data)
    }

    /// 16-bit little-endian words.
    static func words(_ path: String) -> [Int16]? {
        read(path).map { bytes in
            stride(from: 0, to: bytes.count - 1, by: 2).map {
                Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
            }
        }
    }
}

@Suite("ITU-T reference vectors for G.711")
struct ReferenceVectorTests {
    @Test("Compressing all 65,536 values equals the reference, in both laws", arguments: [("u", false), ("a", true)])
    func compress(law: String, isALaw: Bool) throws {
        guard let source = SharedTestData.words("codec-vectors/itu-stl-g711/sweep.src"),
            let reference = SharedTestData.words("codec-vectors/itu-stl-g711/sweep-r.\(law)")
        else { return }
        try #require(source.count == reference.count && source.count >= 65_536)
        var wrong = 0
        for index in source.indices {
            let octet = isALaw ? G711.compressALaw(source[index]) : G711.compressMuLaw(source[index])
            if Int16(octet) != reference[index] { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("Expanding equals the reference, in both laws", arguments: [("u", false), ("a", true)])
    func expand(law: String, isALaw: Bool) throws {
        guard let octets = SharedTestData.words("codec-vectors/itu-stl-g711/sweep-r.\(law)"),
            let reference = SharedTestData.words("codec-vectors/itu-stl-g711/sweep-r.\(law)-\(law)")
        else { return }
        try #require(octets.count == reference.count)
        var wrong = 0
        for index in octets.indices {
            let octet = UInt8(truncatingIfNeeded: octets[index])
            let sample = isALaw ? G711.expandALaw(octet) : G711.expandMuLaw(octet)
            if sample != reference[index] { wrong += 1 }
        }
        #expect(wrong == 0)
    }
}
