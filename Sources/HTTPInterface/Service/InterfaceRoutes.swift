public import Hummingbird
import StreamSink

/// A group of routes of the one HTTP interface.
public protocol InterfaceRoutes: Sendable {
    /// Adds the routes. Those that need a signed request take it through ``RequestGate``.
    func register(on router: Router<InterfaceContext>)
}

/// `GET /health`: 200 while the service runs, and what state it is in; needs no signature, tells no secrets.
struct HealthRoutes: InterfaceRoutes {
    let report: @Sendable () -> HealthReport

    func register(on router: Router<InterfaceContext>) {
        router.get("/health") { _, _ in
            let report = report()
            return Response.json(
                .object([.init("status", .string(report.isHealthy ? "ok" : "failing"))]),
                status: report.isHealthy ? .ok : .serviceUnavailable)
        }
    }
}

/// What `/health` says.
public struct HealthReport: Sendable {
    /// 200 when true, 503 when false.
    public var isHealthy: Bool

    /// Makes a report.
    public init(isHealthy: Bool) { self.isHealthy = isHealthy }
}
