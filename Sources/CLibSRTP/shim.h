#include <srtp2/srtp.h>

#include <string.h>

/// Fills `policy` for the suite of that cipher: `key_bits` 128, 192 or 256; `tag_octets` of an SRTP packet: 10 and 4 are
/// AES-CM with HMAC-SHA1, 16 is AEAD GCM. SRTCP keeps the long tag (RFC 4568 §6.2.2). Both directions remember 256
/// numbers of any SSRC. Key and identifier are the caller's to set. 0 where libsrtp2 has no such suite.
static inline int srtp_policy_of_suite(srtp_policy_t *policy, int key_bits, int tag_octets, int inbound) {
    typedef void (*setter)(srtp_crypto_policy_t *);
    static const struct {
        int key_bits, tag_octets;
        setter rtp, rtcp;
    } suites[] = {
        {128, 10, srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtcp_default},
        {128, 4, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtcp_default},
        {192, 10, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
        {192, 4, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
        {256, 10, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
        {256, 4, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
        {128, 16, srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth},
        {256, 16, srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth},
    };
    memset(policy, 0, sizeof *policy);
    for (size_t index = 0; index < sizeof suites / sizeof *suites; index++) {
        if (suites[index].key_bits != key_bits || suites[index].tag_octets != tag_octets) continue;
        suites[index].rtp(&policy->rtp);
        suites[index].rtcp(&policy->rtcp);
        policy->ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
        policy->window_size = 256;
        return 1;
    }
    return 0;
}
