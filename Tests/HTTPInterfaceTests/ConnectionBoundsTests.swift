import Testing

@testable import HTTPInterface

@Suite("How many connections there may be", .serialized, .timeLimit(.minutes(1)))
struct ConnectionBoundsTests {
    @Test(
        "Most descriptors are left to calls, whatever is configured",
        arguments: [
            (1024, nil, nil, 128, 64), (20_000, nil, nil, 2500, 1250), (1_048_576, nil, nil, 4096, 2048),
            (20_000, 100, nil, 100, 50), (1024, 4096, nil, 256, 128), (1024, nil, 1000, 128, 128),
            (1024, nil, 1, 128, 4), (16, nil, nil, 8, 4), (20_000, 0, 0, 8, 4), (Int.max, -1, -1, 8, 4),
        ] as [(Int, Int?, Int?, Int, Int)])
    func bounds(_ descriptors: Int, _ connections: Int?, _ each: Int?, _ total: Int, _ perAddress: Int) {
        let bounds = ConnectionBounds(
            descriptors: descriptors, limits: HTTPLimits(), connections: connections, perAddress: each)
        #expect(bounds.total == total)
        #expect(bounds.perAddress == perAddress)
    }

    @Test(
        "A host is one address, on whatever socket it comes and however many of its network it has",
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true), ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ])
    func networks(_ first: String, _ second: String, _ same: Bool) {
        #expect((ConnectionAdmission.network(of: first) == ConnectionAdmission.network(of: second)) == same)
    }

    @Test(
        "What is beyond the bound of all, or of one address, is closed at once and counted; a place can be taken again")
    func excess() async throws {
        for (connections, each) in [(8, 8), (100, 8)] {
            try await RunningInterface.run(connections: connections, connectionsPerAddress: each) { interface in
                var taken: [RawConnection] = []
                for _ in 0..<8 { taken.append(try RawConnection(port: interface.port)) }
                for _ in 0..<50 where interface.service.counters.values.openConnections < 8 {
                    try await Task.sleep(for: .milliseconds(20))
                }
                let start = ContinuousClock.now
                for _ in 0..<20 {
                    let excess = try RawConnection(port: interface.port)
                    #expect(await excess.closes())
                }
                #expect(ContinuousClock.now - start < .seconds(2))
                #expect(interface.service.counters.values.excessConnections == 20)
                #expect(interface.service.counters.values.openConnections == 8)
                taken.removeLast().close()
                for _ in 0..<50 where interface.service.counters.values.openConnections == 8 {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(try await interface.get("/health").status == 200)
            }
        }
    }
}
