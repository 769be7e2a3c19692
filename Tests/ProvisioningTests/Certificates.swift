import Provisioning

/// A certificate made for these tests with `openssl req -x509`; its key was thrown away.
enum Certificates {
    static let notBefore: Int64 = 1_795_441_091
    static let notAfter: Int64 = 2_110_801_091

    /// A configuration that names `chain.pem` and `key.pem`.
    static let configuration: ServiceConfiguration = {
        var configuration = ServiceConfiguration()
        configuration.sip.certificate = "chain.pem"
        configuration.sip.privateKey = "key.pem"
        return configuration
    }()

    static let chain = """
        -----BEGIN CERTIFICATE-----
        MIIBkTCCATegAwIBAgIUXtvVsx4EexFrvjtWpPZ8FSPIRxYwCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTdm9pY2Vjb25uZWN0b3IudGVzdDAeFw0yNjExMjMxMzM4MTFa
        Fw0zNjExMjAxMzM4MTFaMB4xHDAaBgNVBAMME3ZvaWNlY29ubmVjdG9yLnRlc3Qw
        WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASJWwkaA0b6hx5rXV8ho0auC6rdQWqu
        96Vg1gBpOm5uj9WZRP1wiMDnQRzvaFzUqsYdA3rXbuMWPSAkRR2/4wvuo1MwUTAd
        BgNVHQ4EFgQUmbP4ubq5T8MzigDUPL80cc/Y0pMwHwYDVR0jBBgwFoAUmbP4ubq5
        T8MzigDUPL80cc/Y0pMwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
        AiEAsHvzmQd+UD/0hB6/sWA+o0PsfdW+wyATLrA4M5qc2rECIBlFIlcZlqrFDoAQ
        V3IR1YDfyzIjQFZxcf4jtdxDigZY
        -----END CERTIFICATE-----
        """

    /// The form of a key, and no key.
    static let key = """
        -----BEGIN PRIVATE KEY-----
        AAAA
        -----END PRIVATE KEY-----
        """
}
