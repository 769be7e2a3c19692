import MediaCore
import MediaEngine
import Testing

@Suite("The media engine over loopback", .serialized)
struct MediaServiceTests {
    private func service(ports: ClosedRange<UInt16>, workers: Int = 1) throws -> MediaService {
        var configuration = MediaConfiguration()
        configuration.ports = ports
        configuration.workers = workers
        return try MediaService(configuration: configuration)
    }

    private func parameters(_ sender: LoopbackSender) -> LegParameters {
        LegParameters(payloads: PayloadMap(), remote: nil, signalling: sender.host)
    }

    @Test("Both legs of a call hear their own sender and end at the same sample", arguments: [false, true])
    func twoLegs(isIPv6: Bool) async throws {
        let service = try service(ports: 23_000...23_099)
        defer { service.stop() }
        let senders = [LoopbackSender(isIPv6: isIPv6), LoopbackSender(isIPv6: isIPv6)]
        let taps = [CollectingTap(), CollectingTap()]
        let legs = try service.reserve(2, isIPv6: isIPv6)
        let epoch = MediaClock.arrival
        for index in 0..<2 {
            service.start(legs[index], parameters(senders[index]), epoch: epoch, tap: taps[index])
        }
        for sequence in 0..<25 as Range<UInt16> {
            senders[0].sendRTP(sequence, octet: 0x12, to: legs[0].port)
            senders[1].sendRTP(sequence, octet: 0x34, to: legs[1].port)
            try await Task.sleep(for: .milliseconds(20))
        }
        let reports = await service.finish(legs.map(\.id), at: MediaClock.arrival)
        #expect(reports.map(\.statistics.packets) == [25, 25])
        #expect(reports[0].samples == reports[1].samples)
        for (tap, octet) in zip(taps, [0x12, 0x34] as [UInt8]) {
            let voice = G711.expandMuLaw(octet)
            #expect(tap.samples.count == Int(reports[0].samples))
            #expect(tap.samples.count { $0 == voice } == 25 * 160)
            #expect(tap.samples.allSatisfy { $0 == 0 || $0 == voice })
            #expect(tap.events == [.mediaBegan])
        }
        #expect(service.legCount == 0)
    }

    @Test("A stranger who sprays the port is counted and never heard")
    func stranger() async throws {
        let service = try service(ports: 23_100...23_199)
        defer { service.stop() }
        let sender = LoopbackSender()
        let stranger = LoopbackSender(fromOtherHost: true)
        let tap = CollectingTap()
        let leg = try #require(try service.reserve(1, isIPv6: false).first)
        service.start(leg, parameters(sender), epoch: MediaClock.arrival, tap: tap)
        for sequence in 0..<50 as Range<UInt16> { stranger.sendRTP(sequence, octet: 0x55, to: leg.port) }
        sender.sendRTP(0, to: leg.port)
        for sequence in 50..<90 as Range<UInt16> { stranger.sendRTP(sequence, octet: 0x55, to: leg.port) }
        sender.sendRTP(1, to: leg.port)
        let report = try #require(await service.finish([leg.id], at: MediaClock.arrival).first)
        #expect(report.statistics.packets == 2 && report.statistics.foreign == 90)
        #expect(!tap.samples.contains(G711.expandMuLaw(0x55)))
    }

    @Test("Rubbish of every length is counted and the leg goes on")
    func rubbish() async throws {
        let service = try service(ports: 23_200...23_299)
        defer { service.stop() }
        let sender = LoopbackSender()
        let tap = CollectingTap()
        let leg = try #require(try service.reserve(1, isIPv6: false).first)
        service.start(leg, parameters(sender), epoch: MediaClock.arrival, tap: tap)
        sender.sendRTP(0, to: leg.port)
        for length in 0..<200 {
            // Version 1: never RTP.
            sender.send((0..<length).map { $0 == 0 ? 0x40 : UInt8.random(in: 0...120) }, to: leg.port)
            sender.send([UInt8](repeating: 0xFF, count: length), to: leg.port + 1)
            // No more than the socket's buffer takes.
            if length % 20 == 0 {
                _ = try await service.report(leg) { $0.statistics.malformed == UInt64(length) + 1 }
            }
        }
        sender.sendRTP(1, to: leg.port)
        let report = try #require(await service.finish([leg.id], at: MediaClock.arrival).first)
        #expect(report.statistics.packets == 2 && report.statistics.malformed == 200)
    }

    @Test(
        "A receiver report goes to the port above the sender's, and to the same port with rtcp-mux",
        arguments: [true, false])
    func receiverReport(isMultiplexed: Bool) async throws {
        let service = try service(ports: 23_300...23_399)
        defer { service.stop() }
        let (sender, listener) = try #require(LoopbackSender.pair())
        let leg = try #require(try service.reserve(1, isIPv6: false).first)
        var parameters = parameters(sender)
        parameters.isMultiplexed = isMultiplexed
        service.start(leg, parameters, epoch: MediaClock.arrival, tap: CollectingTap())
        sender.sendRTP(7, to: leg.port)
        let bytes = try #require((isMultiplexed ? sender : listener).receive())
        #expect(bytes[1] == 201 && Array(bytes[8..<12]) == [0, 0, 0, 9])
        _ = await service.finish([leg.id], at: MediaClock.arrival)
    }

    @Test("A range without a free pair says so, and gives its ports back when the call ends")
    func exhausted() async throws {
        let ports = try freePorts(pairs: 2)
        let service = try service(ports: ports)
        defer { service.stop() }
        let legs = try service.reserve(2, isIPv6: false)
        #expect(Set(legs.map(\.port)) == [ports.lowerBound, ports.lowerBound + 2])
        #expect(throws: MediaEngineError.self) { try service.reserve(1, isIPv6: false) }
        for leg in legs { service.release(leg) }
        // The whole range rests; a fifth of its rest later it is used again rather than refusing calls.
        #expect(throws: MediaEngineError.self) { try service.reserve(2, isIPv6: false) }
        var again: [MediaService.ReservedLeg] = []
        for _ in 0..<60 where again.isEmpty {
            try await Task.sleep(for: .milliseconds(100))
            again = (try? service.reserve(2, isIPv6: false)) ?? []
        }
        #expect(again.count == 2)
        for leg in again { service.release(leg) }
    }
}
