import Addressing
import Foundation
import Testing

@testable import Provisioning

@Suite("earshot doctor")
struct DoctorTests {
    /// A machine where everything is in order.
    static func healthy() -> DoctorProbes {
        DoctorProbes(
            bind: { _, _, _ in nil }, openFileLimit: { 1_048_576 }, receiveBufferLimit: { 8 << 20 },
            resolve: { _ in [] }, localAddresses: { [.v4(0x7f00_0001), .v4(0xc000_0201)] },
            contents: { _ in nil }, permissions: { _ in 0o700 }, canWrite: { _ in true }, freeBytes: { _ in 100 << 30 },
            hasProgram: { _ in true }, now: { 1_800_000_000 })
    }

    private func examine(
        _ configuration: ServiceConfiguration = ServiceConfiguration(),
        _ change: (inout DoctorProbes) -> Void = { _ in }
    ) -> DoctorReport {
        var probes = Self.healthy()
        change(&probes)
        return Doctor(configuration, probes: probes).examine()
    }

    private func verdict(_ report: DoctorReport, _ check: String) -> DoctorFinding.Verdict? {
        report.findings.first { $0.check == check }?.verdict
    }

    @Test("A machine in order has no problem, and each finding in order needs no cure")
    func inOrder() {
        var configuration = ServiceConfiguration()
        configuration.media.maxCalls = 2500
        configuration.sip.tls = nil
        let report = examine(configuration)
        #expect(report.isHealthy)
        #expect(report.findings.allSatisfy { $0.verdict == .ok && $0.remedy == nil }, "\(report)")
        #expect(report.description.hasSuffix("\(report.findings.count) ok, 0 warnings, 0 problems"))
    }

    @Test(
        "Ports that cannot be bound are problems with a cure",
        arguments: [
            (DoctorProbes.BindFailure.inUse, "used by another process", "ss -lnp"),
            (.notPermitted, "may not be used", "CAP_NET_BIND_SERVICE"),
            (.noSuchAddress, "no address 0.0.0.0", "sip.bind"), (.other("odd"), "odd", "sip.udp"),
        ])
    func ports(_ failure: DoctorProbes.BindFailure, _ message: String, _ remedy: String) throws {
        let report = examine { $0.bind = { _, port, kind in port == 5060 && kind == .udp ? failure : nil } }
        let finding = try #require(report.findings.first { $0.check == "port.sip.udp" })
        #expect(finding.verdict == .problem)
        #expect(finding.message.contains(message))
        #expect(finding.remedy?.contains(remedy) == true)
        #expect(verdict(report, "port.sip.tcp") == .ok)
        #expect(!report.isHealthy)
    }

    @Test("Ports that are off or any are not tried")
    func portsNotTried() {
        var configuration = ServiceConfiguration()
        configuration.sip.udp = 0
        configuration.sip.tcp = nil
        configuration.sip.tls = nil
        let report = examine(configuration) { $0.bind = { _, port, _ in port < 10_000 ? .inUse : nil } }
        #expect(report.isHealthy)
    }

    @Test(
        "io_uring that the kernel forbids is a problem where it is asked for, and a warning where it is hoped for",
        arguments: [
            (MediaSettings.Backend.auto, nil, DoctorFinding.Verdict.ok), (.auto, 0, .ok), (.auto, 1, .warning),
            (.auto, 2, .warning), (.ioUring, nil, .ok), (.ioUring, 1, .problem), (.ioUring, 2, .problem),
            (.epoll, 2, .ok),
        ] as [(MediaSettings.Backend, Int?, DoctorFinding.Verdict)])
    func backEnds(_ backend: MediaSettings.Backend, _ restriction: Int?, _ expected: DoctorFinding.Verdict) {
        var configuration = ServiceConfiguration()
        configuration.media.backend = backend
        let report = examine(configuration) { $0.ringRestriction = { restriction } }
        #expect(verdict(report, "media.backend") == expected)
    }

    @Test("More media threads than cores are a warning", arguments: [(0, 4, true), (4, 4, true), (5, 4, false)])
    func workers(_ workers: Int, _ cores: Int, _ isFine: Bool) {
        var configuration = ServiceConfiguration()
        configuration.media.workers = workers
        configuration.media.pinWorkers = true
        let report = examine(configuration) { $0.coreCount = { cores } }
        #expect(verdict(report, "media.workers") == (isFine ? .ok : .warning))
    }

