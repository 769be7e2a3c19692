import AccessKeys

/// The right that a request was let in with; asked again as long as its answer, or its session, lasts.
///
/// Thread-safe. A question costs one look at the file of access keys (``AccessKeys/AccessKeyStore``), so that a key that
/// another process revoked is noticed.
public struct Permission: Sendable {
    private let keys: AccessKeyStore?
    private let accessKeyID: String?
    private let action: AccessAction

    /// Where signatures are not required: everybody may, always.
    static func everybody(_ action: AccessAction) -> Permission {
        Permission(keys: nil, accessKeyID: nil, action: action)
    }

    /// What a key was let in for.
    init(keys: AccessKeyStore?, accessKeyID: String?, action: AccessAction) {
        self.keys = keys
        self.accessKeyID = accessKeyID
        self.action = action
    }

    /// Whether the key is still there and its role still allows it.
    public var holds: Bool {
        guard let accessKeyID else { return true }
        return keys?.role(for: accessKeyID)?.allows(action) == true
    }
}

/// A permission that is asked from time to time while an answer goes out. Owned by one task.
struct PermissionWatch {
    private let permission: Permission?
    private let interval: Duration
    private var due: ContinuousClock.Instant
    /// Once lost, a permission does not come back.
    private var isLost = false

    /// - Parameter permission: `nil` where nobody was let in: nothing holds.
    init(_ permission: Permission?, every interval: Duration) {
        self.permission = permission
        self.interval = interval
        due = .now + interval
    }

    /// Whether the answer may go on; asks only when it is time.
    mutating func holds() -> Bool {
        guard !isLost else { return false }
        let now = ContinuousClock.now
        guard now >= due else { return true }
        due = now + interval
        isLost = permission?.holds != true
        return !isLost
    }
}
