import CLibCrypto

/// AES-256-GCM under one key, many texts one after another without an allocation; owned by one thread at a time.
final class SealCipher {
    static let keyLength = 32
    static let tagLength = 16
    static let nonceLength = 12

    private let context: OpaquePointer
    private let isSealing: Bool

    /// - Parameter key: 32 bytes.
    /// - Returns: `nil` when the library refuses, for want of memory.
    init?(key: [UInt8], sealing: Bool) {
        guard key.count == Self.keyLength, let context = EVP_CIPHER_CTX_new() else { return nil }
        guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nil, sealing ? 1 : 0) == 1 else {
            EVP_CIPHER_CTX_free(context)
            return nil
        }
        self.context = context
        isSealing = sealing
    }

    // The library overwrites the key before it frees it.
    deinit { EVP_CIPHER_CTX_free(context) }

    /// Seals `text` into `output`, which has room for as many bytes, and writes the tag.
    /// - Parameters:
    ///   - nonce: 12 bytes, never the same twice under a key.
    ///   - associated: authenticated, not hidden.
    func seal(
        _ text: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer, tag: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(isSealing && output.count >= text.count && tag.count == Self.tagLength)
        guard run(text, nonce: nonce, associated: associated, into: output) else { return false }
        var count: Int32 = 0
        var last: UInt8 = 0
        guard EVP_CipherFinal_ex(context, &last, &count) == 1 else { return false }
        return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), tag.baseAddress) == 1
    }

    /// Opens `sealed` into `output`; false when it is not what was sealed. Then the output is not to be used.
    func open(
        _ sealed: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer,
        tag: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(!isSealing && output.count >= sealed.count && tag.count == Self.tagLength)
        guard run(sealed, nonce: nonce, associated: associated, into: output) else { return false }
        // The library only reads the tag, though its argument does not say so.
        let expected = UnsafeMutableRawPointer(mutating: tag.baseAddress)
        guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), expected) == 1 else {
            return false
        }
        var count: Int32 = 0
        var last: UInt8 = 0
        return EVP_CipherFinal_ex(context, &last, &count) == 1
    }

    private func run(
        _ input: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(nonce.count == Self.nonceLength)
        func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
            buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        }
        guard let inputCount = Int32(exactly: input.count), let associatedCount = Int32(exactly: associated.count)
        else { return false }
        var count: Int32 = 0
        guard EVP_CipherInit_ex(context, nil, nil, nil, bytes(nonce), isSealing ? 1 : 0) == 1,
            EVP_CipherUpdate(context, nil, &count, bytes(associated), associatedCount) == 1
        else { return false }
        guard inputCount > 0 else { return true }
        let target = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return EVP_CipherUpdate(context, target, &count, bytes(input), inputCount) == 1 && count == inputCount
    }
}

extension SealCipher {
    /// Seals a short text: the sealed bytes, then the tag. `nil` when the library refuses.
    static func seal(_ text: [UInt8], key: [UInt8], nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
        guard let cipher = SealCipher(key: key, sealing: true) else { return nil }
        var output = [UInt8](repeating: 0, count: text.count + tagLength)
        let isSealed = output.withUnsafeMutableBytes { output in
            text.withUnsafeBytes { text in
                nonce.withUnsafeBytes { nonce in
                    associated.withUnsafeBytes { associated in
                        cipher.seal(
                            text, nonce: nonce, associated: associated,
                            into: UnsafeMutableRawBufferPointer(rebasing: output[..<text.count]),
                            tag: UnsafeMutableRawBufferPointer(rebasing: output[text.count...]))
                    }
                }
            }
        }
        return isSealed ? output : nil
    }

    /// Opens what ``seal(_:key:nonce:associated:)`` made; `nil` for anything else.
    static func open(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
        guard sealed.count >= tagLength, let cipher = SealCipher(key: key, sealing: false) else { return nil }
        let count = sealed.count - tagLength
        var output = [UInt8](repeating: 0, count: count)
        let isOpened = output.withUnsafeMutableBytes { output in
            sealed.withUnsafeBytes { sealed in
                nonce.withUnsafeBytes { nonce in
                    associated.withUnsafeBytes { associated in
                        cipher.open(
                            UnsafeRawBufferPointer(rebasing: sealed[..<count]), nonce: nonce, associated: associated,
                            tag: UnsafeRawBufferPointer(rebasing: sealed[count...]), into: output)
                    }
                }
            }
        }
        return isOpened ? output : nil
    }

    /// A key of its own for each purpose: HKDF-SHA256 (RFC 5869) with 32 bytes of output. `nil` when the library refuses.
    static func derive(_ key: [UInt8], salt: [UInt8], purpose: String) -> [UInt8]? {
        guard let extracted = authenticate(key, with: salt) else { return nil }
        return authenticate(Array(purpose.utf8) + [1], with: extracted)
    }

    private static func authenticate(_ bytes: [UInt8], with key: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: 32)
        var count = 0
        let done = EVP_Q_mac(
            nil, "HMAC", nil, "SHA256", nil, key, key.count, bytes, bytes.count, &output, output.count, &count)
        return done != nil && count == output.count ? output : nil
    }

    /// Bytes that nobody can guess.
    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        while bytes.count < count { bytes.appendBigEndian(generator.next(), count: 8) }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
