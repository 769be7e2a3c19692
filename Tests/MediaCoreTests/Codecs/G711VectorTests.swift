import MediaCore
import Testing

/// The files of the ITU-T software tool library that go there and back; the others are in `ReferenceVectorTests`.
@Suite("ITU-T reference vectors for G.711, there and back")
struct G711VectorTests {
    @Test("All 65,536 values, compressed and expanded, equal the reference", arguments: [("u", false), ("a", true)])
    func thereAndBack(law: String, isALaw: Bool) throws {
        guard let source = SharedTestData.words("codec-vectors/itu-stl-g711/sweep.src"),
            let reference = SharedTestData.words("codec-vectors/itu-stl-g711/sweep-r.re\(law)")
        else { return }
        try #require(source.count == reference.count && source.count >= 65_536)
        let result = source.map {
            isALaw ? G711.expandALaw(G711.compressALaw($0)) : G711.expandMuLaw(G711.compressMuLaw($0))
        }
        #expect(firstDifference(result, reference) == nil)
    }

    @Test("The reference's octets of both laws are octets, and compressing what they expand to gives them back")
    func octets() {
        for (law, isALaw) in [("u", false), ("a", true)] {
            guard let octets = SharedTestData.words("codec-vectors/itu-stl-g711/sweep-r.\(law)") else { return }
            #expect(octets.allSatisfy { (0...255).contains($0) })
            let again = Set(octets).filter { word in
                let octet = UInt8(truncatingIfNeeded: word)
                let back =
                    isALaw
                    ? G711.compressALaw(G711.expandALaw(octet)) : G711.compressMuLaw(G711.expandMuLaw(octet))
                return back != octet
            }
            // µ-law writes zero in two ways; the reference's sweep uses both.
            #expect(again.isSubset(of: isALaw ? [] : [0x7F]))
        }
    }
}
