import Foundation
import Testing

@testable import StreamSink

@Suite("Following a stream", .timeLimit(.minutes(2)))
struct StreamFollowerTests {
    private let folder: TemporaryFolder
    private let store: FragmentStore
    private let library: StreamLibrary

    init() throws {
        folder = try TemporaryFolder()
        store = try makeStore("\(folder.path)/data")
        library = StreamLibrary(store: store)
    }

    private func soon(_ seconds: Double = 5) -> ContinuousClock.Instant { .now + .seconds(seconds) }

    @Test("A finished session is given whole: tags and clusters as they lie in the file, header before each")
    func finished() async throws {
        let (session, summary) = try await record(store, transaction: "t1", seconds: 4)
        let follower = try library.follow(.name(session.streamName), from: .earliest)
        var followed = Followed()
        try followed.drain(follower)
        #expect(followed.ended.count == summary.fragments)
        #expect(followed.ended == (try library.fragments(.name(session.streamName))))
        #expect(followed.begun.map(\.number) == followed.ended.map(\.number))
        #expect(followed.headers.count == 1)
        #expect(try followed.samples() == samples(0..<32_000))
        let path = "\(folder.path)/data/\(session.relativePath)"
        let header = try #require(followed.headers.first)
        // But for the sizes that were written in at the end, the file is one header and all bodies.
        #expect(header.count + followed.bodies.reduce(0) { $0 + $1.count } == (try readFile(path)).count)
        #expect(await !follower.waitForMore(until: .now + .milliseconds(120)))
        await store.shutDown()
    }

    @Test("Each part is at most as long as was asked", arguments: [1, 7, 4096, 1 << 20])
    func partLength(_ maximum: Int) async throws {
        let (session, _) = try await record(store, transaction: "t1", seconds: 1)
        let follower = try library.follow(.name(session.streamName), from: .earliest)
        var body: [UInt8] = []
        while let part = try follower.next(maximumBytes: maximum) {
            guard case .bytes(let bytes) = part else { continue }
            #expect(bytes.count <= maximum && !bytes.isEmpty)
            body += bytes
        }
        let fragments = try library.fragments(.name(session.streamName))
        #expect(body.count == fragments.reduce(0) { $0 + $1.bytes })
        await store.shutDown()
    }

    @Test("A live session is given as it is written, and the follower is woken, not polling")
    func live() async throws {
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: SystemClock.wallMilliseconds())
        #expect(!session.isFollowed)
        let follower = try library.follow(.name(session.streamName), from: .now)
        var followed = Followed()
        var woken = 0
        for step in 0..<60 {
            session.append(samples(step * 320..<(step + 1) * 320).span)
            while followed.bodies.reduce(0, { $0 + $1.count }) < step * 640 {
                try followed.drain(follower)
                if try followed.samples().count >= (step + 1) * 320 { break }
                try #require(await follower.waitForMore(until: soon()))
                woken += 1
            }
            #expect(session.isFollowed || step == 0)
        }
        #expect(woken > 20)
        #expect(!(followed.begun.first?.isComplete ?? true))
        _ = await session.finish()
        while followed.ended.count < 3 {
            try followed.drain(follower)
            if followed.ended.count < 3 { try #require(await follower.waitForMore(until: soon())) }
        }
        #expect(try followed.samples() == samples(0..<19_200))
        #expect(followed.ended.allSatisfy { $0.isComplete })
        #expect(followed.ended.map(\.number) == (try library.fragments(.name(session.streamName))).map(\.number))
        #expect(!session.isFollowed)
        #expect(follower.millisecondsBehindNow < 60_000)
        await store.shutDown()
    }

    @Test("It goes from one session of the stream to the next, in order and without a gap")
    func crossing() async throws {
        let (first, _) = try await record(store, transaction: "t1", seconds: 2)
        let follower = try library.follow(.name(first.streamName), from: .earliest)
        var followed = Followed()
        try followed.drain(follower)
        #expect(followed.ended.count == 2)
        async let next = record(store, transaction: "t2", seconds: 3)
        #expect(await follower.waitForMore(until: soon(10)))
        let (second, _) = try await next
        #expect(second.streamName == first.streamName)
        while followed.ended.count < 5 {
            try followed.drain(follower)
            if followed.ended.count < 5 { try #require(await follower.waitForMore(until: soon())) }
        }
        #expect(followed.ended.map(\.session.transactionID) == ["t1", "t1", "t2", "t2", "t2"])
        #expect(followed.ended.map(\.number.description) == followed.ended.map(\.number.description).sorted())
        await store.shutDown()
    }

    @Test("Every start finds its fragment, also between sessions and beyond the end")
    func starts() async throws {
        let start = SystemClock.wallMilliseconds()
        let (first, _) = try await record(store, transaction: "t1", seconds: 4, start: start)
        _ = try await record(store, transaction: "t2", seconds: 4, start: start + 10_000)
        let stream = StreamReference.name(first.streamName)
        let all = try library.fragments(stream)
        #expect(all.count == 8)
        func numbers(_ start: FollowStart) throws -> [FragmentNumber] {
            var followed = Followed()
            try followed.drain(try library.follow(stream, from: start))
            return followed.ended.map(\.number)
        }
        func from(_ index: Int) -> [FragmentNumber] { all[index...].map(\.number) }
        #expect(try numbers(.earliest) == from(0))
        #expect(try numbers(.now) == [])
        for index in all.indices {
            #expect(try numbers(.after(all[index].number)) == from(index + 1))
            #expect(try numbers(.producer(all[index].producerMilliseconds)) == from(index))
            #expect(try numbers(.producer(all[index].producerMilliseconds + 400)) == from(index))
        }
        // Between the two sessions, before all and after all.
        #expect(try numbers(.producer(start + 7000)) == from(4))
        #expect(try numbers(.producer(0)) == from(0))
        #expect(try numbers(.producer(start + 99_000)) == [])
        #expect(try numbers(.server(0)) == from(0))
        #expect(try numbers(.server(all[4].serverMilliseconds)).last == all.last?.number)
        #expect(try numbers(.after(FragmentNumber(counter: 0, epochMilliseconds: 0, random: 0))) == from(0))
        #expect(try numbers(.after(FragmentNumber(counter: 500, epochMilliseconds: 0, random: 0))) == from(4))
        #expect(throws: StreamLibraryError.noSuchStream("nobody")) {
            try library.follow(.name("nobody"), from: .now)
        }
        await store.shutDown()
    }

