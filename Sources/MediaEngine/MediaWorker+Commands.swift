import CMediaSockets
import MediaCore

extension MediaWorker where BackEnd: ~Copyable {
    mutating func carryOut(_ command: WorkerCommand, now: Int64) {
        switch command {
        case .add(let setup): add(setup)
        case .change(let id, let parameters, let completion):
            defer { completion() }
            guard let index = slots.index(of: id), let leg = slots[index] else { return }
            leg.pointee.change(to: parameters)
            rewrite(at: index, isNewSender: false)
            if let peer = leg.pointee.bridge.peer { rewrite(at: peer, isNewSender: false) }
        case .bridge(let first, let second, let completion):
            bridge(first, second)
            completion()
        case .unbridge(let id):
            if let index = slots.index(of: id) { unbridge(at: index) }
        case .attach(let id, let tap, let completion):
            attach(id, tap)
            completion()
        case .fork(let setup, let completion):
            fork(setup, now: now)
            completion()
        case .detach(let id, let completion): completion(detach(id, now: now))
        case .restart(let restart, let completion): completion(self.restart(restart, now: now))
        case .endRests: nextRestEnd = min(nextRestEnd, ports.nextRestEnd)
        case .finish(let ids, let end, let completion): completion(finish(ids, at: end))
        case .snapshot(let ids, let completion):
            var reports: [LegReport] = []
            for id in ids {
                if let leg = slots.index(of: id).flatMap({ slots[$0] }) { reports.append(report(leg, now: now)) }
            }
            completion(reports)
        case .count(let completion): completion(WorkerReport(backEnd.counters))
        case .stop: isRunning = false
        }
    }

    private mutating func add(_ setup: LegSetup) {
        // Legs of one call are on one worker; one of another call is never followed.
        let former = setup.parameters.follows.flatMap { slots.index(of: $0) }.flatMap { slots[$0] }
            .flatMap { $0.pointee.group == setup.group ? $0 : nil }
        // It may have the key of a leg that is about to end, and needs to know what that has received.
        if setup.parameters.keyMemory != nil {
            for member in slots.members(of: setup.group) { slots[member]?.pointee.security.remember() }
        }
        let index = slots.insert(
            MediaLeg(setup, policy: policy, following: former), id: setup.id, group: setup.group)
        let sockets = setup.sockets
        let hears = backEnd.add(sockets.rtp, token: Self.token(index, isControl: false), isIPv6: sockets.isIPv6)
        let hearsControl = backEnd.add(
            sockets.rtcp, token: Self.token(index, isControl: true), isIPv6: sockets.isIPv6)
        if !hears || !hearsControl {
            notice("port \(sockets.port) cannot be received from: the kernel or the worker has no room for its socket")
        }
    }

    private mutating func attach(_ id: TapID, _ tap: any LegTap) {
        guard let index = slots.index(of: id.leg), let leg = slots[index] else { return }
        // What was produced before belongs to those who listened then.
        leg.pointee.drain()
        leg.pointee.taps.append(.init(number: id.number, tap: tap))
        live.append(index)
    }

    private mutating func fork(_ setup: ForkSetup, now: Int64) {
        guard let index = slots.index(of: setup.id.leg), let leg = slots[index] else {
            return rest(setup.sockets, now: now)
        }
        let fork = UnsafeMutablePointer<PacketFork>.allocate(capacity: 1)
        fork.initialize(
            to: PacketFork(
                number: setup.id.number, sockets: setup.sockets, destination: setup.destination,
                sending: setup.sending))
        leg.pointee.forks.append(fork)
    }

