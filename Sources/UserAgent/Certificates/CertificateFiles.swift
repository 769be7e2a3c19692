import Glibc

/// The certificate and key files of a server: the configured ones, or a self-signed pair kept in a private directory.
struct CertificateFiles: Sendable, Equatable {
    let certificatePath: String
    let privateKeyPath: String
    /// Whether this start made the pair.
    let wasGenerated: Bool

    /// Uses the pair in `directory`, making both when either is missing.
    ///
    /// The directory gets mode 0700 and the key 0600; the key exists under its final name only once it is whole.
    init(selfSignedIn directory: String, names: [String]) throws(CertificateError) {
        certificatePath = directory + "/certificate.pem"
        privateKeyPath = directory + "/private-key.pem"
        guard access(certificatePath, R_OK) != 0 || access(privateKeyPath, R_OK) != 0 else {
            wasGenerated = false
            return
        }
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw Self.failure(directory) }
        guard chmod(directory, 0o700) == 0 else { throw Self.failure(directory) }
        let pair = try SelfSignedCertificate(names: names)
        try Self.write(pair.privateKeyPEM, to: privateKeyPath)
        try Self.write(pair.certificatePEM, to: certificatePath)
        wasGenerated = true
    }

    private static func write(_ octets: [UInt8], to path: String) throws(CertificateError) {
        let temporary = path + ".new"
        _ = unlink(temporary)
        // O_EXCL and O_NOFOLLOW: never write a key through a link that somebody else left there.
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(temporary) }
        var offset = 0
        while offset < octets.count {
            let written = octets[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 || errno == EINTR else {
                let error = failure(temporary)
                _ = close(descriptor)
                throw error
            }
            offset += max(written, 0)
        }
        guard fsync(descriptor) == 0, close(descriptor) == 0, rename(temporary, path) == 0 else {
            throw failure(temporary)
        }
    }

    private static func failure(_ path: String) -> CertificateError {
        .file(path: path, reason: String(cString: strerror(errno)))
    }
}
