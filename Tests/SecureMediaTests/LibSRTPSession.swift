import CLibSRTP
import SecureMedia

/// libsrtp2 as an oracle. Its contexts live as long as the object.
final class LibSRTPSession {
    private let session: srtp_t?
    private static let isReady: Bool = srtp_init() == srtp_err_status_ok

    struct Unavailable: Error {}

    init(_ suite: CryptoSuite, inbound: Bool, variant: UInt8 = 0) throws {
        guard Self.isReady else { throw Unavailable() }
        var policy = srtp_policy_t()
        srtp_crypto_policy_set_rtp_default(&policy.rtcp)
        switch suite {
        case .counter128Tag80: srtp_crypto_policy_set_rtp_default(&policy.rtp)
        case .counter128Tag32: srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp)
        case .counter192Tag80: srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&policy.rtp)
        case .counter192Tag32: srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32(&policy.rtp)
        case .counter256Tag80: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp)
        case .counter256Tag32: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy.rtp)
        case .galois128: srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
        case .galois256: srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp)
        }
        switch suite {
        case .counter128Tag80, .counter128Tag32: break
        case .counter192Tag80, .counter192Tag32: srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&policy.rtcp)
        case .counter256Tag80, .counter256Tag32: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp)
        case .galois128: srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .galois256: srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp)
        }
        policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound
        policy.window_size = 256
        let material = material(suite, variant)
        var key = material.key + material.salt
        var made: srtp_t?
        let status = key.withUnsafeMutableBufferPointer { octets in
            policy.key = octets.baseAddress
            return srtp_create(&made, &policy)
        }
        guard status == srtp_err_status_ok else { throw Unavailable() }
        session = made
    }

    deinit { if let session { srtp_dealloc(session) } }

    /// Our sender with the session keys that libsrtp2 has for this suite.
    static func matchingSender(_ suite: CryptoSuite) throws -> SRTPSender {
        guard suite.keyLength == 24 else { return try SRTPSender(sdesKey(suite)) }
        return try SRTPSender(suite, media: oddKeys(.media, suite), control: oddKeys(.control, suite))
    }

    /// As ``matchingSender(_:)``.
    static func matchingReceiver(_ suite: CryptoSuite) throws -> SRTPReceiver {
        guard suite.keyLength == 24 else { return try SRTPReceiver(sdesKey(suite)) }
        return try SRTPReceiver(suite, media: oddKeys(.media, suite), control: oddKeys(.control, suite))
    }

    /// libsrtp2 2.5.0 on NSS knows no AES-192 in its key derivation: it takes the 38 octets of key and salt, filled up
    /// with zeros, as those of AES-256. So it does not interwork with RFC 6188 (§7.3 and §7.4, which we pass); the
    /// packets themselves can still be compared.
    private static func oddKeys(_ purpose: SessionKeys.Purpose, _ suite: CryptoSuite) throws -> SessionKeys {
        let material = material(suite)
        let all = material.key + material.salt + [UInt8](repeating: 0, count: 8)
        func derive(_ label: UInt8, _ length: Int) throws -> [UInt8] {
            try SessionKeys.derive(
                purpose.rawValue + label, length, masterKey: Array(all[..<32]), masterSalt: Array(all[32...]))
        }
        return try SessionKeys(encryption: derive(0, 24), authentication: derive(1, 20), salt: derive(2, 14))
    }

    private func run(
        _ packet: [UInt8], _ work: (srtp_t?, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
    ) -> [UInt8]? {
        // libsrtp reads words, so the packet stands at the start of an allocation.
        var buffer = packet + [UInt8](repeating: 0, count: 64)
        var count = Int32(packet.count)
        let status = buffer.withUnsafeMutableBytes { work(session, $0.baseAddress, &count) }
        return status == srtp_err_status_ok ? Array(buffer[..<Int(count)]) : nil
    }

    func protect(_ packet: [UInt8]) -> [UInt8]? { run(packet) { srtp_protect($0, $1, $2) } }
    func unprotect(_ packet: [UInt8]) -> [UInt8]? { run(packet) { srtp_unprotect($0, $1, $2) } }
    func protectControl(_ packet: [UInt8]) -> [UInt8]? { run(packet) { srtp_protect_rtcp($0, $1, $2) } }
    func unprotectControl(_ packet: [UInt8]) -> [UInt8]? { run(packet) { srtp_unprotect_rtcp($0, $1, $2) } }
}
