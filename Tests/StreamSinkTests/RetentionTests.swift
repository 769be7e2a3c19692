import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import StreamSink

private let hour: Int64 = 3_600_000
private let now: Int64 = 2_000_000 * hour

private func file(_ session: Int, ended: Int64, megabytes: Int64 = 1, live: Bool = false, held: Bool = false)
    -> RetentionPlan.File
{
    RetentionPlan.File(
        session: SessionFileName(session: session, transactionID: "t\(session)", mediaIndex: 0),
        bytes: megabytes << 20, changedAtMilliseconds: ended, isLive: live, isHeld: held)
}

@Suite("The retention plan")
struct RetentionPlanTests {
    private func plan(_ hours: Int?, _ files: [RetentionPlan.File], budget: Int64? = nil) -> [Int] {
        RetentionPlan([.init(name: "s", retentionHours: hours, files: files)], now: now, budget: budget)
            .deletions.map(\.file.session.session)
    }

    @Test("What is older than the stream's hours goes, oldest first, and nothing else")
    func age() {
        let files = [
            file(0, ended: now - 30 * hour), file(1, ended: now - 25 * hour), file(2, ended: now - 24 * hour),
            file(3, ended: now - hour), file(4, ended: now - 26 * hour, live: true),
        ]
        #expect(plan(24, files) == [0, 1])
        #expect(plan(nil, files) == [])
        #expect(plan(1000, files) == [])
    }

    @Test("With no retention five minutes or 200 MB are kept, whichever is less")
    func none() {
        let minute: Int64 = 60_000
        #expect(plan(0, [file(0, ended: now - 6 * minute), file(1, ended: now - 4 * minute)]) == [0])
        let large = (0..<5).map { file($0, ended: now - Int64(50 - $0) * 1000, megabytes: 90) }
        #expect(plan(0, large) == [0, 1])
        #expect(plan(0, [file(0, ended: now, megabytes: 10), file(1, ended: now, megabytes: 300, live: true)]) == [0])
    }

    @Test("What is recorded or held stays, whatever its age")
    func inUse() {
        let old = now - 1000 * hour
        #expect(plan(1, [file(0, ended: old, held: true), file(1, ended: old, live: true)]) == [])
        #expect(plan(1, [file(0, ended: old, held: true), file(1, ended: old)], budget: 0) == [1])
    }

    @Test("The budget takes the oldest of all streams until it is kept, and says what it could not")
    func budget() {
        let streams = [
            RetentionPlan.Stream(
                name: "a", retentionHours: 100,
                files: [
                    file(0, ended: now - 9 * hour), file(1, ended: now - 3 * hour), file(2, ended: now, live: true),
                ]),
            RetentionPlan.Stream(
                name: "b", retentionHours: nil,
                files: [file(0, ended: now - 8 * hour, held: true), file(1, ended: now - 5 * hour)]),
            RetentionPlan.Stream(name: "c", retentionHours: 1, files: [file(0, ended: now - 2 * hour)]),
        ]
        func names(_ megabytes: Int64) -> [String] {
            RetentionPlan(streams, now: now, budget: megabytes << 20).deletions
                .map { "\($0.stream)\($0.file.session.session) \($0.reason)" }
        }
        let aged = "c0 older than 1 h"
        #expect(names(6) == [aged])
        #expect(names(5) == [aged])
        #expect(names(4) == [aged, "a0 the disk budget is used up"])
        #expect(names(0).map { $0.prefix(2) } == ["c0", "a0", "b1", "a1"])
        let plan = RetentionPlan(streams, now: now, budget: 1 << 20)
        #expect(plan.totalBytes == 6 << 20)
        #expect(plan.excessBytes == 1 << 20)
    }

    @Test("A session of a clock that was ahead is as old as the one after it")
    func futureFiles() {
        let files = [
            file(0, ended: now + 900 * hour), file(1, ended: now - 30 * hour), file(2, ended: now + 500 * hour),
        ]
        #expect(plan(24, files) == [0, 1])
    }

