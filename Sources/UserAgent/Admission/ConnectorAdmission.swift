import Addressing
import SIP
import Synchronization

/// The ``Admission`` of a service with connectors: allow lists, host names, TLS, digest, calls a second; in this
/// order, so that each step costs the next one nothing.
///
/// A source that is in no allow list can cost little: a bounded number of its messages a second is parsed, at most ten
/// get an answer (403), the rest is dropped and counted. Rules may be replaced from any thread at any time.
public struct ConnectorAdmission: Admission {
    /// Messages a second from sources in no allow list that are parsed at all.
    public static let strangersParsedPerSecond = 200
    /// Answers a second to sources in no allow list.
    public static let strangersAnsweredPerSecond = 10

    private let ownHosts: Set<String>
    private let ownAddresses: Set<IPAddress>
    private let secret: [UInt8]
    private let state: StateBox

    private final class StateBox: Sendable {
        let value: Mutex<State>
        init(_ state: sending State) { value = Mutex(state) }
    }

    private struct State {
        var connectors: [Connector]
        var indexByHost: [String: Int]
        /// All allow lists in one, for the first look.
        var anyAllowed: [CIDRBlock]
        var strangersParsed = TokenBucket(rate: ConnectorAdmission.strangersParsedPerSecond)
        var strangersAnswered = TokenBucket(rate: ConnectorAdmission.strangersAnsweredPerSecond)

        func allows(_ address: IPAddress) -> Bool { anyAllowed.contains { $0.contains(address) } }
    }

    private struct Connector {
        var rule: AdmissionRule
        var calls: TokenBucket
        var authenticator: DigestAuthenticator
    }

    /// - Parameters:
    ///   - ownHosts: names and addresses of this machine by which a connector may be reached when it is the only one
    ///     whose list allows the source. The address that a request arrived at always counts.
    ///   - secret: at least 16 random octets that key the nonces; nil makes some.
    public init(rules: [AdmissionRule], ownHosts: [String] = [], secret: [UInt8]? = nil) {
        self.ownHosts = Set(ownHosts.map { $0.lowercased() })
        ownAddresses = Set(ownHosts.compactMap { IPAddress(parsing: $0) })
        var generator = SystemRandomNumberGenerator()
        self.secret = secret ?? (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        state = StateBox(Self.makeState(rules, secret: self.secret, keeping: nil))
    }

    /// Puts other rules in force for the next request. A connector that stays keeps its call budget and its nonces.
    public func replaceRules(_ rules: [AdmissionRule]) {
        state.value.withLock { $0 = Self.makeState(rules, secret: secret, keeping: $0) }
    }

    /// True for sources in an allow list, and for a bounded number of messages a second from others.
    public func mayTalk(_ source: SIPEndpoint, now: ContinuousClock.Instant) -> Bool {
        state.value.withLock { state in
            state.allows(source.address) || state.strangersParsed.take(at: now)
        }
    }

    /// True for sources in an allow list.
    public func knows(_ source: SIPEndpoint) -> Bool {
        state.value.withLock { $0.allows(source.address) }
    }

    /// 403 for a source in no allow list, ten times a second; then silence.
    public func screen(_ source: SIPEndpoint, now: ContinuousClock.Instant) -> Screening {
        state.value.withLock { state in
            if state.allows(source.address) { return .pass }
            return state.strangersAnswered.take(at: now) ? .refuse : .drop
        }
    }

    /// See the type for the order of the checks.
    public func admit(
        _ request: SIPRequest, from source: RequestSource, now: ContinuousClock.Instant
    ) -> AdmissionVerdict {
        guard let host = request.requestURI?.host else { return .refused(status: 404, reason: nil, headers: []) }
        return state.value.withLock { state in
            guard let index = connector(for: host, from: source, in: state) else {
                return .refused(status: 404, reason: nil, headers: [])
            }
            let rule = state.connectors[index].rule
            if case .refuse(let reason) = Self.look(at: source, by: rule) {
                return .refused(status: 403, reason: reason, headers: [])
            }
            var username: String?
            if !rule.credentials.isEmpty {
                switch state.connectors[index].authenticator.verify(
                    request, now: now, passwordFor: { rule.credentials[$0] })
                {
                case .authenticated(let name):
                    username = name
                case .challenge(let values, _):
                    return .refused(status: 401, reason: nil, headers: values.map { (.wwwAuthenticate, $0) })
                case .rejected(let reason):
                    return .refused(status: 400, reason: reason, headers: [])
                }
            }
            // After authentication, so that nobody else can use up the calls of the connector.
            if request.method == .invite, !state.connectors[index].calls.take(at: now) {
                return .refused(status: 503, reason: "Too many calls a second", headers: [(.retryAfter, "1")])
            }
            return .admitted(Admitted(connectorID: rule.connectorID, username: username))
        }
    }

    /// The allow list and the transport of the connector that took the call, by the rules in force now. Credentials are
    /// not asked for again. The calls of a connector that is gone can be ended from where they came, and no other way.
    public func readmit(_ source: RequestSource, to admitted: Admitted) -> Readmission {
        state.value.withLock { state in
            guard let connector = state.connectors.first(where: { $0.rule.connectorID == admitted.connectorID }) else {
                return .refuse(reason: nil)
            }
            return Self.look(at: source, by: connector.rule)
        }
    }

    private static func look(at source: RequestSource, by rule: AdmissionRule) -> Readmission {
        guard rule.allowed.contains(where: { $0.contains(source.remote.address) }) else {
            return .refuse(reason: nil)
        }
        guard !rule.requireEncryption || source.transport.isEncrypted else {
            return .refuse(reason: "TLS required")
        }
        return .pass
    }

    private func connector(for host: String, from source: RequestSource, in state: State) -> Int? {
        let name = host.lowercased()
        if let index = state.indexByHost[name.hasSuffix(".") ? String(name.dropLast()) : name] { return index }
        let isOwn =
            if let address = IPAddress(parsing: host) {
                address == source.local.address || ownAddresses.contains(address)
            } else {
                ownHosts.contains(name)
            }
        guard isOwn else { return nil }
        let candidates = state.connectors.indices.filter { index in
            state.connectors[index].rule.allowed.contains { $0.contains(source.remote.address) }
        }
        return candidates.count == 1 ? candidates[0] : nil
    }

    private static func makeState(_ rules: [AdmissionRule], secret: [UInt8], keeping old: State?) -> State {
        var connectors: [Connector] = []
        var indexByHost: [String: Int] = [:]
        for rule in rules {
            let kept = old?.connectors.first { $0.rule.connectorID == rule.connectorID }
            let sameLimit = kept.map { $0.rule.cpsLimit == rule.cpsLimit } ?? false
            let sameRealm = kept.map { $0.rule.hostName == rule.hostName } ?? false
            let calls = TokenBucket(rate: rule.cpsLimit)
            let authenticator = DigestAuthenticator(realm: rule.hostName, secret: secret, start: .now)
            indexByHost[rule.hostName.lowercased()] = connectors.count
            connectors.append(
                Connector(
                    rule: rule, calls: sameLimit ? kept?.calls ?? calls : calls,
                    authenticator: sameRealm ? kept?.authenticator ?? authenticator : authenticator))
        }
        var state = State(
            connectors: connectors, indexByHost: indexByHost, anyAllowed: rules.flatMap(\.allowed))
        if let old {
            state.strangersParsed = old.strangersParsed
            state.strangersAnswered = old.strangersAnswered
        }
        return state
    }
}