    @Test("A connector that requires encryption needs TLS")
    func encryption() {
        var configuration = ServiceConfiguration()
        #expect(verdict(examine(configuration), "encryption") == .ok)
        configuration.connectors[0].requireEncryption = true
        #expect(verdict(examine(configuration), "encryption") == .ok)
        configuration.sip.tls = nil
        #expect(verdict(examine(configuration), "encryption") == .problem)
    }

    @Test("Media ports: some taken is a warning, none possible a problem")
    func mediaPorts() {
        let some = examine { $0.bind = { _, port, _ in port == 10_000 ? .inUse : nil } }
        #expect(verdict(some, "port.media") == .warning)
        let none = examine { $0.bind = { _, port, _ in port >= 10_000 ? .noSuchAddress : nil } }
        #expect(verdict(none, "port.media") == .problem)
        var smallest = ServiceConfiguration()
        smallest.media.ports = PortRange(first: 65_532, last: 65_535) ?? smallest.media.ports
        #expect(verdict(examine(smallest), "port.media") == .ok)
    }

    @Test("Limits that are too low are warnings")
    func limits() {
        #expect(verdict(examine { $0.openFileLimit = { 1024 } }, "limit.files") == .warning)
        #expect(verdict(examine { $0.openFileLimit = { nil } }, "limit.files") == .ok)
        #expect(verdict(examine { $0.receiveBufferLimit = { 212_992 } }, "limit.receiveBuffer") == .warning)
    }

    @Test(
        "The advertised address must be reachable for those who may call",
        arguments: [
            ("127.0.0.1", "10.0.0.0/8", DoctorFinding.Verdict.problem), ("127.0.0.1", "127.0.0.1/32", .ok),
            ("192.0.2.1", "10.0.0.0/8", .ok), ("203.0.113.1", "10.0.0.0/8", .warning), ("here.test", "10.0.0.0/8", .ok),
            ("gone.test", "10.0.0.0/8", .problem),
        ])
    func addresses(_ name: String, _ allowed: String, _ expected: DoctorFinding.Verdict) throws {
        var configuration = ServiceConfiguration()
        configuration.node.advertisedAddress = name
        configuration.connectors[0].termination.cidrAllowedList = [try CIDRBlock(parsing: allowed)]
        let report = examine(configuration) { $0.resolve = { $0 == "here.test" ? [.v4(0xc000_0201)] : [] } }
        #expect(verdict(report, "address.advertised") == expected)
    }

    @Test("The data folder must be writable, private and have room")
    func data() {
        #expect(verdict(examine { $0.canWrite = { _ in false } }, "data.folder") == .problem)
        #expect(verdict(examine { $0.permissions = { _ in 0o755 } }, "data.folder") == .warning)
        #expect(verdict(examine { $0.permissions = { _ in nil } }, "data.folder") == .ok)
        #expect(verdict(examine { $0.freeBytes = { _ in 1 << 20 } }, "data.space") == .problem)
        #expect(verdict(examine { $0.freeBytes = { _ in 1 << 30 } }, "data.space") == .warning)
        #expect(verdict(examine { $0.freeBytes = { _ in nil } }, "data.space") == .warning)
    }

    @Test("A machine without ffmpeg is in order, with a hint")
    func ffmpeg() {
        let finding = examine { $0.hasProgram = { _ in false } }.findings.first { $0.check == "tools.ffmpeg" }
        #expect(finding?.verdict == .ok)
        #expect(finding?.remedy != nil)
    }

    @Test("Without a certificate the doctor says that a self-signed one is made")
    func selfSigned() {
        #expect(verdict(examine(), "tls.certificate") == .warning)
    }

    @Test(
        "Certificates: the time they are valid for",
        arguments: [
            (1_800_000_000 as Int64, DoctorFinding.Verdict.ok), (Certificates.notBefore - 1, .problem),
            (Certificates.notAfter + 1, .problem), (Certificates.notAfter - 86_400, .warning),
        ])
    func certificateTimes(_ now: Int64, _ expected: DoctorFinding.Verdict) {
        let report = examine(Certificates.configuration) { probes in
            probes.now = { now }
            probes.permissions = { _ in 0o600 }
            probes.contents = { Array(($0 == "chain.pem" ? Certificates.chain : Certificates.key).utf8) }
        }
        #expect(verdict(report, "tls.certificate") == expected, "\(report)")
        #expect(verdict(report, "tls.privateKey") == .ok)
        #expect(verdict(report, "tls.pair") == nil)
    }