    @Test("Anything there may be gives a plan that deletes nothing twice and nothing in use", arguments: 0..<200)
    func anything(_ seed: Int) {
        var random = Seeded(UInt64(seed))
        let streams = (0..<Int.random(in: 0..<5, using: &random)).map { stream in
            RetentionPlan.Stream(
                name: "s\(stream)",
                retentionHours: Bool.random(using: &random) ? nil : .random(in: 0...50, using: &random),
                files: (0..<Int.random(in: 0..<20, using: &random)).map {
                    file(
                        $0, ended: now + .random(in: -100 * hour...10 * hour, using: &random),
                        megabytes: .random(in: 0..<300, using: &random), live: .random(using: &random),
                        held: .random(using: &random))
                })
        }
        let budget = Int64.random(in: 0..<4000, using: &random) << 20
        let plan = RetentionPlan(streams, now: now, budget: budget)
        #expect(Set(plan.deletions.map { "\($0.stream)/\($0.file.session.session)" }).count == plan.deletions.count)
        #expect(plan.deletions.allSatisfy { !$0.file.isLive && !$0.file.isHeld })
        let left = plan.totalBytes - plan.deletions.reduce(0) { $0 + $1.file.bytes }
        #expect(plan.excessBytes == max(0, left - budget))
        let free = streams.flatMap(\.files).filter { !$0.isLive && !$0.isHeld }.count
        #expect(plan.excessBytes == 0 || plan.deletions.count == free)
    }
}

@Suite("Retention's clock")
struct RetentionClockTests {
    @Test("A jump ahead counts after an hour, a step back at once, a slow drift always")
    func jumps() {
        var clock = RetentionClock()
        #expect(clock.now(wall: now, monotonic: 0) == now)
        #expect(clock.now(wall: now + 60_200, monotonic: 60_000) == now + 60_200)
        #expect(clock.now(wall: now + 9000 * hour, monotonic: 120_000) == now + 120_200)
        #expect(clock.isWaiting)
        #expect(clock.now(wall: now + 9000 * hour, monotonic: 120_000 + hour - 1) == now + 120_199 + hour)
        // Put right in time.
        #expect(clock.now(wall: now + hour, monotonic: hour) == now + hour)
        #expect(!clock.isWaiting)
        #expect(clock.now(wall: now - hour, monotonic: 2 * hour) == now - hour)
        // Right after all: the machine had slept.
        #expect(clock.now(wall: now + 50 * hour, monotonic: 2 * hour + 1) == now - hour + 1)
        #expect(clock.now(wall: now + 51 * hour, monotonic: 3 * hour + 1) == now + 51 * hour)
    }
}

@Suite("Retention at work", .timeLimit(.minutes(2)))
struct RetentionKeeperTests {
    private let folder: TemporaryFolder
    private let store: FragmentStore
    private let library: StreamLibrary

    init() throws {
        folder = try TemporaryFolder()
        store = try makeStore("\(folder.path)/data")
        library = StreamLibrary(store: store)
    }

    private func makeOld(_ session: StreamSession, milliseconds: Int64) throws {
        let path = "\(folder.path)/data/\(session.relativePath)"
        let seconds = Int((SystemClock.wallMilliseconds() - milliseconds) / 1000)
        var times = [timeval(tv_sec: seconds, tv_usec: 0), timeval(tv_sec: seconds, tv_usec: 0)]
        guard utimes(path, &times) == 0 else { throw FileError("date", path, -Int(errno)) }
    }

    private func keeper(
        budget: Int64? = nil, _ notices: Notices = Notices()
    ) throws -> RetentionKeeper {
        try RetentionKeeper(
            library: library, settings: RetentionSettings(diskBudgetBytes: budget), logger: Logger(label: "test"),
            deleted: { notices.add($0) })
    }

