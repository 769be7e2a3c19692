import Addressing
import Foundation
import Provisioning
import Testing

@Suite("Loading the configuration")
struct ConfigurationLoaderTests {
    private let loader = ConfigurationLoader(environment: [:], isReadable: { _ in true })

    @Test("Without a file, the defaults allow this machine only")
    func embeddedDefaults() throws {
        let loaded = try loader.load(file: nil)
        #expect(loaded.configuration == ServiceConfiguration())
        #expect(loaded.notices.isEmpty)
        let connector = try #require(loaded.configuration.connectors.first)
        #expect(loaded.configuration.connectors.count == 1)
        #expect(connector.allows(try address("127.0.0.1")))
        #expect(connector.allows(try address("::1")))
        #expect(try !connector.allows(address("127.0.0.2")))
        #expect(try !connector.allows(address("192.0.2.1")))
    }

    @Test("The sample of the documentation is read whole")
    func sample() throws {
        let yaml = """
            node: { region: us-east-1, accountId: "111122223333", domain: VoiceConnector.test, advertisedAddress: 127.0.0.1 }
            sip: { bind: 0.0.0.0, udp: 5060, tcp: 5060, tls: off, certificate: a.pem, privateKey: /b.pem }
            media: { ports: 10000-19999, backend: io_uring, jitterBuffer: 100ms, maxCalls: 7, workers: 3, pinWorkers: true, nat: false, idleTimeout: 2m }
            data: ./data
            streams: { flushInterval: 50ms, syncInterval: 1s }
            shutdown: { drain: 1h }
            logging: { level: debug, sipMessages: true }
            connectors:
              - id: abcd112222223333444455
                name: front desk
                requireEncryption: true
                termination: { cidrAllowedList: [127.0.0.1/32, "2001:db8::/32"], credentials: [{ username: sbc, password: 0123 }], cpsLimit: 5 }
                streaming: { disabled: true, format: pcm16, redactDigits: true, dataRetentionInHours: 0, notificationTargets: [SQS, EventBridge] }
            """
        let loaded = try loader.load(yaml: yaml, name: "earshot.yaml", folder: "/etc/earshot").configuration
        #expect(loaded.node.domain == "voiceconnector.test")
        #expect(loaded.sip.tls == nil)
        #expect(loaded.sip.certificate == "/etc/earshot/a.pem")
        #expect(loaded.sip.privateKey == "/b.pem")
        #expect(loaded.media.ports == PortRange(first: 10_000, last: 19_999))
        #expect(loaded.media.jitterBuffer == .milliseconds(100))
        #expect(loaded.media.maxCalls == 7)
        #expect(loaded.media.workers == 3)
        #expect(loaded.media.pinWorkers && !loaded.media.allowsNAT)
        #expect(loaded.media.backend == .ioUring)
        #expect(loaded.media.idleTimeout == .seconds(120))
        #expect(loaded.data == "/etc/earshot/./data")
        #expect(loaded.streams.flushInterval == .milliseconds(50))
        #expect(loaded.streams.syncInterval == .seconds(1))
        #expect(loaded.shutdown.drain == .seconds(3600))
        #expect(loaded.logging.level == .debug)
        #expect(loaded.logging.sipMessages)
        let connector = try #require(loaded.connectors.first)
        #expect(connector.hostName(loaded.node.domain) == "abcd112222223333444455.voiceconnector.test")
        #expect(connector.name == "front desk")
        #expect(connector.requireEncryption)
        #expect(connector.termination.cpsLimit == 5)
        #expect(connector.termination.cidrAllowedList.map(\.description) == ["127.0.0.1/32", "2001:db8::/32"])
        // Not the number 123, nor the octal number 83: a password is what was written.
        #expect(connector.password(of: "sbc")?.reveal() == "0123")
        #expect(connector.password(of: "SBC") == nil)
        #expect(connector.streaming.disabled)
        #expect(connector.streaming.format == .pcm16)
        #expect(connector.streaming.redactDigits)
        #expect(connector.streaming.dataRetentionInHours == 0)
        #expect(connector.streaming.notificationTargets == [.sqs, .eventBridge])
    }

