import Addressing
import Provisioning
import Testing

@Suite("Configuration errors, read as their user would")
struct ConfigurationErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var yaml: String
        /// The error's lines after the first, whole.
        var lines: [String]
        var testDescription: String { name }
    }

    static let id = "abcd112222223333444455"

    static let cases: [Case] = [
        Case(
            name: "A misspelt key gets the name that was meant",
            yaml: "sip:\n  udp: 5070\n  tpc: 5060\n",
            lines: ["earshot.yaml:3: sip.tpc: is no known key; did you mean 'tcp'?"]),
        Case(
            name: "A key of another section is told where it belongs",
            yaml: "maxCalls: 10\n",
            lines: ["earshot.yaml:1: maxCalls: is no known key; 'maxCalls' belongs at media.maxCalls"]),
        Case(
            name: "A key that nothing resembles gets the list of keys",
            yaml: "logging: { colour: red }\n",
            lines: ["earshot.yaml:1: logging.colour: is no known key; the keys here are level, sipMessages"]),
        Case(
            name: "A port beyond 65535",
            yaml: "node: { region: eu-west-1 }\nsip:\n  udp: 70000\n",
            lines: [
                "earshot.yaml:3: sip.udp: port 70000 is out of range; "
                    + "use a number from 0 to 65535 (0: any free port) or off"
            ]),
        Case(
            name: "A word where a port is expected",
            yaml: "sip: { tls: none }\n",
            lines: [
                "earshot.yaml:1: sip.tls: 'none' is no port; use a number from 0 to 65535 (0: any free port) or off"
            ]),
        Case(
            name: "A list where a section is expected",
            yaml: "sip: [5060, 5061]\n",
            lines: [
                "earshot.yaml:1: sip: has a list where keys are expected; "
                    + "write keys below it, each as `key: value` (bind, udp, tcp, tls, certificate, privateKey)"
            ]),
        Case(
            name: "A section where a single value is expected",
            yaml: "media:\n  maxCalls:\n    most: 5\n",
            lines: [
                "earshot.yaml:3: media.maxCalls: has a section of keys where a single value is expected; write 1–100000"
            ]),
        Case(
            name: "A key without a value",
            yaml: "data:\nsip: { udp: 5060 }\n",
            lines: ["earshot.yaml:1: data: has no value; write path of a folder, or remove the key"]),
        Case(
            name: "A number without a unit where a duration is expected",
            yaml: "media: { jitterBuffer: 240 }\n",
            lines: [
                "earshot.yaml:1: media.jitterBuffer: '240' is no duration; '240ms' or '240s'? "
                    + "write a number with ms, s, m or h, from 20ms to 2s"
            ]),
        Case(
            name: "A duration that is too long",
            yaml: "streams: { flushInterval: 1s }\n",
            lines: ["earshot.yaml:1: streams.flushInterval: '1s' is out of range; use a duration from 10ms to 250ms"]),
        Case(
            name: "A number that is too large for any machine",
            yaml: "media: { workers: 99999999999999999999 }\n",
            lines: [
                "earshot.yaml:1: media.workers: '99999999999999999999' is no whole number; "
                    + "use a whole number of threads from 0 to 256"
            ]),
        Case(
            name: "yes in place of true",
            yaml: "logging: { sipMessages: yes }\n",
            lines: ["earshot.yaml:1: logging.sipMessages: 'yes' is neither true nor false; write true"]),
        Case(
            name: "A back end that is not offered",
            yaml: "media: { backend: epol }\n",
            lines: [
                "earshot.yaml:1: media.backend: 'epol' is not offered; did you mean 'epoll'? use auto, io_uring, epoll"
            ]),
        Case(
            name: "A port range that cuts a pair in two",
            yaml: "media: { ports: 10001-20000 }\n",
            lines: [
                "earshot.yaml:1: media.ports: '10001-20000' cuts a pair of ports in two "
                    + "(RTP is even, RTCP is the odd port after it); write 10002-19999"
            ]),
        Case(
            name: "A port range for less than one call",
            yaml: "media: { ports: 10000-10001 }\n",
            lines: ["earshot.yaml:1: media.ports: '10000-10001' is too small; a call of two streams needs 4 ports"]),
        Case(
            name: "A port range that runs backwards",
            yaml: "media: { ports: 20001-10000 }\n",
            lines: [
                "earshot.yaml:1: media.ports: '20001-10000' ends before it starts; write first-last, such as 10000-19999"
            ]),
        Case(
            name: "SIP inside of the media ports",
            yaml: "sip: { udp: 15060 }\nmedia: { ports: 10000-19999 }\n",
            lines: [
                "earshot.yaml:2: media.ports: sip.udp (15060) lies inside of media.ports (10000-19999); "
                    + "move one of them"
            ]),
        Case(
            name: "TCP and TLS on one port",
            yaml: "sip:\n  tcp: 5061\n  tls: 5061\n",
            lines: ["earshot.yaml:3: sip.tls: sip.tcp and sip.tls are both port 5061; give each a port of its own"]),
        Case(
            name: "No transport at all",
            yaml: "sip: { udp: off, tcp: off, tls: off }\n",
            lines: ["earshot.yaml:1: sip: has udp, tcp and tls all off; give one of them a port"]),
        Case(
            name: "A certificate file that is missing, and no key",
            yaml: "sip:\n  certificate: tls/chain.pem\n",
            lines: [
                "earshot.yaml:2: sip.certificate: there is no readable file at '/etc/earshot/tls/chain.pem'; "
                    + "check the path, and that the user who runs the service may read it",
                "earshot.yaml:2: sip.certificate: is set without sip.privateKey; "
                    + "set both, or neither for a self-signed certificate",
            ]),
        Case(
            name: "An account that lost its leading zero",
            yaml: "node: { accountId: 11122223333 }\n",
            lines: ["earshot.yaml:1: node.accountId: '11122223333' is no account; use 12 digits, in quotes"]),
        Case(
            name: "A wildcard as the address for peers",
            yaml: "node: { advertisedAddress: 0.0.0.0 }\n",
            lines: [
                "earshot.yaml:1: node.advertisedAddress: '0.0.0.0' is no address that a peer can send to; "
                    + "use the address under which the session border controller reaches this node"
            ]),
        Case(
            name: "An address with a port",
            yaml: "node: { advertisedAddress: '192.0.2.1:5060' }\n",
            lines: [
                "earshot.yaml:1: node.advertisedAddress: '192.0.2.1:5060' is neither an IP address nor a host name; "
                    + "use one without a port"
            ]),
        Case(
            name: "A host name to bind",
            yaml: "sip: { bind: localhost }\n",
            lines: [
                "earshot.yaml:1: sip.bind: 'localhost' is no IP address; use an address of this machine, "
                    + "0.0.0.0 for every IPv4 address, or '::' (in quotes) for every one"
            ]),
        Case(
            name: "A connector without an id",
            yaml: "connectors:\n  - name: front desk\n",
            lines: ["earshot.yaml:2: connectors[0].id: is missing; add it: 22 characters of a–z and 0–9, unique"]),
        Case(
            name: "An id that is too short",
            yaml: "connectors: [{ id: abcd1122 }]\n",
            lines: [
                "earshot.yaml:1: connectors[0].id: 'abcd1122' is no connector id (it has 8 characters); "
                    + "use 22 characters of a–z and 0–9, in quotes when all are digits"
            ]),
        Case(
            name: "An id with capitals",
            yaml: "connectors: [{ id: ABCD112222223333444455 }]\n",
            lines: [
                "earshot.yaml:1: connectors[0].id: 'ABCD112222223333444455' is no connector id; "
                    + "use 22 characters of a–z and 0–9, in quotes when all are digits"
            ]),
        Case(
            name: "Two connectors with one id",
            yaml: "connectors:\n  - id: \(id)\n  - id: \(id)\n",
            lines: [
                "earshot.yaml:3: connectors[1].id: \(id) is also the id of connectors[0]; "
                    + "give each connector an id of its own"
            ]),
        Case(
            name: "An empty list of connectors",
            yaml: "connectors: []\n",
            lines: [
                "earshot.yaml:1: connectors: is empty, so no call could be taken; "
                    + "add a connector, or remove the key for one that only this machine may call"
            ]),
        Case(
            name: "Blocks of addresses that are none",
            yaml: "connectors:\n  - id: \(id)\n    termination:\n      cidrAllowedList:\n"
                + "        - sbc.example.com\n        - 10.0.0.0/33\n        - 10.1.2.3/8\n",
            lines: [
                "earshot.yaml:5: connectors[0].termination.cidrAllowedList[0]: 'sbc.example.com' is not an IP address "
                    + "block; write an address and a prefix length, such as 192.0.2.0/24 or 2001:db8::/32",
                "earshot.yaml:6: connectors[0].termination.cidrAllowedList[1]: '10.0.0.0/33' has a prefix length that "
                    + "does not fit its address; use a prefix length from 0 to 32",
                "earshot.yaml:7: connectors[0].termination.cidrAllowedList[2]: '10.1.2.3/8' has address bits set after "
                    + "its prefix; write 10.0.0.0/8 for the whole block, or 10.1.2.3 for that one address",
            ]),
        Case(
            name: "A user name that is written twice",
            yaml: "connectors:\n  - id: \(id)\n    termination:\n      credentials:\n"
                + "        - { username: sbc, password: hunter2-a }\n        - { username: sbc, password: hunter2-b }\n",
            lines: [
                "earshot.yaml:6: connectors[0].termination.credentials[1].username: 'sbc' is also the username of "
                    + "connectors[0].termination.credentials[0]; keep one of them: a user has one password"
            ]),
        Case(
            name: "A user without a password",
            yaml: "connectors:\n  - id: \(id)\n    termination: { credentials: [{ username: sbc }] }\n",
            lines: [
                "earshot.yaml:3: connectors[0].termination.credentials[0].password: is missing; add it: 1–512 characters"
            ]),
        Case(
            name: "A notification target in the wrong case",
            yaml: "connectors:\n  - id: \(id)\n    streaming: { notificationTargets: [Eventbridge] }\n",
            lines: [
                "earshot.yaml:3: connectors[0].streaming.notificationTargets[0]: 'Eventbridge' is not offered; "
                    + "did you mean 'EventBridge'? use EventBridge, SNS, SQS, Webhook"
            ]),
        Case(
            name: "A key that is written twice",
            yaml: "sip: { udp: 5060 }\nmedia: { workers: 1 }\nsip: { tcp: 5060 }\n",
            lines: ["earshot.yaml:1: the key 'sip' is written more than once; keep one of them"]),
        Case(
            name: "A value in place of the whole file",
            yaml: "hello\n",
            lines: [
                "earshot.yaml:1: has a single value where keys are expected; write keys below it, "
                    + "each as `key: value` (node, sip, media, http, data, streams, shutdown, logging, "
                    + "delivery, connectors)"
            ]),
        Case(
            name: "A format of streams that there is not",
            yaml: "connectors:\n  - id: a000000000000000000000\n    streaming:\n      format: pcm61\n",
            lines: [
                "earshot.yaml:4: connectors[0].streaming.format: 'pcm61' is not offered; "
                    + "did you mean 'pcm16'? use pcm, pcm16, opus, payload"
            ]),
        Case(
            name: "A key of streams that there is not",
            yaml: "connectors:\n  - id: a000000000000000000000\n    streaming:\n      redactDigit: true\n",
            lines: [
                "earshot.yaml:4: connectors[0].streaming.redactDigit: is no known key; did you mean 'redactDigits'?"
            ]),
        Case(
            name: "A back end that there is not, and a doubtful pin",
            yaml: "media:\n  backend: iouring\n  pinWorkers: yes\n",
            lines: [
                "earshot.yaml:2: media.backend: 'iouring' is not offered; "
                    + "did you mean 'io_uring'? use auto, io_uring, epoll",
                "earshot.yaml:3: media.pinWorkers: 'yes' is neither true nor false; write true",
            ]),
        Case(
            name: "Two documents",
            yaml: "data: a\n---\ndata: b\n",
            lines: ["earshot.yaml:2: a second YAML document starts here; keep one document and remove the `---`"]),
        Case(
            name: "A merge key",
            yaml: "sip:\n  <<: { udp: 1 }\n",
            lines: ["earshot.yaml:2: sip.<<: is no known key; merge keys are not read; write the keys out"]),
        Case(
            name: "An anchor",
            yaml: "sip: &sip { udp: 5070 }\n",
            lines: [
                "earshot.yaml:1: YAML anchors (`&name`) and aliases (`*name`) are not read; "
                    + "write the value out at each place"
            ]),
    ]

    @Test("Each mistake gets one line that names place, key, fault and cure", arguments: cases)
    func oneMistake(_ example: Case) {
        #expect(errorLines(example.yaml) == example.lines)
    }

    @Test("All mistakes of a file are told at once, in the order of its lines")
    func allAtOnce() {
        let yaml = """
            sip:
              upd: 5060
            media:
              backend: fast
              ports: 1-2
            connectors:
              - id: x
                requireEncryption: maybe
            """
        let lines = errorLines(yaml)
        #expect(
            lines.map { $0.split(separator: ":").prefix(3).joined(separator: ":") } == [
                "earshot.yaml:2: sip.upd", "earshot.yaml:4: media.backend", "earshot.yaml:5: media.ports",
                "earshot.yaml:7: connectors[0].id", "earshot.yaml:8: connectors[0].requireEncryption",
            ])
    }

    @Test("A password is never part of an error, whatever is wrong beside it")
    func noPasswords() {
        let head = "connectors:\n  - id: \(Self.id)\n    termination:\n      credentials:\n"
        let broken = [
            head + "        - { username: 'a:b', password: hunter2 }\n",
            head + "        - { username: sbc, password: 'hunter2\u{1}' }\n",
            head + "        - { username: sbc, password: \"hunter2\\u0001\" }\n",
            head + "        - { username: sbc, password: [hunter2] }\n",
            head + "        - { username: sbc, password: hunter2, }, x\n",
            head + "        - { username: sbc, password: hunter2: y: z }\n",
            head + "        - { username: sbc, password: \"hunter2 }\n",
            head + "        - username: sbc\n       password: hunter2\n",
            head + "        - { username: sbc, password: \(String(repeating: "hunter2", count: 100)) }\n",
            head + "        - hunter2\n",
        ]
        for yaml in broken {
            let lines = errorLines(yaml)
            #expect(!lines.isEmpty, "accepted: \(yaml)")
            #expect(!lines.joined().contains("hunter2"), "\(lines)")
        }
    }

    @Test(
        "Broken YAML names its line",
        arguments: [
            ("sip: {\n  udp: 5060\nmedia: 1\n", 3), ("sip:\n\tudp: 5060\n", 2), ("a: 'b\n", 2), ("data: x\u{7}\n", 1),
            ("data: *unknown\n", 1),
        ])
    func brokenYAML(_ yaml: String, _ line: Int) {
        let lines = errorLines(yaml)
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("earshot.yaml:\(line): the YAML cannot be read (") == true, "\(lines)")
    }

    @Test("Nests of aliases are refused before they grow, and quickly", arguments: [false, true])
    func aliasBombs(asKeys: Bool) {
        var yaml = "a0: &a0 [x]\n"
        for level in 1...60 {
            let alias = "*a\(level - 1)"
            let values = [String](repeating: alias, count: 9).joined(separator: ", ")
            yaml +=
                asKeys ? "? &a\(level) {\(alias) : x, [\(values)] : y}\n: x\n" : "a\(level): &a\(level) [\(values)]\n"
        }
        let clock = ContinuousClock()
        let time = clock.measure {
            let lines = errorLines(yaml)
            #expect(lines.count == 1)
            #expect(lines.first?.contains("aliases") == true, "\(lines)")
        }
        #expect(time < .seconds(2))
    }

    @Test(
        "Deep nests and large files are refused",
        arguments: [
            String(repeating: "[", count: 200_000),
            "a: " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
            String(repeating: "- ", count: 100_000) + "x",
            String(repeating: "#", count: 5_000_000),
        ])
    func limits(_ yaml: String) {
        #expect(errorLines(yaml).count == 1)
    }

    /// The error's lines for a text, without the first line and the indentation; empty when the text is accepted.
    private func errorLines(_ yaml: String) -> [String] {
        let loader = ConfigurationLoader(environment: [:], isReadable: { _ in false })
        do {
            _ = try loader.load(yaml: yaml, name: "earshot.yaml", folder: "/etc/earshot")
            return []
        } catch {
            return error.description.split(separator: "\n").dropFirst().map { String($0.dropFirst(2)) }
        }
    }
}
