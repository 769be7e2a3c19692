import Addressing
import NIOSSL

/// How the server's certificate is checked when a call goes out over TLS.
public enum TLSVerification: Sendable, Hashable {
    /// The chain must lead to a root that the machine trusts, and the name must match (RFC 5922).
    case full
    /// The chain must lead to a certificate in this PEM file; the name must match.
    case trusting(certificatePath: String)
    /// Nothing is checked: for tests and for peers with a self-signed certificate.
    case none
}

/// The TLS settings of a user agent: one context as a server, and one a kind of verification as a client.
///
/// Contexts are costly to make (the trust store is read), so each is made once. Owned by the user agent's event loop.
struct TLSContexts {
    private var server: NIOSSLContext?
    private var clients: [TLSVerification: NIOSSLContext] = [:]

    /// Reads the files of a server; TLS 1.2 and 1.3 are spoken, client certificates are not asked for.
    mutating func loadServer(certificatePath: String, privateKeyPath: String) throws(CertificateError) {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificatePath)
        } catch {
            throw .unusable(path: certificatePath, reason: "\(error)")
        }
        guard !chain.isEmpty else { throw .unusable(path: certificatePath, reason: "it holds no certificate") }
        do {
            key = try NIOSSLPrivateKey(file: privateKeyPath, format: .pem)
        } catch {
            throw .unusable(path: privateKeyPath, reason: "\(error)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        do {
            server = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .unusable(path: certificatePath, reason: "certificate and key do not go together (\(error))")
        }
    }

    /// A handler for an accepted connection; nil when no certificate was loaded.
    func serverHandler() -> NIOSSLServerHandler? {
        server.map { NIOSSLServerHandler(context: $0) }
    }

    /// A handler for a connection that we open to `host`.
    mutating func clientHandler(_ verification: TLSVerification, host: String) throws -> NIOSSLClientHandler {
        let context: NIOSSLContext
        if let made = clients[verification] {
            context = made
        } else {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            switch verification {
            case .full: break
            case .trusting(let path): configuration.trustRoots = .file(path)
            case .none: configuration.certificateVerification = .none
            }
            context = try NIOSSLContext(configuration: configuration)
            clients[verification] = context
        }
        // RFC 6066 §3: an address is no server name; NIOSSL then checks the address of the connection instead.
        let isName = IPAddress(parsing: host) == nil && !host.isEmpty
        return try NIOSSLClientHandler(context: context, serverHostname: isName ? host : nil)
    }
}
