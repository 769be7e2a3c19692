import CSRTPCipher

/// One session key in use: a libcrypto context with the salt beside it. Owned by one context on one thread; the key
/// is overwritten when it ends.
package struct SessionCipher: ~Copyable {
    private let cipher: OpaquePointer
    private let saltHigh: UInt64
    private let saltLow: UInt64

    package init(_ suite: CryptoSuite, _ keys: SessionKeys) throws(SRTPError) {
        guard keys.encryption.count == suite.keyLength, keys.salt.count == suite.saltLength else {
            throw .invalidKeyLength(
                needed: suite.keyLength + suite.saltLength, got: keys.encryption.count + keys.salt.count)
        }
        let made =
            suite.isGalois
            ? srtp_cipher_new_galois(keys.encryption, keys.encryption.count)
            : srtp_cipher_new_counter(
                keys.encryption, keys.encryption.count, keys.authentication, keys.authentication.count)
        guard let made else { throw .cipherUnavailable }
        cipher = made
        // The salt as the first octets of a 128-bit number.
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (position, octet) in keys.salt.enumerated() {
            if position < 8 {
                high |= UInt64(octet) << UInt64(56 - position * 8)
            } else {
                low |= UInt64(octet) << UInt64(120 - position * 8)
            }
        }
        saltHigh = high
        saltLow = low
    }

    deinit { srtp_cipher_free(cipher) }

    /// Brings what a packet needs into the cache.
    @inline(__always)
    func fetch() { srtp_cipher_fetch(cipher) }

    // MARK: Counter mode

    /// RFC 3711 §4.1.1: IV = (k_s · 2^16) XOR (SSRC · 2^64) XOR (i · 2^16).
    @inline(__always)
    package func applyKeystream(ssrc: UInt32, index: UInt64, _ octets: UnsafeMutableRawBufferPointer) -> Bool {
        guard let start = octets.baseAddress, octets.count > 0 else { return true }
        return srtp_cipher_apply_keystream(
            cipher, saltHigh ^ UInt64(ssrc), saltLow ^ (index << 16), start, octets.count) == SRTP_CIPHER_OK
    }

    /// Whether `tag` authenticates `octets`; for SRTP the roll-over counter follows them (RFC 3711 §4.2).
    @inline(__always)
    func verify(_ octets: UnsafeRawPointer, count: Int, rollOver: UInt32?, tag: UnsafeRawPointer, length: Int) -> Bool {
        srtp_cipher_verify(cipher, octets, count, rollOver ?? 0, rollOver == nil ? 0 : 1, tag, length)
            == SRTP_CIPHER_OK
    }

    /// Writes the first `length` octets of the tag, at most 20.
    @inline(__always)
    func authenticate(
        _ octets: UnsafeRawPointer, count: Int, rollOver: UInt32?, tag: UnsafeMutableRawPointer, length: Int
    ) {
        var whole = InlineArray<20, UInt8>(repeating: 0)
        var span = whole.mutableSpan
        span.withUnsafeMutableBufferPointer { digest in
            guard let start = digest.baseAddress else { return }
            srtp_cipher_authenticate(cipher, octets, count, rollOver ?? 0, rollOver == nil ? 0 : 1, start)
            tag.copyMemory(from: start, byteCount: min(length, 20))
        }
    }

    // MARK: Galois/counter mode

    /// Encrypts and writes the tag of 16 octets. `tail` is associated data after `header`.
    @inline(__always)
    func seal(
        ssrc: UInt32, index: UInt64, header: UnsafeRawPointer, headerLength: Int, tail: UInt32?,
        text: UnsafeMutableRawPointer, count: Int, tag: UnsafeMutableRawPointer
    ) -> Bool {
        // RFC 7714 §8.1, §9.1: two zero octets, SSRC, and ROC with sequence number, or zeros with the SRTCP index;
        // XOR the salt. With the 48-bit index both are one formula.
        let high = saltHigh ^ (UInt64(ssrc) << 16 | index >> 32)
        let low = saltLow ^ (index << 32)
        var word = (tail ?? 0).bigEndian
        return srtp_cipher_seal(
            cipher, high, low, header, headerLength, &word, tail == nil ? 0 : 4, text, count, tag) == SRTP_CIPHER_OK
    }

    /// Verifies and decrypts; false leaves the octets as they were.
    @inline(__always)
    func open(
        ssrc: UInt32, index: UInt64, header: UnsafeRawPointer, headerLength: Int, tail: UInt32?,
        text: UnsafeMutableRawPointer, count: Int, tag: UnsafeRawPointer
    ) -> Bool {
        let high = saltHigh ^ (UInt64(ssrc) << 16 | index >> 32)
        let low = saltLow ^ (index << 32)
        var word = (tail ?? 0).bigEndian
        return srtp_cipher_open(
            cipher, high, low, header, headerLength, &word, tail == nil ? 0 : 4, text, count, tag) == SRTP_CIPHER_OK
    }
}
