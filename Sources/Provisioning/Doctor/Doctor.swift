/// Looks for what would keep the service from starting or from taking calls on this machine.
///
/// Every check runs, whatever the others found. It changes nothing: ports are bound for a moment and let go, so a
/// service that runs with the same configuration makes its ports look taken.
public struct Doctor {
    let configuration: ServiceConfiguration
    let probes: DoctorProbes

    /// Makes a doctor for a configuration that was loaded without errors.
    public init(_ configuration: ServiceConfiguration, probes: DoctorProbes) {
        self.configuration = configuration
        self.probes = probes
    }

    /// Runs every check.
    public func examine() -> DoctorReport {
        DoctorReport(
            findings: signallingPorts() + [mediaPorts(), capacity(), openFiles(), receiveBuffer()] + mediaEngine()
                + [address()] + certificate() + [encryption(), dataFolder(), freeSpace(), ffmpeg()])
    }

    func finding(
        _ check: String, _ verdict: DoctorFinding.Verdict, _ message: String, _ remedy: String? = nil
    ) -> DoctorFinding {
        DoctorFinding(check: check, verdict: verdict, message: message, remedy: remedy)
    }

    // MARK: - Ports

    private func signallingPorts() -> [DoctorFinding] {
        let sip = configuration.sip
        let ports: [(name: String, port: UInt16?, kind: DoctorProbes.PortKind)] = [
            ("udp", sip.udp, .udp), ("tcp", sip.tcp, .tcp), ("tls", sip.tls, .tcp),
        ]
        return ports.map { name, port, kind in
            let check = "port.sip.\(name)"
            guard let port else { return finding(check, .ok, "sip.\(name) is off") }
            guard port != 0 else { return finding(check, .ok, "sip.\(name) takes any free port") }
            let place = "\(kind.rawValue.uppercased()) port \(port) on \(sip.bind)"
            switch probes.bind(sip.bind, port, kind) {
            case nil:
                return finding(check, .ok, "\(place) is free")
            case .inUse:
                return finding(
                    check, .problem, "\(place) is used by another process",
                    "`ss -lnp 'sport = :\(port)'` names it; if it is earshot itself, all is well; else stop it or "
                        + "change sip.\(name)")
            case .notPermitted:
                return finding(
                    check, .problem, "\(place) may not be used by this user",
                    "ports below 1024 need the capability CAP_NET_BIND_SERVICE; grant it or change sip.\(name)")
            case .noSuchAddress:
                return finding(
                    check, .problem, "this machine has no address \(sip.bind)",
                    "set sip.bind to one of its addresses, to 0.0.0.0 or to '::'")
            case .other(let reason):
                return finding(check, .problem, "\(place) cannot be bound: \(reason)", "check sip.bind and sip.\(name)")
            }
        }
    }

    private func mediaPorts() -> DoctorFinding {
        let range = configuration.media.ports
        let samples = 16
        // A few ports spread over the range show a process that sits in it, in a moment and without thousands of binds.
        let step = max((range.pairCount - 1) / (samples - 1), 1)
        let ports = stride(from: 0, to: range.pairCount, by: step).map { range.first &+ UInt16($0 * 2) }
        let failures = ports.compactMap { port in
            probes.bind(configuration.sip.bind, port, .udp).map { (port: port, failure: $0) }
        }
        guard let first = failures.first else {
            return finding("port.media", .ok, "\(ports.count) of the ports \(range) were tried and are free")
        }
        if failures.count == ports.count, first.failure != .inUse {
            return finding(
                "port.media", .problem, "none of the ports \(range) can be bound on \(configuration.sip.bind)",
                "check sip.bind and media.ports")
        }
        return finding(
            "port.media", .warning,
            "\(failures.count) of \(ports.count) tried ports of \(range) are taken, the first is \(first.port)",
            "taken ports are passed over; if another program uses the range, change media.ports")
    }

    // MARK: - Limits

    private func capacity() -> DoctorFinding {
        let pairs = configuration.media.ports.pairCount
        let calls = configuration.media.maxCalls
        guard pairs / 2 < calls else {
            return finding("capacity.ports", .ok, "media.ports has room for \(pairs / 2) calls of two streams")
        }
        return finding(
            "capacity.ports", .ok,
            "media.ports has room for \(pairs / 2) calls of two streams, less than media.maxCalls (\(calls)) allows")
    }

    private func openFiles() -> DoctorFinding {
        // Each of two streams of a call has two sockets and a file; signalling and logs take the rest.
        let possible = min(configuration.media.maxCalls, max(configuration.media.ports.pairCount / 2, 1))
        let needed = UInt64(possible) * 6 + 256
        guard let limit = probes.openFileLimit() else {
            return finding("limit.files", .ok, "open files are not limited")
        }
        guard limit < needed else {
            return finding("limit.files", .ok, "\(limit) open files are allowed, \(possible) calls need \(needed)")
        }
        return finding(
            "limit.files", .warning, "\(limit) open files are allowed, and \(possible) calls need \(needed)",
            "set LimitNOFILE=\(needed) in the service's unit (or `ulimit -Hn \(needed)`), or lower media.maxCalls")
    }

    private func receiveBuffer() -> DoctorFinding {
        let wanted = 1 << 20
        guard let limit = probes.receiveBufferLimit() else {
            return finding("limit.receiveBuffer", .ok, "the limit of receive buffers is not known here")
        }
        guard limit < wanted else {
            return finding("limit.receiveBuffer", .ok, "receive buffers may have \(limit) bytes")
        }
        return finding(
            "limit.receiveBuffer", .warning,
            "receive buffers may have only \(limit) bytes; a pause of the machine could lose packets",
            "`sysctl -w net.core.rmem_max=\(wanted)`, and the same line in /etc/sysctl.d")
    }
}
