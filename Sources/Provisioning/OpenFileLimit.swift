import Glibc

/// The limit of files and sockets that the process may have open.
public enum OpenFileLimit {
    /// Raises the soft limit to the hard one, so that only the hard one counts. Call it once, when the service starts.
    /// - Returns: the limit after the call; `nil` where it could not be read.
    @discardableResult
    public static func raise() -> UInt64? {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return nil }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return UInt64(limit.rlim_cur)
    }

    /// The hard limit; `nil`: none, or it could not be read.
    static func hard() -> UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return limit.rlim_max == rlim_t.max ? nil : UInt64(limit.rlim_max)
    }
}
