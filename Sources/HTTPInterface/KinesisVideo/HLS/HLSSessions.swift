import Synchronization

/// The HLS sessions by token. Thread-safe; bounded, and expired ones make room.
final class HLSSessions: Sendable {
    private let limit: Int
    private let sessions = Mutex<[String: HLSSession]>([:])

    init(limit: Int) { self.limit = limit }

    /// Keeps a session and makes its token; `nil` when there are too many.
    func open(_ session: HLSSession, nowMilliseconds: Int64) -> String? {
        var random = SystemRandomNumberGenerator()
        let token = Self.token(using: &random)
        return sessions.withLock { sessions in
            if sessions.count >= limit {
                sessions = sessions.filter { $0.value.expiresAtMilliseconds > nowMilliseconds }
            }
            guard sessions.count < limit else { return nil }
            sessions[token] = session
            return token
        }
    }

    /// The session of a token that has not expired, and whose access key still may have it.
    func session(_ token: String, nowMilliseconds: Int64) -> HLSSession? {
        guard let session = sessions.withLock({ $0[token] }) else { return nil }
        // The look at the file of keys is outside of the lock.
        guard session.expiresAtMilliseconds > nowMilliseconds, session.permission?.holds == true else {
            sessions.withLock { $0[token] = nil }
            return nil
        }
        return session
    }

    /// Notes how far a session's playlist has come.
    func update(_ token: String, _ session: HLSSession) {
        sessions.withLock { sessions in
            if sessions[token] != nil { sessions[token] = session }
        }
    }

    /// 256 random bits: whoever knows a token may listen, so nobody may guess one.
    private static func token(using random: inout some RandomNumberGenerator) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        for _ in 0..<43 { text.append(letters[Int.random(in: 0..<letters.count, using: &random)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
