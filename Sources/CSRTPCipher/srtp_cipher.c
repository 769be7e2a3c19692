// The SHA-1 compression state is used by value (SHA_CTX), which libcrypto 3 calls deprecated: its EVP interface
// cannot copy a running digest without allocating. See docs/decisions/0010-libcrypto-for-srtp.md.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "CSRTPCipher.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

enum { TAG = 16, BLOCK = 64, PIECE = 512 };

struct srtp_cipher {
    EVP_CIPHER_CTX *encrypting;
    EVP_CIPHER_CTX *decrypting;  // Galois mode only: there the two directions are different states.
    SHA_CTX inner;
    SHA_CTX outer;
};

static void store64(uint8_t *out, uint64_t value) {
    value = __builtin_bswap64(value);
    memcpy(out, &value, sizeof value);
}

static void store_iv(uint8_t iv[16], uint64_t high, uint64_t low) {
    store64(iv, high);
    store64(iv + 8, low);
}

static EVP_CIPHER_CTX *context(const EVP_CIPHER *type, const uint8_t *key, int is_encrypting) {
    EVP_CIPHER_CTX *made = type != NULL ? EVP_CIPHER_CTX_new() : NULL;
    if (made == NULL) return NULL;
    if (EVP_CipherInit_ex(made, type, NULL, key, NULL, is_encrypting) != 1 ||
        EVP_CIPHER_CTX_set_padding(made, 0) != 1) {
        EVP_CIPHER_CTX_free(made);
        return NULL;
    }
    return made;
}

// RFC 2104: H(K ^ opad, H(K ^ ipad, text)). Both pads fill one block exactly.
static int precompute(srtp_cipher *cipher, const uint8_t *key, size_t length) {
    uint8_t pad[BLOCK];
    if (length > BLOCK) return 0;
    memset(pad, 0x36, BLOCK);
    for (size_t i = 0; i < length; i++) pad[i] ^= key[i];
    int good = SHA1_Init(&cipher->inner) == 1 && SHA1_Update(&cipher->inner, pad, BLOCK) == 1;
    for (size_t i = 0; i < BLOCK; i++) pad[i] ^= 0x36 ^ 0x5c;
    good = good && SHA1_Init(&cipher->outer) == 1 && SHA1_Update(&cipher->outer, pad, BLOCK) == 1;
    OPENSSL_cleanse(pad, BLOCK);
    return good;
}

srtp_cipher *srtp_cipher_new_counter(const uint8_t *key, size_t key_length, const uint8_t *authentication_key,
                                     size_t authentication_key_length) {
    // Counter blocks are made here and encrypted one by one (ECB): a change of the IV through EVP costs more than
    // the whole keystream of a 20 ms packet.
    const EVP_CIPHER *type = key_length == 16   ? EVP_aes_128_ecb()
                             : key_length == 24 ? EVP_aes_192_ecb()
                             : key_length == 32 ? EVP_aes_256_ecb()
                                                : NULL;
    srtp_cipher *cipher = OPENSSL_zalloc(sizeof *cipher);
    if (cipher == NULL) return NULL;
    cipher->encrypting = context(type, key, 1);
    if (cipher->encrypting == NULL || !precompute(cipher, authentication_key, authentication_key_length)) {
        srtp_cipher_free(cipher);
        return NULL;
    }
    return cipher;
}

srtp_cipher *srtp_cipher_new_galois(const uint8_t *key, size_t key_length) {
    const EVP_CIPHER *type = key_length == 16   ? EVP_aes_128_gcm()
                             : key_length == 32 ? EVP_aes_256_gcm()
                                                : NULL;
    srtp_cipher *cipher = OPENSSL_zalloc(sizeof *cipher);
    if (cipher == NULL) return NULL;
    cipher->encrypting = context(type, key, 1);
    cipher->decrypting = context(type, key, 0);
    if (cipher->encrypting == NULL || cipher->decrypting == NULL) {
        srtp_cipher_free(cipher);
        return NULL;
    }
    return cipher;
}

void srtp_cipher_free(srtp_cipher *cipher) {
    if (cipher == NULL) return;
    EVP_CIPHER_CTX_free(cipher->encrypting);
    EVP_CIPHER_CTX_free(cipher->decrypting);
    OPENSSL_clear_free(cipher, sizeof *cipher);
}

