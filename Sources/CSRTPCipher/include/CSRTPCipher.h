#ifndef CSRTPCIPHER_H
#define CSRTPCIPHER_H

#include <stddef.h>
#include <stdint.h>

/// The ciphers of SRTP on libcrypto, one opaque context a session key.
///
/// A context is made once a key, and used for every packet: no call below but `…_new` and `…_free` allocates. A context
/// belongs to one thread at a time. Initialisation vectors are given as two numbers, the first and the last eight
/// octets in network order, because that is how the caller computes them.
typedef struct srtp_cipher srtp_cipher;

/// What a cipher call found; 0 is success.
enum {
    SRTP_CIPHER_OK = 0,
    SRTP_CIPHER_FORGED = 1,  ///< the tag does not belong to the octets; they are as they were
    SRTP_CIPHER_FAILED = 2,  ///< libcrypto refused; the octets are undefined and must not be used
};

/// AES in counter mode with HMAC-SHA1 beside it (RFC 3711 §4.1.1, §4.2.1). `key_length` is 16, 24 or 32. NULL when
/// a length is wrong or libcrypto refuses.
srtp_cipher *srtp_cipher_new_counter(const uint8_t *key, size_t key_length, const uint8_t *authentication_key,
                                     size_t authentication_key_length);

/// AES in Galois/counter mode (RFC 7714) with a tag of 16 octets. `key_length` is 16 or 32. NULL as above.
srtp_cipher *srtp_cipher_new_galois(const uint8_t *key, size_t key_length);

/// Overwrites the keys and frees. NULL is allowed.
void srtp_cipher_free(srtp_cipher *cipher);

/// Adds the AES-CTR keystream that begins at the counter block (`iv_high`, `iv_low`) to `octets`, in place.
/// Brings `octets` from `address` on into the cache.
static inline void srtp_memory_fetch(const void *address, long octets) {
    for (long at = 0; at < octets; at += 64) __builtin_prefetch((const char *)address + at, 1, 3);
}

/// Brings what a packet needs of the cipher into the cache: the cipher itself, and what libcrypto allocated right after
/// it. A hint, and nothing but time is lost where it is wrong.
static inline void srtp_cipher_fetch(const srtp_cipher *cipher) {
    for (int at = 0; at < 1088; at += 64) __builtin_prefetch((const char *)cipher + at, 0, 3);
}

int srtp_cipher_apply_keystream(srtp_cipher *cipher, uint64_t iv_high, uint64_t iv_low, void *octets, size_t count);

/// HMAC-SHA1 of `octets`, and of `suffix` in network order after them where `has_suffix`, into 20 octets.
/// The states behind the inner and the outer pad are computed once a key, so that a packet costs two blocks less.
void srtp_cipher_authenticate(const srtp_cipher *cipher, const void *octets, size_t count, uint32_t suffix,
                              int has_suffix, uint8_t tag[20]);

/// `SRTP_CIPHER_OK` where the first `tag_length` octets of that HMAC are `tag`. Takes the same time wherever they
/// differ.
int srtp_cipher_verify(const srtp_cipher *cipher, const void *octets, size_t count, uint32_t suffix, int has_suffix,
                       const void *tag, size_t tag_length);

/// Encrypts `octets` in place and writes the tag of 16 octets. `iv` is the first twelve of the sixteen octets that
/// `iv_high` and `iv_low` make. Two pieces of associated data; the second may be empty.
int srtp_cipher_seal(srtp_cipher *cipher, uint64_t iv_high, uint64_t iv_low, const void *associated,
                     size_t associated_count, const void *associated_tail, size_t associated_tail_count,
                     void *octets, size_t count, void *tag);

/// Verifies `tag` and decrypts `octets` in place. When the tag is wrong the octets are put back as they were, so that
/// another key can be tried on them and nothing unauthenticated is left behind.
int srtp_cipher_open(srtp_cipher *cipher, uint64_t iv_high, uint64_t iv_low, const void *associated,
                     size_t associated_count, const void *associated_tail, size_t associated_tail_count,
                     void *octets, size_t count, const void *tag);

#endif
