import Foundation
import NIOSSL
import Testing

@testable import UserAgent

@Suite("Self-signed certificates")
struct SelfSignedCertificateTests {
    @Test("A certificate names every host and address it was made for, and goes with its key")
    func names() throws {
        let pair = try SelfSignedCertificate(names: ["sip.example.com", "192.0.2.1", "2001:db8::1"])
        let certificate = try NIOSSLCertificate(bytes: pair.certificatePEM, format: .pem)
        let text = certificate.description
        #expect(text.contains("sip.example.com"))
        #expect(text.contains("192.0.2.1"))
        let key = try NIOSSLPrivateKey(bytes: pair.privateKeyPEM, format: .pem)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
        _ = try NIOSSLContext(configuration: configuration)
    }

    @Test(
        "A name that could smuggle another entry in is refused",
        arguments: ["a,IP:1.2.3.4", "", "a b", "é.example", "a\nb"])
    func badNames(name: String) {
        #expect(throws: CertificateError.unusableName(name)) { try SelfSignedCertificate(names: [name]) }
    }

    @Test("The pair is kept in a private directory and used again")
    func files() throws {
        let directory = NSTemporaryDirectory() + "earshot-tls-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let first = try CertificateFiles(selfSignedIn: directory, names: ["localhost"])
        #expect(first.wasGenerated)
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(directory) == 0o700)
        #expect(try mode(first.privateKeyPath) == 0o600)
        let key = try Data(contentsOf: URL(fileURLWithPath: first.privateKeyPath))
        let second = try CertificateFiles(selfSignedIn: directory, names: ["localhost"])
        #expect(!second.wasGenerated)
        #expect(try Data(contentsOf: URL(fileURLWithPath: second.privateKeyPath)) == key)
    }

    @Test("A missing or broken file is named in the error")
    func errors() throws {
        var contexts = TLSContexts()
        let error = #expect(throws: CertificateError.self) {
            try contexts.loadServer(certificatePath: "/nonexistent/cert.pem", privateKeyPath: "/nonexistent/key.pem")
        }
        #expect("\(try #require(error))".hasPrefix("/nonexistent/cert.pem cannot be used for TLS"))
        let unwritable = #expect(throws: CertificateError.self) {
            try CertificateFiles(selfSignedIn: "/proc/no/such/place", names: ["localhost"])
        }
        #expect("\(try #require(unwritable))".hasPrefix("/proc/no/such/place"))
    }
}
