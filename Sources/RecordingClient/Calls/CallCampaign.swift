import Addressing
import Logging
import NIOPosix
import SIP
import UserAgent

/// Places one or many equal recording calls and reports what became of them.
public struct CallCampaign: Sendable {
    private let settings: CampaignSettings
    private let voices: [EncodedSpeech]
    private let packets: Int

    /// - Parameter voices: what is said on the first stream (the caller) and on the second (the callee); one voice makes
    ///   a call with one stream, four are the most.
    public init(_ settings: CampaignSettings, voices: [WaveAudio]) throws(CampaignError) {
        guard (1...10_000).contains(settings.calls) else { throw .range("--calls must be 1 to 10000") }
        guard settings.rate > 0, settings.rate <= 10_000 else { throw .range("--rate must be above 0, at most 10000") }
        guard (10...60).contains(settings.packetTime), settings.packetTime % 10 == 0 else {
            throw .range("--ptime must be 10, 20, 30, 40, 50 or 60")
        }
        guard (1...4).contains(voices.count) else { throw .range("a call has one to four streams") }
        let packet = Duration.milliseconds(settings.packetTime)
        let longest = voices.map(\.duration).max() ?? packet
        let duration = settings.duration ?? longest
        guard duration > .zero, duration <= .seconds(604_800) else {
            throw .range("--seconds must be above 0, at most 604800 (a week)")
        }
        self.settings = settings
        self.voices = EncodedSpeech.conversation(voices, codec: settings.codec, packetTime: settings.packetTime)
        packets = max(1, Int((duration / packet).rounded(.up)))
    }

    /// Places the calls and returns when the last one is over. Cancelling the task places no more and ends those that are
    /// there with BYE.
    /// - Parameter report: called from any task.
    public func run(report: @escaping @Sendable (CampaignEvent) -> Void = { _ in }) async throws -> CampaignReport {
        let settings = settings
        let route = try await Self.route(settings)
        let sender = try PacedSender(packetTime: settings.packetTime)
        let agent = Self.makeAgent(route, settings)
        do {
            _ = try await agent.start { _ in }
        } catch {
            await agent.stop()
            throw CampaignError.agent("\(error)")
        }
        report(
            .starting(endpoint: "\(route.remote)", seconds: Double(packets * settings.packetTime) / 1000))
        var result = await place(route, agent, sender, report)
        result.pacing = sender.statistics
        await agent.stop()
        return result
    }

    private func place(
        _ route: CallRoute, _ agent: SIPAgent, _ sender: PacedSender,
        _ report: @escaping @Sendable (CampaignEvent) -> Void
    ) async -> CampaignReport {
        let began = ContinuousClock.now
        var result = CampaignReport()
        result.wanted = settings.calls
        let target = settings.target.description
        func note(_ outcome: CallOutcome) {
            result.add(outcome) { failure in
                failure.text(
                    target: target, endpoint: route.remote.description, local: route.local.description,
                    user: settings.credentials?.username)
            }
        }
        await withTaskGroup(of: CallOutcome.self) { group in
            for number in 0..<settings.calls {
                if number > 0 {
                    let due = began + .seconds(Double(number) / settings.rate)
                    guard (try? await Task.sleep(until: due, clock: .continuous)) != nil else { break }
                }
                let call = RecordingCall(
                    number: number + 1, settings: settings, route: route, agent: agent, sender: sender, voices: voices,
                    packets: packets, report: report)
                guard group.addTaskUnlessCancelled(operation: { await call.run() }) else { break }
            }
            for await outcome in group { note(outcome) }
        }
        result.seconds = (ContinuousClock.now - began) / .seconds(1)
        result.answerTimes.sort()
        return result
    }

    @concurrent
    private static func route(_ settings: CampaignSettings) async throws -> CallRoute { try CallRoute(settings) }

    private static func makeAgent(_ route: CallRoute, _ settings: CampaignSettings) -> SIPAgent {
        // Over TCP the server may have to open a connection to us when ours is lost; a TLS listener would need a
        // certificate, so there the datagram socket is only a place to start from.
        let transport = route.remote.transport == .tcp ? SIPTransport.tcp : .udp
        let configuration = UserAgentConfiguration(
            listeners: [.init(transport, host: route.local.description, port: 0)], serverName: "Earshot call",
            dialogVerification: settings.verification)
        return SIPAgent(
            configuration: configuration, admission: OpenAdmission(),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "earshot.call") { _ in SwiftLogNoOpLogHandler() })
    }
}
