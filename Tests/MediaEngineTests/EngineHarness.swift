import MediaCore
import MediaEngine
import SecureMedia
import Testing

/// A media service on loopback with what the tests of one suite need again and again.
struct EngineHarness {
    let service: MediaService

    init(_ backEnd: MediaBackEndChoice = .automatic, ports: ClosedRange<UInt16>, workers: Int = 1) throws {
        var configuration = MediaConfiguration()
        configuration.ports = ports
        configuration.workers = workers
        configuration.backEnd = backEnd
        service = try MediaService(configuration: configuration)
    }

    /// A leg whose peer is `peer`, as its offer says.
    static func parameters(
        _ peer: LoopbackSender, format: TimelineFormat = .narrowband, payloads: PayloadMap = PayloadMap()
    ) -> LegParameters {
        var parameters = LegParameters(payloads: payloads, remote: peer.address, signalling: nil)
        parameters.format = format
        return parameters
    }

    /// Two legs that are bridged, and nothing recorded.
    func bridgedPair(_ first: LegParameters, _ second: LegParameters) async throws -> [MediaService.ReservedLeg] {
        let legs = try service.reserve(2, isIPv6: false)
        let epoch = MediaClock.arrival
        service.start(legs[0], first, epoch: epoch, tap: nil)
        service.start(legs[1], second, epoch: epoch, tap: nil)
        await service.bridge(legs[0].id, legs[1].id)
        return legs
    }

    func finish(_ legs: [MediaService.ReservedLeg]) async -> [LegReport] {
        await service.finish(legs.map(\.id), at: MediaClock.arrival)
    }
}

extension SDESKey {
    static func fresh(_ suite: CryptoSuite = .counter128Tag80) -> SDESKey {
        var generator = SystemRandomNumberGenerator()
        return try SDESKey.generate(suite: suite, using: &generator)
    }
}

extension Array<UInt8> {
    /// The packet protected, or as it is when that is refused (which a test then notices).
    func protected(by sender: inout SRTPSender) -> [UInt8] {
        var buffer = self + [UInt8](repeating: 0, count: 160)
        let length = buffer.withUnsafeMutableBytes { (try? sender.protect($0, count: count)) ?? count }
        return Array(buffer.prefix(length))
    }

    func unprotected(by receiver: inout SRTPReceiver) -> [UInt8]? {
        var buffer = self
        guard let length = buffer.withUnsafeMutableBytes({ try? receiver.unprotect($0) }) else { return nil }
        return Array(buffer.prefix(length))
    }
}
