import CLibSRTP
import SecureMedia

/// libsrtp2 as an oracle. Its contexts live as long as the object.
final class LibSRTPSession {
    private let session: srtp_t?
    private let hasIdentifier: Bool
    private static let isReady: Bool = srtp_init() == srtp_err_status_ok

    struct Unavailable: Error {}

    /// With `identifiers` there is a master key for each, in this order: the variants from `variant` on.
    init(_ suite: CryptoSuite, inbound: Bool, variant: UInt8 = 0, identifiers: [[UInt8]] = []) throws {
        guard Self.isReady else { throw Unavailable() }
        var policy = srtp_policy_t()
        guard
            srtp_policy_of_suite(&policy, Int32(suite.keyLength * 8), Int32(suite.tagLength), inbound ? 1 : 0) != 0
        else { throw Unavailable() }
        // libsrtp2 copies all of it.
        var held: [UnsafeMutablePointer<UInt8>] = []
        defer { for place in held { place.deallocate() } }
        func hold(_ octets: [UInt8]) -> UnsafeMutablePointer<UInt8> {
            let place = UnsafeMutablePointer<UInt8>.allocate(capacity: octets.count)
            place.initialize(from: octets, count: octets.count)
            held.append(place)
            return place
        }
        func key(_ variant: UInt8) -> UnsafeMutablePointer<UInt8> {
            let material = material(suite, variant)
            return hold(material.key + material.salt)
        }
        let keys = UnsafeMutablePointer<srtp_master_key_t>.allocate(capacity: max(1, identifiers.count))
        defer { keys.deallocate() }
        for (index, identifier) in identifiers.enumerated() {
            (keys + index).initialize(
                to: srtp_master_key_t(
                    key: key(variant + UInt8(index)), mki_id: hold(identifier), mki_size: UInt32(identifier.count)))
        }
        var made: srtp_t?
        var list: [UnsafeMutablePointer<srtp_master_key_t>?] = identifiers.indices.map { keys + $0 }
        let status = list.withUnsafeMutableBufferPointer { list in
            if identifiers.isEmpty {
                policy.key = key(variant)
            } else {
                policy.keys = list.baseAddress
                policy.num_master_keys = UInt(identifiers.count)
            }
            return srtp_create(&made, &policy)
        }
        hasIdentifier = !identifiers.isEmpty
        guard status == srtp_err_status_ok else { throw Unavailable() }
        session = made
    }

    deinit { if let session { srtp_dealloc(session) } }

    /// Our sender with the session keys that libsrtp2 has for this suite, and with SRTCP numbers from 1, as it has.
    static func matchingSender(_ suite: CryptoSuite) throws -> SRTPSender {
        guard suite.keyLength == 24 else {
            let material = material(suite)
            return try SRTPSender(
                suite, media: SessionKeys(.media, suite, masterKey: material.key, masterSalt: material.salt),
                control: SessionKeys(.control, suite, masterKey: material.key, masterSalt: material.salt),
                controlIndex: 1)
        }
        return try SRTPSender(
            suite, media: oddKeys(.media, suite), control: oddKeys(.control, suite), controlIndex: 1)
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
        var buffer = packet + [UInt8](repeating: 0, count: 64 + 128)
        var count = Int32(packet.count)
        let status = buffer.withUnsafeMutableBytes { work(session, $0.baseAddress, &count) }
        return status == srtp_err_status_ok ? Array(buffer[..<Int(count)]) : nil
    }

    /// `key`: which of the identifiers' keys.
    func protect(_ packet: [UInt8], key: Int = 0) -> [UInt8]? {
        run(packet) { srtp_protect_mki($0, $1, $2, hasIdentifier ? 1 : 0, UInt32(key)) }
    }
    func unprotect(_ packet: [UInt8]) -> [UInt8]? {
        run(packet) { srtp_unprotect_mki($0, $1, $2, hasIdentifier ? 1 : 0) }
    }
    func protectControl(_ packet: [UInt8], key: Int = 0) -> [UInt8]? {
        run(packet) { srtp_protect_rtcp_mki($0, $1, $2, hasIdentifier ? 1 : 0, UInt32(key)) }
    }
    func unprotectControl(_ packet: [UInt8]) -> [UInt8]? {
        run(packet) { srtp_unprotect_rtcp_mki($0, $1, $2, hasIdentifier ? 1 : 0) }
    }
}
