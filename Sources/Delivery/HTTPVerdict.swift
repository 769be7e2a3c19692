/// What an HTTP answer means for a message (RFC 9110 §15).
enum HTTPVerdict {
    /// - Parameters:
    ///   - code: the service's own name of the error, where it gave one.
    ///   - nowSeconds: the wall clock, for a `Retry-After` that is a date.
    static func failure(
        status: Int, code: String?, message: String, retryAfter: String?, nowSeconds: Int64, what: String
    ) -> DeliveryFailure? {
        if (200..<300).contains(status) { return nil }
        let wait = retryAfter.flatMap { RetryAfter.parse($0, nowSeconds: nowSeconds) }
        let name = code.map { " (\($0))" } ?? ""
        let text = "\(what) answered \(status)\(name)\(message.isEmpty ? "" : ": \(message)")"
        return DeliveryFailure(scope(status: status, code: code), text + advice(status), retryAfter: wait)
    }

    private static func scope(status: Int, code: String?) -> DeliveryFailure.Scope {
        if let code, messageCodes.contains(code) { return .refused }
        // The file changed while it was sent, or bytes were lost on the way: the next try sends it as it is then.
        if let code, brokenBodyCodes.contains(code) { return .message }
        // AWS puts throttling, expired credentials and wrong clocks into 400, too.
        if let code, status == 400, targetCodes.contains(where: code.contains) { return .target }
        return switch status {
        // What is wrong with these is in the message; anything else may be mended at the target.
        case 400, 405, 406, 411, 413, 414, 415, 422, 431: .refused
        case 409, 423: .message
        default: .target
        }
    }

    private static let messageCodes: Set<String> = [
        "InvalidMessageContents", "InvalidAttributeValue", "InvalidParameterValue", "InvalidParameter",
        "ValidationError",
        "ValidationException", "EntityTooLarge", "KeyTooLongError",
    ]
    private static let brokenBodyCodes: Set<String> = [
        "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody",
    ]
    private static let targetCodes = [
        "Throttl", "Token", "Signature", "Credential", "Expired", "Skewed", "NonExistentQueue", "QueueDoesNotExist",
        "AccessDenied", "ClientLimit", "ConnectionLimit", "Unavailable", "InternalError", "RequestTimeout",
    ]

    private static func advice(_ status: Int) -> String {
        switch status {
        case 301, 302, 303, 307, 308: "; redirects are not followed, configure the address it points to"
        case 401, 403: "; look at the key, its rights and the clock"
        case 404: "; look at the address, the bucket, bus, topic or queue"
        default: ""
        }
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date in the one form that may be sent (§5.6.7, IMF-fixdate).
enum RetryAfter {
    static func parse(_ text: String, nowSeconds: Int64) -> Duration? {
        let text = text.drop { $0 == " " }
        if let seconds = Int64(text.prefix { $0 != " " }) {
            return seconds >= 0 ? .seconds(min(seconds, 1 << 31)) : nil
        }
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int64(parts[1]), let year = Int64(parts[3]),
            let month = months.firstIndex(of: String(parts[2])), (1...31).contains(day), (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        // Days since 1970 with years that begin in March, so that the leap day ends one.
        let monthFromMarch = Int64(month + 10) % 12
        let shifted = month < 2 ? year - 1 : year
        let days =
            365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
        let seconds = (days - 719_468) * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
        return .seconds(max(0, seconds - nowSeconds))
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
