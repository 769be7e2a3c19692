extension Doctor {
    func mediaEngine() -> [DoctorFinding] { [backEnd(), workers()] }

    /// Whether datagrams can be read in the way that is configured.
    private func backEnd() -> DoctorFinding {
        let check = "media.backend"
        let backend = configuration.media.backend
        guard backend != .epoll else { return finding(check, .ok, "datagrams are read with epoll") }
        let obstacle: String? =
            switch probes.ringRestriction() {
            case 1: "only privileged users may use io_uring (kernel.io_uring_disabled is 1)"
            case 2: "nobody may use io_uring (kernel.io_uring_disabled is 2)"
            default: nil
            }
        guard let obstacle else {
            return finding(check, .ok, "the kernel has no switch against io_uring set")
        }
        if backend == .ioUring {
            return finding(
                check, .problem, obstacle,
                "`sysctl -w kernel.io_uring_disabled=0`, or set media.backend to auto or epoll")
        }
        return finding(
            check, .warning, "\(obstacle), so epoll is used: about half again the processor time a packet",
            "`sysctl -w kernel.io_uring_disabled=0`, or set media.backend to epoll to say that it is meant")
    }

    /// Whether the media threads fit onto the machine.
    private func workers() -> DoctorFinding {
        let check = "media.workers"
        let media = configuration.media
        let cores = max(1, probes.coreCount())
        guard media.workers > cores else {
            let count = media.workers == 0 ? cores : media.workers
            return finding(check, .ok, "\(count) media threads for \(cores) cores")
        }
        return finding(
            check, .warning,
            "media.workers (\(media.workers)) is more than the \(cores) cores of this machine"
                + (media.pinWorkers ? ", and media.pinWorkers puts several threads on one of them" : ""),
            "set media.workers to 0 for one thread a core")
    }

    /// Whether the connectors that require encryption can be reached.
    func encryption() -> DoctorFinding {
        let check = "encryption"
        let encrypted = configuration.connectors.filter(\.requireEncryption)
        guard let first = encrypted.first else {
            return finding(check, .ok, "no connector requires encryption; SRTP is taken where it is offered")
        }
        guard configuration.sip.tls != nil else {
            return finding(
                check, .problem, "connector \(first.id) requires encryption, and sip.tls is off: it gets no calls",
                "give sip.tls a port")
        }
        return finding(
            check, .ok, "\(encrypted.count) of \(configuration.connectors.count) connectors take TLS and SRTP only")
    }
}
