#ifndef CCERTIFICATE_H
#define CCERTIFICATE_H

#include <stddef.h>

/// What went wrong while a certificate was made; 0 is success.
enum {
    CERTIFICATE_OK = 0,
    CERTIFICATE_BAD_ARGUMENT = 1,   ///< the subject name is empty, too long, or has an unusable character
    CERTIFICATE_KEY_FAILED = 2,     ///< the RSA key could not be generated
    CERTIFICATE_BUILD_FAILED = 3,   ///< libcrypto refused a field of the certificate
    CERTIFICATE_ENCODE_FAILED = 4,  ///< out of memory, or PEM encoding failed
};

/// Makes an RSA-2048 key and a self-signed X.509 version 3 certificate for it (SHA-256, no certificate
/// authority, TLS server and client authentication).
///
/// `common_name` is a host name or a textual IP address. `alternative_names` is the value of a subjectAltName
/// extension in libcrypto's own notation, for example `DNS:sbc.example,IP:192.0.2.1`. `days` is the validity, which
/// starts one day before now so that a peer whose clock is slow accepts it.
///
/// On success `*certificate` and `*key` are NUL-terminated PEM texts (PKCS#8 for the key), owned by the caller, who
/// gives them back with `certificate_free`. On failure both are NULL. Safe to call from any thread.
int certificate_make_self_signed(const char *common_name, const char *alternative_names, int days,
                                 char **certificate, char **key);

/// Overwrites and frees a text that `certificate_make_self_signed` returned. NULL is allowed.
void certificate_free(char *text);

#endif
