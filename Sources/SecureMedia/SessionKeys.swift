import CSRTPCipher

/// The keys that packets are protected with, derived from a master key, RFC 3711 §4.3.
///
/// Secret: descriptions and mirrors never show them.
package struct SessionKeys: Sendable, CustomStringConvertible, CustomReflectable {
    package var encryption: [UInt8]
    /// Empty with the AEAD suites.
    package var authentication: [UInt8]
    package var salt: [UInt8]

    package init(encryption: [UInt8], authentication: [UInt8], salt: [UInt8]) {
        self.encryption = encryption
        self.authentication = authentication
        self.salt = salt
    }

    /// What the keys are for; RTCP has keys of its own (RFC 3711 §4.3.2).
    package enum Purpose: UInt8, Sendable {
        case media = 0
        case control = 3
    }

    /// Derives them once: the key derivation rate is always 0 here, other rates are refused with their `a=crypto` line.
    package init(
        _ purpose: Purpose, _ suite: CryptoSuite, masterKey: [UInt8], masterSalt: [UInt8]
    ) throws(SRTPError) {
        guard masterKey.count == suite.keyLength, masterSalt.count == suite.saltLength else {
            throw .invalidKeyLength(
                needed: suite.keyLength + suite.saltLength, got: masterKey.count + masterSalt.count)
        }
        let label = purpose.rawValue
        encryption = try Self.derive(label, suite.keyLength, masterKey: masterKey, masterSalt: masterSalt)
        authentication =
            suite.isGalois ? [] : try Self.derive(label + 1, 20, masterKey: masterKey, masterSalt: masterSalt)
        salt = try Self.derive(label + 2, suite.saltLength, masterKey: masterKey, masterSalt: masterSalt)
    }

    /// AES-CM as a pseudo-random function: RFC 3711 §4.3.3, with longer keys RFC 6188 §3.
    package static func derive(
        _ label: UInt8, _ length: Int, masterKey: [UInt8], masterSalt: [UInt8]
    ) throws(SRTPError) -> [UInt8] {
        // §4.3.1: x = label · 2^48 (and r = 0) XOR the master salt of 112 bits; IV = x · 2^16. A salt of 96 bits is
        // taken as 112 with zeros at its end (RFC 7714 §11).
        var block = [UInt8](repeating: 0, count: 16)
        for (position, octet) in masterSalt.prefix(14).enumerated() { block[position] = octet }
        block[7] ^= label
        let high = block[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = block[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let cipher = srtp_cipher_new_counter(masterKey, masterKey.count, [], 0) else { throw .cipherUnavailable }
        defer { srtp_cipher_free(cipher) }
        var derived = [UInt8](repeating: 0, count: length)
        guard srtp_cipher_apply_keystream(cipher, high, low, &derived, length) == SRTP_CIPHER_OK else {
            throw .cipherUnavailable
        }
        return derived
    }

    package var description: String { "SessionKeys(***)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