    struct UnusableFiles: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var chain = Certificates.chain
        var key = Certificates.key
        /// The check that must find it.
        var check: String
    }

    static let unusableFiles = [
        UnusableFiles(testDescription: "an empty certificate", chain: "", check: "tls.certificate"),
        UnusableFiles(testDescription: "a text in place of a certificate", chain: "hello", check: "tls.certificate"),
        UnusableFiles(
            testDescription: "a key in place of a certificate", chain: Certificates.key, check: "tls.certificate"),
        UnusableFiles(
            testDescription: "a certificate of three zero bytes",
            chain: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", check: "tls.certificate"),
        UnusableFiles(
            testDescription: "a certificate that is not base64",
            chain: "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", check: "tls.certificate"),
        UnusableFiles(
            testDescription: "a certificate without an end", chain: String(Certificates.chain.dropLast(30)),
            check: "tls.certificate"),
        UnusableFiles(testDescription: "an empty key", key: "", check: "tls.privateKey"),
        UnusableFiles(
            testDescription: "a certificate in place of a key", key: Certificates.chain, check: "tls.privateKey"),
        UnusableFiles(
            testDescription: "a key with a passphrase",
            key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            check: "tls.privateKey"),
        UnusableFiles(
            testDescription: "an older key with a passphrase",
            key: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nAAAA\n-----END RSA PRIVATE KEY-----",
            check: "tls.privateKey"),
    ]

    @Test("Certificates and keys that cannot be used", arguments: unusableFiles)
    func unusable(_ files: UnusableFiles) {
        let report = examine(Certificates.configuration) { probes in
            probes.contents = { Array(($0 == "chain.pem" ? files.chain : files.key).utf8) }
        }
        #expect(verdict(report, files.check) == .problem, "\(report)")
    }

    @Test("A key that others may read is a warning, a pair that TLS refuses a problem")
    func keys() {
        let report = examine(Certificates.configuration) { probes in
            probes.permissions = { _ in 0o644 }
            probes.contents = { Array(($0 == "chain.pem" ? Certificates.chain : Certificates.key).utf8) }
            probes.tlsFailure = { chain, key in "\(chain) and \(key) differ" }
        }
        #expect(verdict(report, "tls.privateKey") == .warning)
        #expect(verdict(report, "tls.pair") == .problem)
        let unreadable = examine(Certificates.configuration)
        #expect(verdict(unreadable, "tls.certificate") == .problem)
        #expect(verdict(unreadable, "tls.privateKey") == .problem)
    }

    @Test("A certificate cut at any byte is refused without harm")
    func cutCertificates() throws {
        let document = try #require(PEMDocument.first(in: Array(Certificates.chain.utf8)) { $0 == "CERTIFICATE" })
        #expect(CertificateValidity(derEncodedCertificate: document.bytes)?.notAfter == Certificates.notAfter)
        for count in document.bytes.indices {
            #expect(CertificateValidity(derEncodedCertificate: Array(document.bytes.prefix(count))) == nil)
        }
    }

    @Test("The report as JSON has every finding and the sum")
    func json() throws {
        struct Output: Decodable {
            var findings: [DoctorFinding]
            var healthy: Bool
        }
        let report = examine { $0.canWrite = { _ in false } }
        let output = try JSONDecoder().decode(Output.self, from: Data(report.json().utf8))
        #expect(output.findings == report.findings)
        #expect(!output.healthy)
    }

    @Test("The probes of this machine answer")
    func systemProbes() throws {
        let probes = DoctorProbes.system()
        let loopback = try #require(IPAddress(parsing: "127.0.0.1"))
        #expect(probes.bind(loopback, 0, .udp) == nil)
        #expect(probes.bind(loopback, 0, .tcp) == nil)
        #expect(probes.bind(.v4(0xcb00_7101), 0, .udp) == .noSuchAddress)
        #expect(probes.localAddresses().contains(loopback))
        #expect(probes.resolve("127.0.0.1") == [loopback])
        #expect(probes.resolve("does-not-exist.invalid").isEmpty)
        #expect((probes.freeBytes("/tmp/not/there/yet") ?? 0) > 0)
        #expect(probes.canWrite("/tmp/not/there/yet"))
        #expect(probes.permissions("/") != nil)
        #expect(probes.permissions("/not/there") == nil)
        #expect(probes.hasProgram("sh"))
        #expect(!probes.hasProgram("no-such-program-here"))
        #expect(probes.contents("/not/there") == nil)
        #expect((OpenFileLimit.raise() ?? 0) > 0)
    }
}
