#include "CCertificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const long seconds_per_day = 24L * 60L * 60L;

/// The contents of a memory BIO as a NUL-terminated copy, or NULL.
static char *copy_text(BIO *bio) {
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    if (length <= 0 || data == NULL) {
        return NULL;
    }
    char *text = malloc((size_t)length + 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, data, (size_t)length);
    text[length] = '\0';
    return text;
}

static int add_extension(X509 *certificate, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) {
        return 0;
    }
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added == 1;
}

/// RFC 5280 §4.1.2.2: a positive serial number of at most 20 octets; random, so that two runs never collide.
static int set_serial(X509 *certificate) {
    BIGNUM *number = BN_new();
    if (number == NULL) {
        return 0;
    }
    int done = BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
        && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

static int fill(X509 *certificate, EVP_PKEY *key, const char *common_name, const char *alternative_names, int days) {
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, 2) == 1  // 2 means version 3
        && set_serial(certificate)
        && X509_gmtime_adj(X509_getm_notBefore(certificate), -seconds_per_day) != NULL
        && X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * seconds_per_day) != NULL
        && X509_set_pubkey(certificate, key) == 1
        && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1
        && X509_set_issuer_name(certificate, name) == 1
        && add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE")
        // No key usage: without keyCertSign in it, verifiers would not take the certificate as its own issuer, so
        // nobody could trust it by name; with it, strict ones refuse it as the certificate of a server.
        && add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth")
        && add_extension(certificate, NID_subject_key_identifier, "hash")
        && add_extension(certificate, NID_subject_alt_name, alternative_names)
        && X509_sign(certificate, key, EVP_sha256()) > 0;
}

int certificate_make_self_signed(const char *common_name, const char *alternative_names, int days,
                                 char **certificate_text, char **key_text) {
    if (certificate_text == NULL || key_text == NULL) {
        return CERTIFICATE_BAD_ARGUMENT;
    }
    *certificate_text = NULL;
    *key_text = NULL;
    // X.520 allows a common name of 64 characters; longer names go into the alternative names alone.
    if (common_name == NULL || alternative_names == NULL || days <= 0 || days > 36500
        || strlen(common_name) == 0 || strlen(common_name) > 64 || strlen(alternative_names) == 0) {
        return CERTIFICATE_BAD_ARGUMENT;
    }
    int result = CERTIFICATE_BUILD_FAILED;
    X509 *certificate = NULL;
    BIO *certificate_bio = NULL;
    BIO *key_bio = NULL;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    if (key == NULL) {
        ERR_clear_error();
        return CERTIFICATE_KEY_FAILED;
    }
    certificate = X509_new();
    if (certificate == NULL || !fill(certificate, key, common_name, alternative_names, days)) {
        goto out;
    }
    result = CERTIFICATE_ENCODE_FAILED;
    certificate_bio = BIO_new(BIO_s_mem());
    key_bio = BIO_new(BIO_s_secmem());
    if (certificate_bio == NULL || key_bio == NULL || PEM_write_bio_X509(certificate_bio, certificate) != 1
        || PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        goto out;
    }
    *certificate_text = copy_text(certificate_bio);
    *key_text = copy_text(key_bio);
    if (*certificate_text == NULL || *key_text == NULL) {
        certificate_free(*certificate_text);
        certificate_free(*key_text);
        *certificate_text = NULL;
        *key_text = NULL;
        goto out;
    }
    result = CERTIFICATE_OK;
out:
    BIO_free(key_bio);
    BIO_free(certificate_bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return result;
}

void certificate_free(char *text) {
    if (text == NULL) {
        return;
    }
    OPENSSL_cleanse(text, strlen(text));
    free(text);
}