    @Test("Old sessions go with their index; what a follower reads and what is recorded stays")
    func keepsWhatIsInUse() async throws {
        var sessions: [StreamSession] = []
        for call in 0..<4 {
            let (session, _) = try await record(store, transaction: "t\(call)", seconds: 2, retentionHours: 1)
            sessions.append(session)
        }
        // The sizes of clusters and the index are written a moment later.
        try await Task.sleep(for: .milliseconds(300))
        for session in sessions.prefix(3) { try makeOld(session, milliseconds: 2 * hour) }
        let stream = StreamReference.name(sessions[0].streamName)
        let all = try library.fragments(stream)
        let follower = try library.follow(stream, from: .after(all[2].number))
        _ = try follower.next()
        let notices = Notices()
        let keeper = try keeper(notices)
        keeper.run()
        #expect(notices.all.map(\.session.transactionID) == ["t0", "t2"])
        #expect(notices.all.first?.reason == .age(hours: 1))
        #expect(try library.fragments(stream).map(\.session.transactionID) == ["t1", "t1", "t3", "t3"])
        #expect(try library.fragment(stream, number: all[0].number) == nil)
        #expect(throws: StreamLibraryError.noSuchFragment(all[0].number)) { try library.bytes(of: all[0]) }
        var followed = Followed()
        try followed.drain(follower)
        #expect(followed.ended.map(\.session.transactionID) == ["t1", "t3", "t3"])
        #expect(keeper.statistics.deletedSessions == 2)
        keeper.run()
        #expect(notices.all.count == 3)
        let names = FileContents.names(in: "\(folder.path)/data/streams/\(sessions[0].streamName)")
        #expect(names == ["000003_t3_0.idx", "000003_t3_0.mkv", "stream.json"])
        // Numbers go on where they were.
        let (next, _) = try await record(store, transaction: "t9", seconds: 1)
        #expect(next.startFragmentNumber > all[7].number)
        await store.shutDown()
    }

    @Test("A session that is held for copying stays until it is released")
    func held() async throws {
        let (session, _) = try await record(store, transaction: "t1", seconds: 1, retentionHours: 1)
        try await Task.sleep(for: .milliseconds(300))
        try makeOld(session, milliseconds: 5 * hour)
        let stream = StreamReference.name(session.streamName)
        let name = try #require(library.sessions(session.streamName).first)
        let keeper = try keeper()
        do {
            let hold = try #require(try library.hold(stream, session: name))
            keeper.run()
            #expect(keeper.statistics.deletedSessions == 0)
            #expect(FileContents.status(hold.path) != nil)
        }
        keeper.run()
        #expect(keeper.statistics.deletedSessions == 1)
        #expect(try library.hold(stream, session: name) == nil)
        await store.shutDown()
    }

    @Test("The budget deletes the oldest while calls are recorded, and never what is live", .timeLimit(.minutes(2)))
    func underLoad() async throws {
        let keeper = try keeper(budget: 600_000)
        let store = store
        let done = Mutex(false)
        async let deleting: Void = {
            while !done.withLock({ $0 }) {
                keeper.run()
                try? await Task.sleep(for: .milliseconds(5))
            }
        }()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for leg in 0..<6 {
                group.addTask {
                    for call in 0..<6 {
                        let (session, summary) = try await record(store, transaction: "l\(leg)-\(call)", seconds: 4)
                        #expect(summary.failure == nil)
                        #expect(summary.samples == 32_000)
                        #expect(session.lostSamples == 0)
                    }
                }
            }
            try await group.waitForAll()
        }
        done.withLock { $0 = true }
        await deleting
        keeper.run()
        #expect(keeper.statistics.deletedSessions > 20)
        #expect(keeper.statistics.storedBytes <= 600_000)
        #expect(keeper.statistics.failures == 0)
        for stream in library.streams() {
            for fragment in try library.fragments(.name(stream.name)) { _ = try library.bytes(of: fragment) }
        }
        await store.shutDown()
    }

    @Test("An index without its session is swept up, other files are left")
    func orphans() async throws {
        let (session, _) = try await record(store, transaction: "t1", seconds: 1)
        let streamFolder = "\(folder.path)/data/streams/\(session.streamName)"
        try write([1], to: "\(streamFolder)/000077_gone_0.idx")
        try write([1], to: "\(streamFolder)/notes.txt")
        try keeper().run()
        #expect(!FileContents.names(in: streamFolder).contains("000077_gone_0.idx"))
        #expect(FileContents.names(in: streamFolder).contains("notes.txt"))
        await store.shutDown()
    }
}

/// What was told of deletions.
final class Notices: Sendable {
    private let notices = Mutex<[RetentionNotice]>([])
    var all: [RetentionNotice] { notices.withLock { $0 } }
    func add(_ notice: RetentionNotice) { notices.withLock { $0.append(notice) } }
}