    @Test("Every default of the key table is the default of the value", arguments: ConfigurationKey.all)
    func defaultsAgree(_ key: ConfigurationKey) throws {
        // A section of a target has required keys, so one of its keys alone is a mistake.
        guard let variable = key.environmentName, let text = key.defaultText, !text.isEmpty,
            !key.path.hasPrefix("delivery.")
        else { return }
        let loaded = try ConfigurationLoader(environment: [variable: text]).load(file: nil)
        #expect(loaded.configuration == ServiceConfiguration())
        #expect(loaded.notices.isEmpty)
    }

    @Test("A value outside of each range is refused and names the variable", arguments: ConfigurationKey.all)
    func rangesHold(_ key: ConfigurationKey) throws {
        guard let variable = key.environmentName else { return }
        var unfit: [String] = []
        switch key.kind {
        case .integer(let range, _): unfit = ["\(range.lowerBound - 1)", "\(range.upperBound + 1)", "x", ""]
        case .duration(let range): unfit = [DurationText.format(range.upperBound + .seconds(1)), "-1s", "1", "1d", ""]
        case .listenPort: unfit = ["-1", "65536", "on", "5060/udp", ""]
        case .boolean: unfit = ["", "2", "wahr"]
        case .choice: unfit = ["", "none"]
        case .text: unfit = ["", "\u{1}"]
        case .list: break
        }
        for text in unfit {
            let loader = ConfigurationLoader(environment: [variable: text], isReadable: { _ in true })
            let error = #expect(throws: ConfigurationError.self) { try loader.load(file: nil) }
            // Beside it may stand what else its section requires.
            let issue = error?.issues.first { $0.keyPath == key.path && $0.origin == .environment(variable: variable) }
            #expect(issue != nil, "\(text)")
        }
    }

    @Test("The environment goes over the file, key by key")
    func environmentOverrides() throws {
        let environment = ["EARSHOT_SIP_UDP": "5070", "EARSHOT_MEDIA_MAX_CALLS": "9", "EARSHOT_DATA": "elsewhere"]
        let loader = ConfigurationLoader(environment: environment)
        let yaml = "sip: { udp: 1, tcp: 2, tls: 3 }\ndata: here\n"
        let loaded = try loader.load(yaml: yaml, name: "f", folder: "/etc").configuration
        #expect(loaded.sip.udp == 5070)
        #expect(loaded.sip.tcp == 2)
        #expect(loaded.media.maxCalls == 9)
        // A relative path of the environment starts at the working folder, not at the file's.
        #expect(loaded.data == "elsewhere")
    }

