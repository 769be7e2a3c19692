import Provisioning
import Testing

@Suite("Randomly damaged configurations")
struct ConfigurationTextTests {
    static let text = """
        node: { region: us-east-1, accountId: "111122223333", domain: voiceconnector.test }
        sip: { bind: 0.0.0.0, udp: 5060, tcp: 5060, tls: 5061 }
        media: { ports: 10000-19999, backend: auto }
        connectors:
          - id: abcd112222223333444455
            termination: { cidrAllowedList: [127.0.0.1/32], credentials: [{ username: sbc, password: secret }] }
        """

    @Test("Damage of any kind gives a configuration or an error, and never ends the process", arguments: 0..<8)
    func damage(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        let loader = ConfigurationLoader(environment: [:], isReadable: { _ in true })
        let original = Array(Self.text.unicodeScalars)
        let alphabet = Array("{}[]:,-&*!|>'\"%@`#?~ \n\tab0\u{0}\u{85}\u{feff}é\u{10ffff}".unicodeScalars)
        for _ in 0..<250 {
            var scalars = original
            for _ in 0...Int.random(in: 0..<6, using: &random) {
                let place = Int.random(in: 0..<scalars.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: scalars[place] = alphabet.randomElement(using: &random) ?? "x"
                case 1: scalars.insert(alphabet.randomElement(using: &random) ?? "x", at: place)
                default: scalars.remove(at: place)
                }
            }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            do {
                let loaded = try loader.load(yaml: String(text), name: "f", folder: nil)
                #expect(!loaded.configuration.connectors.isEmpty)
            } catch {
                #expect(!error.issues.isEmpty)
                #expect(error.issues.allSatisfy { !$0.description.contains("\n") && !$0.remedy.isEmpty })
            }
        }
    }
}

/// The generator of Steele, Lea and Flood (2014): small, seeded, the same on every machine.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
