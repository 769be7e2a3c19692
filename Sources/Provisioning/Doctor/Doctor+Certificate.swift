extension Doctor {
    /// Whether TLS can start, and for how long.
    func certificate() -> [DoctorFinding] {
        guard configuration.sip.tls != nil else { return [finding("tls.certificate", .ok, "sip.tls is off")] }
        guard let certificate = configuration.sip.certificate, let key = configuration.sip.privateKey else {
            return [
                finding(
                    "tls.certificate", .warning, "no certificate is configured, so a self-signed one is made",
                    "peers that check certificates refuse it; set sip.certificate and sip.privateKey")
            ]
        }
        return [certificateFile(certificate), keyFile(key)] + pair(certificate, key)
    }

    private func certificateFile(_ path: String) -> DoctorFinding {
        let check = "tls.certificate"
        guard let bytes = probes.contents(path) else {
            return finding(
                check, .problem, "\(path) cannot be read",
                "let the user who runs the service read it, or change sip.certificate")
        }
        guard let document = PEMDocument.first(in: bytes, labelled: { $0 == "CERTIFICATE" }) else {
            return finding(
                check, .problem, "\(path) holds no PEM certificate",
                "it must have the lines `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----`")
        }
        guard let validity = CertificateValidity(derEncodedCertificate: document.bytes) else {
            return finding(check, .problem, "the certificate in \(path) cannot be read", "write the file again")
        }
        let now = probes.now()
        let days = (validity.notAfter - now) / 86_400
        if now < validity.notBefore {
            return finding(
                check, .problem, "the certificate in \(path) is not valid yet", "check the clock of this machine")
        }
        if now > validity.notAfter {
            return finding(check, .problem, "the certificate in \(path) expired \(-days) days ago", "renew it")
        }
        if days < 30 {
            return finding(check, .warning, "the certificate in \(path) expires in \(days) days", "renew it")
        }
        return finding(check, .ok, "the certificate in \(path) is valid for \(days) days")
    }

    private func keyFile(_ path: String) -> DoctorFinding {
        let check = "tls.privateKey"
        guard let bytes = probes.contents(path) else {
            return finding(
                check, .problem, "\(path) cannot be read",
                "let the user who runs the service read it, or change sip.privateKey")
        }
        guard let key = PEMDocument.first(in: bytes, labelled: { $0.hasSuffix("PRIVATE KEY") }) else {
            return finding(
                check, .problem, "\(path) holds no PEM private key",
                "it must have a line such as `-----BEGIN PRIVATE KEY-----`")
        }
        guard !key.label.hasPrefix("ENCRYPTED"), !key.isEncrypted else {
            return finding(
                check, .problem, "the key in \(path) is locked with a passphrase",
                "`openssl pkey -in \(path) -out key.pem` writes it without one; keep that file private")
        }
        if let mode = probes.permissions(path), mode & 0o077 != 0 {
            let readers = mode & 0o007 != 0 ? "everyone on this machine" : "its group"
            return finding(check, .warning, "\(path) is open to \(readers)", "`chmod 600 \(path)`")
        }
        return finding(check, .ok, "\(path) can be read, and by its owner only")
    }

    private func pair(_ certificate: String, _ key: String) -> [DoctorFinding] {
        guard let tlsFailure = probes.tlsFailure else { return [] }
        guard let reason = tlsFailure(certificate, key) else {
            return [finding("tls.pair", .ok, "the certificate and the key belong together")]
        }
        return [
            finding(
                "tls.pair", .problem, "TLS cannot use the certificate with the key: \(reason)",
                "check that sip.certificate and sip.privateKey are from the same pair")
        ]
    }
}
