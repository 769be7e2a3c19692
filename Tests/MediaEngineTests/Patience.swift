import CMediaSockets
import Glibc
import MediaCore
import MediaEngine
import Testing

/// Waits for a condition. The limit is for what never happens: a machine that is busy with other things delays every
/// thread by seconds, and no test should tell that from a fault.
func eventually(
    within seconds: Int64 = 60, _ location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let limit = MediaClock.arrival + seconds * 1_000_000_000
    while try await !condition() {
        guard MediaClock.arrival < limit else {
            Issue.record("it has not happened within \(seconds) s", sourceLocation: location)
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// Port pairs that nobody uses now, below those that the system gives out by itself: a leg gets each of them.
func freePorts(pairs: Int) throws -> ClosedRange<UInt16> {
    let any = [UInt8](repeating: 0, count: 16)
    for _ in 0..<200 {
        let first = UInt16.random(in: 13_500...15_500) * 2
        let ports = first...first + UInt16(pairs * 2 - 1)
        let sockets = ports.map { media_socket_open(0, any, $0, 0) }
        for socket in sockets where socket >= 0 { close(socket) }
        if sockets.allSatisfy({ $0 >= 0 }) { return ports }
    }
    throw MediaEngineError.noFreePorts(27_000...32_000)
}

extension MediaService {
    /// How the leg is doing, once that is as `condition` wants.
    func report(
        _ leg: ReservedLeg, _ location: SourceLocation = #_sourceLocation, once condition: (LegReport) -> Bool
    ) async throws -> LegReport {
        var latest: LegReport?
        try await eventually(location) {
            latest = await snapshot([leg.id]).first
            return latest.map(condition) ?? false
        }
        return try #require(latest, sourceLocation: location)
    }
}