    @Test("An error of the environment names the variable")
    func environmentErrors() {
        let loader = ConfigurationLoader(environment: ["EARSHOT_SIP_UDP": "many"])
        let error = #expect(throws: ConfigurationError.self) { try loader.load(file: nil) }
        #expect(
            error?.description == """
                the configuration has 1 problem
                  environment variable EARSHOT_SIP_UDP: sip.udp: 'many' is no port; \
                use a number from 0 to 65535 (0: any free port) or off
                """)
    }

    @Test("A variable that looks misspelt is remarked on, and foreign ones are let be")
    func environmentNotices() throws {
        let environment = ["EARSHOT_SIP_UPD": "1", "EARSHOT_PORT": "tcp://10.0.0.1:5060", "HOME": "/root"]
        let loaded = try ConfigurationLoader(environment: environment).load(file: nil)
        #expect(
            loaded.notices.map(\.description) == [
                "environment variable EARSHOT_SIP_UPD: sets no key of the configuration; did you mean EARSHOT_SIP_UDP?"
            ])
        #expect(loaded.configuration == ServiceConfiguration())
    }

    @Test("What is allowed and often not meant is remarked on")
    func notices() throws {
        let yaml = """
            connectors:
              - { id: a000000000000000000000 }
              - { id: b000000000000000000000, termination: { cidrAllowedList: [0.0.0.0/0] } }
            """
        let notices = try loader.load(yaml: yaml, name: "f", folder: nil).notices.map(\.description)
        #expect(
            notices == [
                "f:2: connectors[0].termination.cidrAllowedList: is empty, so nobody may call this connector; "
                    + "add the addresses of the session border controllers",
                "f:3: connectors[1].termination.cidrAllowedList: 0.0.0.0/0 allows everyone, and no password is asked for; "
                    + "name the sources, or add credentials",
            ])
    }

    @Test("Settings of one connector that work against each other are remarked on")
    func contradictions() throws {
        let yaml = """
            sip: { tls: off }
            connectors:
              - id: a000000000000000000000
                requireEncryption: true
                termination: { cidrAllowedList: [192.0.2.1] }
                streaming:
                  format: payload
                  redactDigits: true
            """
        let notices = try loader.load(yaml: yaml, name: "f", folder: nil).notices.map(\.description)
        #expect(
            notices == [
                "f:4: connectors[0].requireEncryption: takes calls over TLS only, and sip.tls is off, so no call can come in; "
                    + "give sip.tls a port, or set requireEncryption to false",
                "f:8: connectors[0].streaming.redactDigits: takes telephone events out of streams of payloads, and cannot "
                    + "silence the audio under them; use the format pcm, pcm16 or opus where digits must not be heard",
            ])
    }

    @Test("Every format of a stream can be chosen", arguments: Connector.Streaming.Format.allCases)
    func formats(_ format: Connector.Streaming.Format) throws {
        let yaml = """
            connectors:
              - id: a000000000000000000000
                termination: { cidrAllowedList: [192.0.2.1] }
                streaming: { format: \(format.rawValue) }
            """
        let loaded = try loader.load(yaml: yaml, name: "f", folder: nil)
        #expect(loaded.configuration.connectors.map(\.streaming.format) == [format])
        #expect(loaded.notices.isEmpty)
    }

    @Test("A service bound to one address advertises it")
    func advertisedAddressFollowsBind() throws {
        let bound = try loader.load(yaml: "sip: { bind: 192.0.2.7 }", name: "f", folder: nil).configuration
        #expect(bound.node.advertisedAddress == "192.0.2.7")
        let both = "sip: { bind: '::1' }\nnode: { advertisedAddress: sbc.Example.com }"
        #expect(
            try loader.load(yaml: both, name: "f", folder: nil).configuration.node.advertisedAddress
                == "sbc.example.com")
    }

    @Test("An empty file and a file of comments are the defaults", arguments: ["", "# nothing\n", "---\n", "sip:\n"])
    func emptyFiles(_ yaml: String) throws {
        #expect(try loader.load(yaml: yaml, name: "f", folder: nil).configuration == ServiceConfiguration())
    }

    @Test("Files that cannot be read say so")
    func unreadableFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("earshot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let latin = folder.appendingPathComponent("latin.yaml")
        try Data([0x64, 0xe4, 0x0a]).write(to: latin)
        let large = folder.appendingPathComponent("large.yaml")
        try Data(repeating: 0x23, count: 4_200_000).write(to: large)
        let expected = [
            (folder.path + "/none.yaml", "there is no such file; check the path after --config"),
            (folder.path, "this is a folder; give the path of the file itself"),
            (latin.path, "the file is not UTF-8 text; save it as UTF-8"),
            (large.path, "the file is larger than 4096 KiB; is it the right file?"),
        ]
        for (path, words) in expected {
            let error = #expect(throws: ConfigurationError.self) { try loader.load(file: path) }
            #expect(error?.issues.map(\.description) == ["\(path): \(words)"])
        }
    }

    @Test("Ten thousand connectors load, one more is refused")
    func manyConnectors() throws {
        func yaml(_ count: Int) -> String {
            "connectors:\n"
                + (0..<count).map { index in
                    let digits = "\(index)"
                    return "  - id: c\(String(repeating: "0", count: 21 - digits.count))\(digits)\n"
                }.joined()
        }
        #expect(try loader.load(yaml: yaml(10_000), name: "f", folder: nil).configuration.connectors.count == 10_000)
        #expect(throws: ConfigurationError.self) { try loader.load(yaml: yaml(10_001), name: "f", folder: nil) }
    }

    private func address(_ text: String) throws -> IPAddress {
        try #require(IPAddress(parsing: text))
    }
}