    @Test("After the number of the open fragment, the next one is the first")
    func afterOpenFragment() async throws {
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: SystemClock.wallMilliseconds())
        session.append(samples(0..<4000).span)
        // The first event names this number before the fragment is whole.
        let follower = try library.follow(
            .name(session.streamName), from: .after(session.startFragmentNumber))
        var followed = Followed()
        try followed.drain(follower)
        session.append(samples(4000..<20_000).span)
        _ = await session.finish()
        try followed.drain(follower)
        #expect(try followed.samples() == samples(8000..<20_000))
        await store.shutDown()
    }

    @Test("Ten followers of one session are independent: late, slow, gone")
    func several() async throws {
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: SystemClock.wallMilliseconds())
        let library = library
        let stream = StreamReference.name(session.streamName)
        let total = 8 * 8000
        try await withThrowingTaskGroup(of: [Int16].self) { group in
            for reader in 0..<10 {
                group.addTask {
                    let follower = try library.follow(stream, from: .earliest)
                    var followed = Followed()
                    while followed.ended.count < 8 {
                        // One in three is slow, one goes away.
                        if reader % 3 == 0 { try await Task.sleep(for: .milliseconds(30)) }
                        if reader == 7, followed.ended.count == 2 { return samples(0..<total) }
                        if let part = try follower.next(maximumBytes: reader == 5 ? 100 : 65_536) {
                            followed.take(part)
                        } else if await !follower.waitForMore(until: .now + .seconds(20)) {
                            break
                        }
                    }
                    return try followed.samples()
                }
            }
            for step in 0..<40 {
                session.append(samples(step * 1600..<(step + 1) * 1600).span)
                try await Task.sleep(for: .milliseconds(15))
            }
            _ = await session.finish()
            for try await found in group { #expect(found == samples(0..<total)) }
        }
        #expect(session.lostSamples == 0)
        await store.shutDown()
    }

    @Test("A damaged stretch costs the fragment it lies in, and the follower goes on")
    func damaged() async throws {
        let (session, _) = try await record(store, transaction: "t1", seconds: 6)
        await store.shutDown()
        let path = "\(folder.path)/data/\(session.relativePath)"
        let third = try library.fragments(.name(session.streamName))[2]
        var bytes = try readFile(path)
        for at in Int(third.place.offset) + 6000..<Int(third.place.offset) + 6400 { bytes[at] = 0xEE }
        try write(bytes, to: path)
        let follower = try library.follow(.name(session.streamName), from: .earliest)
        var followed = Followed()
        try followed.drain(follower)
        #expect(followed.ended.map(\.isComplete) == [true, true, false, true, true, true])
        #expect(followed.ended[2].number == third.number)
        #expect(throws: StreamLibraryError.self) { try library.bytes(of: third) }
    }

    @Test("A cancelled wait ends at once")
    func cancelled() async throws {
        let (session, _) = try await record(store, transaction: "t1", seconds: 1)
        let library = library
        let began = ContinuousClock.now
        let task = Task {
            let follower = try library.follow(.name(session.streamName), from: .now)
            _ = try follower.next()
            return await follower.waitForMore(until: .now + .seconds(60))
        }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        #expect(try await !task.value)
        #expect(ContinuousClock.now - began < .seconds(10))
        await store.shutDown()
    }

    @Test("Without the store, from the directory alone, a growing session is followed too")
    func otherProcess() async throws {
        let session = try store.openSession(
            connectorID: connector, transactionID: "t1", callID: "c", mediaIndex: 0,
            startedAtMilliseconds: SystemClock.wallMilliseconds())
        session.append(samples(0..<4000).span)
        try await Task.sleep(for: .milliseconds(200))
        let other = try StreamLibrary(dataDirectory: "\(folder.path)/data")
        #expect(throws: StreamLibraryError.readOnly) { try other.create(NewStream(name: "x")) }
        let follower = try other.follow(.name(session.streamName), from: .now)
        var followed = Followed()
        try followed.drain(follower)
        #expect(try followed.samples() == samples(0..<4000))
        session.append(samples(4000..<12_000).span)
        _ = await session.finish()
        while followed.ended.count < 2 {
            try #require(await follower.waitForMore(until: soon()))
            try followed.drain(follower)
        }
        #expect(try followed.samples() == samples(0..<12_000))
        await store.shutDown()
    }
}
