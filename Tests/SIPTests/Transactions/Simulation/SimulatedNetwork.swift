import SIP

/// A link between two ends in virtual time: it loses, doubles and, by unequal delays, reorders datagrams.
struct SimulatedNetwork {
    struct Conditions: Sendable {
        /// Probabilities, 0…1.
        var loss = 0.0
        var duplication = 0.0
        /// One-way delay in milliseconds, drawn for each datagram.
        var delay = 20...20
        /// Start lines that never arrive.
        var drop: @Sendable (String) -> Bool = { _ in false }
    }

    private struct Flight {
        var arrival: ContinuousClock.Instant
        var order: Int
        var destination: Int
        var bytes: [UInt8]
    }

    private let conditions: Conditions
    private var generator: WeatherGenerator
    private var flights: [Flight] = []
    private var count = 0

    init(_ conditions: Conditions, seed: UInt64) {
        self.conditions = conditions
        generator = WeatherGenerator(seed: seed)
    }

    var nextArrival: ContinuousClock.Instant? { flights.map(\.arrival).min() }

    mutating func send(_ bytes: [UInt8], to destination: Int, at now: ContinuousClock.Instant) {
        guard !conditions.drop(CallMessages.startLine(bytes)) else { return }
        for copy in 0..<2 {
            let draw = Double.random(in: 0..<1, using: &generator)
            guard copy == 0 ? draw >= conditions.loss : draw < conditions.duplication else { continue }
            let delay = Int.random(in: conditions.delay, using: &generator)
            let arrival = now.advanced(by: .milliseconds(delay))
            flights.append(Flight(arrival: arrival, order: count, destination: destination, bytes: bytes))
            count += 1
        }
    }

    /// Takes out the next datagram that has arrived by `now`.
    mutating func receive(at now: ContinuousClock.Instant) -> (destination: Int, bytes: [UInt8])? {
        let due = flights.indices.filter { flights[$0].arrival <= now }
        let next = due.min { (flights[$0].arrival, flights[$0].order) < (flights[$1].arrival, flights[$1].order) }
        return next.map { index in
            let flight = flights.remove(at: index)
            return (flight.destination, flight.bytes)
        }
    }
}