int srtp_cipher_apply_keystream(srtp_cipher *cipher, uint64_t iv_high, uint64_t iv_low, void *octets, size_t count) {
    uint8_t counters[PIECE], keystream[PIECE];
    uint8_t *at = octets;
    // RFC 3711 §4.1.1: the last 16 bits of the counter block count the blocks of one packet and begin at zero, so
    // no carry can leave them: a packet has less than 2^16 blocks.
    if (count > (size_t)16 << 16) return SRTP_CIPHER_FAILED;
    while (count > 0) {
        size_t now = count < PIECE ? count : PIECE;
        size_t blocks = (now + 15) / 16;
        for (size_t i = 0; i < blocks; i++) store_iv(counters + i * 16, iv_high, iv_low++);
        // EVP_Cipher skips the buffering of EVP_EncryptUpdate; whole blocks need none.
        if (EVP_Cipher(cipher->encrypting, keystream, counters, (unsigned)(blocks * 16)) <= 0)
            return SRTP_CIPHER_FAILED;
        size_t i = 0;
        for (; i + 8 <= now; i += 8) {
            uint64_t text, key;
            memcpy(&text, at + i, 8);
            memcpy(&key, keystream + i, 8);
            text ^= key;
            memcpy(at + i, &text, 8);
        }
        for (; i < now; i++) at[i] ^= keystream[i];
        at += now;
        count -= now;
    }
    return SRTP_CIPHER_OK;
}

void srtp_cipher_authenticate(const srtp_cipher *cipher, const void *octets, size_t count, uint32_t suffix,
                              int has_suffix, uint8_t tag[20]) {
    SHA_CTX state = cipher->inner;
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA1_Update(&state, octets, count);
    if (has_suffix) {
        suffix = __builtin_bswap32(suffix);
        SHA1_Update(&state, &suffix, sizeof suffix);
    }
    SHA1_Final(digest, &state);
    state = cipher->outer;
    SHA1_Update(&state, digest, sizeof digest);
    SHA1_Final(tag, &state);
}

int srtp_cipher_verify(const srtp_cipher *cipher, const void *octets, size_t count, uint32_t suffix, int has_suffix,
                       const void *tag, size_t tag_length) {
    uint8_t computed[SHA_DIGEST_LENGTH];
    if (tag_length == 0 || tag_length > sizeof computed) return SRTP_CIPHER_FAILED;
    srtp_cipher_authenticate(cipher, octets, count, suffix, has_suffix, computed);
    return CRYPTO_memcmp(computed, tag, tag_length) == 0 ? SRTP_CIPHER_OK : SRTP_CIPHER_FORGED;
}

// Sets the IV and passes associated data and text through.
static int run(EVP_CIPHER_CTX *context, uint64_t iv_high, uint64_t iv_low, const void *associated,
               size_t associated_count, const void *tail, size_t tail_count, void *octets, size_t count) {
    uint8_t iv[16];
    int written = 0;
    if (count > INT_MAX || associated_count > INT_MAX || tail_count > INT_MAX) return 0;
    store_iv(iv, iv_high, iv_low);
    if (EVP_CipherInit_ex(context, NULL, NULL, NULL, iv, -1) != 1) return 0;
    if (associated_count > 0 && EVP_CipherUpdate(context, NULL, &written, associated, (int)associated_count) != 1)
        return 0;
    if (tail_count > 0 && EVP_CipherUpdate(context, NULL, &written, tail, (int)tail_count) != 1) return 0;
    if (count > 0 && EVP_CipherUpdate(context, octets, &written, octets, (int)count) != 1) return 0;
    return 1;
}

int srtp_cipher_seal(srtp_cipher *cipher, uint64_t iv_high, uint64_t iv_low, const void *associated,
                     size_t associated_count, const void *associated_tail, size_t associated_tail_count,
                     void *octets, size_t count, void *tag) {
    EVP_CIPHER_CTX *context = cipher->encrypting;
    uint8_t none[TAG];
    int written = 0;
    if (!run(context, iv_high, iv_low, associated, associated_count, associated_tail, associated_tail_count, octets,
             count))
        return SRTP_CIPHER_FAILED;
    if (EVP_EncryptFinal_ex(context, none, &written) != 1) return SRTP_CIPHER_FAILED;
    if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, tag) != 1) return SRTP_CIPHER_FAILED;
    return SRTP_CIPHER_OK;
}

int srtp_cipher_open(srtp_cipher *cipher, uint64_t iv_high, uint64_t iv_low, const void *associated,
                     size_t associated_count, const void *associated_tail, size_t associated_tail_count,
                     void *octets, size_t count, const void *tag) {
    EVP_CIPHER_CTX *context = cipher->decrypting;
    uint8_t none[TAG], expected[TAG];
    int written = 0;
    if (!run(context, iv_high, iv_low, associated, associated_count, associated_tail, associated_tail_count, octets,
             count))
        return SRTP_CIPHER_FAILED;
    memcpy(expected, tag, TAG);
    if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG, expected) != 1) return SRTP_CIPHER_FAILED;
    if (EVP_DecryptFinal_ex(context, none, &written) == 1) return SRTP_CIPHER_OK;
    // The same keystream once more puts the octets back.
    if (!run(context, iv_high, iv_low, NULL, 0, NULL, 0, octets, count)) return SRTP_CIPHER_FAILED;
    return SRTP_CIPHER_FORGED;
}
