extension SDESKey {
    /// The line of an offer that an answer takes: the first that can be used, since an offer lists them in order of
    /// preference (RFC 4568 §5.1.1), and whose suite is allowed here.
    ///
    /// - Returns: The key, or why each line was skipped, in order.
    public static func choose(
        among lines: [(tag: Int, suite: String, keyParameters: [String], sessionParameters: [String])],
        allowing suites: [CryptoSuite] = CryptoSuite.allCases
    ) -> (key: SDESKey?, skipped: [SDESKeyError]) {
        var skipped: [SDESKeyError] = []
        for line in lines.prefix(64) {
            do throws(SDESKeyError) {
                let key = try SDESKey(
                    tag: line.tag, suite: line.suite, keyParameters: line.keyParameters,
                    sessionParameters: line.sessionParameters)
                guard suites.contains(key.suite) else { throw .unknownSuite(line.suite) }
                return (key, skipped)
            } catch {
                skipped.append(error)
            }
        }
        return (nil, skipped)
    }
}
