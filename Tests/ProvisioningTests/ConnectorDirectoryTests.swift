import Provisioning
import Testing

@Suite("Finding the connector of a request")
struct ConnectorDirectoryTests {
    private let directory: ConnectorDirectory

    init() throws {
        let yaml = """
            node: { domain: voice.test, advertisedAddress: 192.0.2.10 }
            connectors:
              - { id: a000000000000000000000, termination: { cidrAllowedList: [10.1.0.0/16, 10.3.0.0/16] } }
              - { id: b000000000000000000000, termination: { cidrAllowedList: [10.2.0.0/16, 10.3.3.0/24, "2001:db8::/32"] } }
              - { id: c000000000000000000000 }
            """
        let loader = ConfigurationLoader(environment: [:])
        directory = ConnectorDirectory(try loader.load(yaml: yaml, name: "f", folder: nil).configuration)
    }

    @Test(
        "Host and source decide",
        arguments: [
            ("a000000000000000000000.voice.test", "10.1.2.3", "a"),
            ("A000000000000000000000.Voice.Test.", "10.1.2.3", "a"),
            ("a000000000000000000000.voice.test", "10.2.2.3", "not allowed"),
            ("c000000000000000000000.voice.test", "10.1.2.3", "not allowed"),
            ("d000000000000000000000.voice.test", "10.1.2.3", "unknown"),
            ("a000000000000000000000.voice.test", "192.0.2.1", "not allowed"),
            ("192.0.2.10", "10.1.2.3", "a"), ("192.0.2.10", "10.2.2.3", "b"), ("voice.test", "10.2.2.3", "b"),
            ("[::ffff:192.0.2.10]", "::ffff:10.2.0.1", "b"), ("192.0.2.10", "2001:db8::9", "b"),
            ("192.0.2.10", "10.3.1.1", "a"), ("192.0.2.10", "10.3.3.1", "ambiguous"),
            ("b000000000000000000000.voice.test", "10.3.3.1", "b"), ("203.0.113.5", "10.1.2.3", "a"),
            ("elsewhere.test", "10.1.2.3", "unknown"), ("192.0.2.10", "10.9.0.1", "not allowed"),
            ("", "10.1.2.3", "unknown"),
        ])
    func resolve(_ host: String, _ source: String, _ expected: String) throws {
        let source = try #require(IPAddress(parsing: source))
        let found: String
        switch directory.resolve(host: host, source: source) {
        case .connector(let connector): found = String(connector.id.description.prefix(1))
        case .sourceNotAllowed: found = "not allowed"
        case .unknownHost: found = "unknown"
        case .ambiguous: found = "ambiguous"
        }
        #expect(found == expected)
    }

    @Test(
        "A source is allowed when any connector allows it",
        arguments: [
            ("10.1.255.255", 1), ("10.3.3.3", 2), ("10.4.0.0", 0), ("2001:db8::1", 1), ("2001:db9::1", 0),
            ("127.0.0.1", 0),
        ])
    func allowed(_ source: String, _ count: Int) throws {
        let source = try #require(IPAddress(parsing: source))
        #expect(directory.allows(source) == (count > 0))
        #expect(directory.connectors(allowing: source).count == count)
    }
}
