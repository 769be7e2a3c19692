// A context goes on where another one under the same key ended.
extension ReceivingContext {
    /// Everything but the ciphers.
    func remembered(under key: SDESKey) -> ReceivedUnderKey {
        ReceivedUnderKey(
            key: key, sources: sources, controlSources: controlSources, retired: retired,
            retiredControl: retiredControl, reports: reports, authenticated: authenticated,
            authenticatedControl: authenticatedControl)
    }

    /// For a context that has received nothing yet.
    mutating func resume(_ former: ReceivedUnderKey) {
        sources = former.sources
        controlSources = former.controlSources
        retired = former.retired
        retiredControl = former.retiredControl
        reports = former.reports
        authenticated = former.authenticated
        authenticatedBefore = former.authenticated
        authenticatedControl = former.authenticatedControl
        allowRestart()
    }

    /// Sources that the key before had, as far as this one does not know them.
    mutating func carry(_ former: borrowing ReceivingContext) {
        for position in former.sources.indices where sources.count < maximumSources {
            let ssrc = former.sources[position].ssrc
            guard retired.position(of: ssrc) == nil, !sources.contains(where: { $0.ssrc == ssrc }) else { continue }
            sources.append(former.sources[position].carried(after: former.authenticated))
        }
        retired.merge(former.retired.carried(), besides: Set(sources.map(\.ssrc)))
    }

    /// The peer has offered again, with this key: for a while counters that begin anew are believed.
    mutating func allowRestart() {
        for position in sources.indices { sources[position].restartAllowance = Self.restartAllowance }
        for position in controlSources.indices { controlSources[position].restartAllowance = Self.restartAllowance }
    }
}
