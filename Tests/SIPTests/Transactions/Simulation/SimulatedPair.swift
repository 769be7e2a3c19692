import SIP
import Testing

/// Two user agents and the network between them; virtual time jumps from one event to the next.
struct SimulatedPair {
    let caller: SimulatedUserAgent
    let recorder: SimulatedUserAgent
    private var network: SimulatedNetwork
    private var now = CallMessages.start
    /// `time in ms, sender, start line` of everything sent.
    private(set) var trace: [String] = []

    init(_ conditions: SimulatedNetwork.Conditions, plan: SimulatedUserAgent.Plan = .init(), seed: UInt64 = 1) {
        caller = SimulatedUserAgent(host: "caller.example", plan: plan, seed: seed &* 2)
        recorder = SimulatedUserAgent(host: "recorder.example", plan: plan, seed: seed &* 2 &+ 1)
        network = SimulatedNetwork(conditions, seed: seed)
    }

    /// Runs one call until nothing is due any more, and checks that nothing is left.
    mutating func runCall(sourceLocation: SourceLocation = #_sourceLocation) throws {
        caller.placeCall(to: recorder.host)
        forward()
        var steps = 0
        while let next = nextEvent {
            steps += 1
            try #require(steps < 5000, "the call never comes to rest", sourceLocation: sourceLocation)
            now = max(now, next)
            while let (destination, bytes) = network.receive(at: now) {
                try (destination == 0 ? caller : recorder).receive(bytes, at: now)
                forward()
            }
            caller.advance(to: now)
            recorder.advance(to: now)
            forward()
        }
        #expect(caller.leftovers.isEmpty, sourceLocation: sourceLocation)
        #expect(recorder.leftovers.isEmpty, sourceLocation: sourceLocation)
    }

    /// When the last thing happened.
    var elapsed: Duration { now.elapsed }

    private var nextEvent: ContinuousClock.Instant? {
        [network.nextArrival, caller.nextDeadline, recorder.nextDeadline].compactMap { $0 }.min()
    }

    private mutating func forward() {
        for (sender, destination) in [(caller, 1), (recorder, 0)] {
            for bytes in sender.takeOutgoing() {
                let word = CallMessages.startLine(bytes).split(separator: " ").prefix(2)
                let name = word.first == "SIP/2.0" ? word.last : word.first
                let time = now.elapsed / .milliseconds(1)
                trace.append("\(Int(time)) \(sender === caller ? ">" : "<") \(name ?? "")")
                network.send(bytes, to: destination, at: now)
            }
        }
    }
}