    private mutating func detach(_ id: TapID, now: Int64) -> TapReport? {
        guard let index = slots.index(of: id.leg), let leg = slots[index] else { return nil }
        var report: TapReport?
        if let place = leg.pointee.taps.firstIndex(where: { $0.number == id.number }) {
            leg.pointee.drain()
            let tap = leg.pointee.taps.remove(at: place).tap
            report = TapReport(id: id, sent: 0, dropped: tap.dropped)
            if let place = live.firstIndex(of: index) { live.remove(at: place) }
        } else if let place = leg.pointee.forks.firstIndex(where: { $0.pointee.number == id.number }) {
            let fork = leg.pointee.forks.remove(at: place)
            report = fork.pointee.report(leg: id.leg)
            close(fork, now: now)
        }
        if let report { leg.pointee.formerTaps.append(report) }
        return report
    }

    private mutating func close(_ fork: UnsafeMutablePointer<PacketFork>, now: Int64) {
        rest(fork.pointee.sockets, now: now)
        fork.deinitialize(count: 1)
        fork.deallocate()
    }

    private mutating func restart(_ restart: LegRestart, now: Int64) -> LegReport? {
        guard let index = slots.index(of: restart.id), let leg = slots[index] else { return nil }
        while !leg.pointee.timeline.finish(at: restart.epoch) { leg.pointee.drain() }
        leg.pointee.drain()
        let ended = report(leg, now: now)
        leg.pointee.restart(restart, policy: policy, truncated: truncated(leg))
        rewrite(at: index, isNewSender: false)
        if let peer = leg.pointee.bridge.peer { rewrite(at: peer, isNewSender: false) }
        return ended
    }

    /// What still lies in the sockets belongs to the call and is read first; then all legs end at the same sample.
    private mutating func finish(_ ids: [UInt64], at end: Int64) -> [LegReport] {
        let indices = ids.compactMap { slots.index(of: $0) }
        var furthest: Int64 = 0
        for index in indices {
            guard let leg = slots[index] else { continue }
            // Bounded, because a flood must not keep the other legs waiting; a full kernel buffer holds fewer.
            var remaining = 4_096
            let token = Self.token(index, isControl: false)
            while remaining > 0, let datagram = backEnd.drain(leg.pointee.sockets.rtp, token: token) {
                deliver(datagram, now: MediaClock.arrival)
                remaining -= 1
            }
            while !leg.pointee.timeline.finish(at: end) { leg.pointee.drain() }
            furthest = max(furthest, leg.pointee.timeline.frontier)
        }
        var reports: [LegReport] = []
        for index in indices {
            guard let leg = slots[index] else { continue }
            leg.pointee.timeline.fillSilence(upTo: furthest)
            leg.pointee.drain()
            reports.append(report(leg, now: end))
            sendGoodbye(leg)
            remove(at: index, now: end)
        }
        return reports
    }

    mutating func remove(at index: Int, now: Int64) {
        guard let leg = slots[index] else { return }
        unbridge(at: index)
        live.removeAll { $0 == index }
        followed.removeAll { $0 == index }
        for fork in leg.pointee.forks { close(fork, now: now) }
        leg.pointee.forks = []
        let sockets = leg.pointee.sockets
        backEnd.remove(sockets.rtp, token: Self.token(index, isControl: false))
        backEnd.remove(sockets.rtcp, token: Self.token(index, isControl: true))
        rest(sockets, now: now)
        slots.remove(at: index)
    }

    /// Gives ports back, and sees to it that their rest ends.
    private mutating func rest(_ sockets: LegSockets, now: Int64) {
        ports.close(sockets, now: now)
        nextRestEnd = min(nextRestEnd, ports.nextRestEnd)
    }

    private mutating func report(_ leg: UnsafeMutablePointer<MediaLeg>, now: Int64) -> LegReport {
        leg.pointee.snapshot(now: now, truncated: truncated(leg))
    }

    private mutating func truncated(_ leg: UnsafeMutablePointer<MediaLeg>) -> UInt64 {
        let sockets = leg.pointee.sockets
        return backEnd.truncated(sockets.rtp) + backEnd.truncated(sockets.rtcp)
    }
}
