import MediaCore
import Testing

@Suite("G.711")
struct G711Tests {
    @Test("Expanding the ends of the µ-law scale gives ±32,124 and 0 (ITU-T G.711 table 2)")
    func muLawScale() {
        #expect(G711.expandMuLaw(0x80) == 32_124)
        #expect(G711.expandMuLaw(0x00) == -32_124)
        #expect(G711.expandMuLaw(0xFF) == 0)
        #expect(G711.expandMuLaw(0x7F) == 0)
    }

    @Test("Expanding the ends of the A-law scale gives ±32,256 and ±8 (ITU-T G.711 table 1)")
    func aLawScale() {
        #expect(G711.expandALaw(0xAA) == 32_256)
        #expect(G711.expandALaw(0x2A) == -32_256)
        #expect(G711.expandALaw(0xD5) == 8)
        #expect(G711.expandALaw(0x55) == -8)
    }

    @Test("Compressing an expanded octet gives the octet back", arguments: 0...255)
    func roundTrip(octet: Int) {
        let octet = UInt8(octet)
        #expect(G711.compressALaw(G711.expandALaw(octet)) == octet)
        // µ-law has two zeros; negative zero comes back as the positive one.
        #expect(G711.compressMuLaw(G711.expandMuLaw(octet)) == (octet == 0x7F ? 0xFF : octet))
    }
}
