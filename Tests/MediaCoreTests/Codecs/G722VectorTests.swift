import MediaCore
import Testing

/// Every file of the ITU-T software tool library for G.722, filters included.
@Suite("ITU-T reference vectors for G.722")
struct G722VectorTests {
    private let folder = "codec-vectors/itu-stl-g722/"

    /// The octets lie in the file in pairs, as 16-bit words of the other byte order.
    private func codes() -> [UInt8]? {
        SharedTestData.read(folder + "codsp.cod").map { octets in octets.indices.map { octets[$0 ^ 1] } }
    }

    @Test(
        "Decoding equals the reference bit for bit, in all three modes",
        arguments: zip(G722Mode.allCases, ["outsp1.bin", "outsp2.bin", "outsp3.bin"]))
    func decode(mode: G722Mode, file: String) throws {
        guard let octets = codes(), let reference = SharedTestData.words(folder + file)
        else { return }
        try #require(octets.count == 48_768 && reference.count == 97_536)
        let samples = decodeG722(octets, mode: mode)
        #expect(firstDifference(samples, reference) == nil)
    }

    @Test("Encoding equals the reference bit for bit")
    func encode() throws {
        guard let samples = SharedTestData.words(folder + "inpsp.bin"),
            let reference = codes()
        else { return }
        try #require(samples.count == 97_536 && reference.count == 48_768)
        let octets = encodeG722(samples)
        #expect(firstDifference(octets, reference) == nil)
    }

    @Test("The reference's file of 16-bit words holds the same codes, and decodes the same")
    func words() throws {
        guard let words = SharedTestData.words(folder + "codspw.cod"),
            let reference = SharedTestData.words(folder + "outsp1.bin")
        else { return }
        let octets = words.map { UInt8(truncatingIfNeeded: UInt16(bitPattern: $0) | UInt16(bitPattern: $0) >> 8) }
        let samples = decodeG722(octets)
        #expect(firstDifference(samples, reference) == nil)
    }
}
