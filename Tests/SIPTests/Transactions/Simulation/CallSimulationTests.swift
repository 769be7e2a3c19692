import SIP
import Testing

@Suite("Calls over a simulated network")
struct CallSimulationTests {
    private static let weather: [(String, SimulatedNetwork.Conditions)] = [
        ("clear", .init()),
        ("a tenth lost", .init(loss: 0.1)),
        ("a quarter lost", .init(loss: 0.25)),
        ("everything twice", .init(duplication: 1)),
        ("reordered over 1.5 s", .init(delay: 5...1500)),
        ("lost, doubled and reordered", .init(loss: 0.2, duplication: 0.3, delay: 5...900)),
    ]

    @Test("A call on a clear line is six messages, and both ends are empty 32 s after the answer")
    func clearCall() throws {
        var pair = SimulatedPair(.init())
        try pair.runCall()
        #expect(
            pair.trace == [
                "0 > INVITE", "220 < 100", "520 < 180", "1020 < 200", "1040 > ACK", "4040 > BYE", "4060 < 200",
            ])
        #expect(pair.caller.events == ["established", "ended"])
        #expect(pair.recorder.events == ["called", "established", "ended by peer"])
        // The caller's patience alarm is the last thing that happens.
        #expect(pair.elapsed == .seconds(60))
    }

    @Test(
        "Calls are established and ended in any weather, and nothing is left (RFC 3261 §13, §15, §17)",
        arguments: weather)
    func answered(name: String, conditions: SimulatedNetwork.Conditions) throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            var pair = SimulatedPair(conditions, seed: seed)
            try pair.runCall()
            #expect(pair.caller.events.first == "established", "\(name), seed \(seed)")
            #expect(pair.recorder.events.count { $0 == "called" } == 1, "\(name), seed \(seed)")
            #expect(pair.recorder.events.contains("ended by peer"), "\(name), seed \(seed): \(pair.recorder.events)")
        }
    }

    @Test(
        "Rejected calls reach the caller once and are acknowledged in any weather (§17.1.1, §17.2.1)",
        arguments: weather)
    func rejected(name: String, conditions: SimulatedNetwork.Conditions) throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            var pair = SimulatedPair(conditions, plan: .init(status: 486), seed: seed)
            try pair.runCall()
            #expect(pair.caller.events == ["rejected 486"], "\(name), seed \(seed)")
            #expect(pair.recorder.events == ["called"], "\(name), seed \(seed)")
        }
    }

    @Test("A cancelled call ends with 487 in any weather (§9)", arguments: weather)
    func cancelled(name: String, conditions: SimulatedNetwork.Conditions) throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            var pair = SimulatedPair(conditions, plan: .init(ringing: 90_000, patience: 100), seed: seed)
            try pair.runCall()
            #expect(pair.caller.events == ["rejected 487"], "\(name), seed \(seed)")
            #expect(pair.recorder.events == ["called", "cancelled"], "\(name), seed \(seed)")
        }
    }

    @Test("Over a reliable transport each message is sent once, and the 2xx until its ACK (§17, §13.3.1.4)")
    func reliable() throws {
        var pair = SimulatedPair(.init(delay: 400...400), plan: .init(reliable: true))
        try pair.runCall()
        #expect(
            pair.trace == [
                "0 > INVITE", "600 < 100", "900 < 180", "1400 < 200", "1800 > ACK", "1900 < 200", "2300 > ACK",
                "4800 > BYE",
                "5200 < 200",
            ])
    }

    @Test("A dead line ends the INVITE with Timer B after seven copies (§17.1.1.2)")
    func deadLine() throws {
        var pair = SimulatedPair(.init(loss: 1))
        try pair.runCall()
        #expect(pair.trace.count == 7)
        #expect(pair.caller.events == ["timedOut"])
        #expect(pair.recorder.events.isEmpty)
    }

    @Test("Without any ACK the server stops after 64·T1 and sends BYE (§13.3.1.4)")
    func lostAcknowledgements() throws {
        var pair = SimulatedPair(.init(drop: { $0.hasPrefix("ACK") }), plan: .init(talking: 100_000, patience: 5000))
        try pair.runCall()
        #expect(pair.recorder.events == ["called", "never acknowledged", "ended"])
        #expect(pair.caller.events == ["established", "ended by peer"])
        #expect(pair.trace.contains("33020 < BYE"))
    }

    @Test("Without the ACK of a rejection the server gives up by Timer H (§17.2.1)")
    func lostRejectionAcknowledgements() throws {
        var pair = SimulatedPair(.init(drop: { $0.hasPrefix("ACK") }), plan: .init(status: 486))
        try pair.runCall()
        #expect(pair.recorder.events == ["called", "acknowledgementTimedOut"])
        #expect(pair.trace.count { $0.hasSuffix("< 486") } == 11)
        #expect(pair.caller.events == ["rejected 486"])
    }

    @Test("When no answer gets through after the ringing, both ends still come to rest (§9.1, §13.3.1.4)")
    func lostAnswers() throws {
        var pair = SimulatedPair(.init(drop: { $0.hasPrefix("SIP/2.0 200") }))
        try pair.runCall()
        // The CANCEL is answered 481, as the server has forgotten the INVITE; 64·T1 later the caller has as well, and
        // 20 ms after that the server its 481 (Timer J).
        #expect(pair.caller.events == ["timedOut"])
        #expect(pair.elapsed == .milliseconds(92_020))
        #expect(pair.recorder.events == ["called", "never acknowledged", "ended"])
    }

    @Test("The same seed gives the same call, message by message")
    func deterministic() throws {
        var one = SimulatedPair(.init(loss: 0.3, duplication: 0.3, delay: 5...900), seed: 99)
        var two = SimulatedPair(.init(loss: 0.3, duplication: 0.3, delay: 5...900), seed: 99)
        try one.runCall()
        try two.runCall()
        #expect(one.trace == two.trace)
    }
}
