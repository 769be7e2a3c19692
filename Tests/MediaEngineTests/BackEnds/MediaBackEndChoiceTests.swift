import Glibc
import Testing

@testable import MediaEngine

@Suite("Which back end is used, and why")
struct MediaBackEndChoiceTests {
    @Test("epoll is taken without trying io_uring")
    func epoll() throws {
        #expect(try MediaBackEndSelection(.epoll) == MediaBackEndSelection(kind: .epoll, fallback: nil))
    }

    @Test("Automatic takes io_uring where it works, and else says in one line why not")
    func automatic() throws {
        let selection = try MediaBackEndSelection(.automatic)
        switch RingProbe.refusal() {
        case nil: #expect(selection == MediaBackEndSelection(kind: .ioUring, fallback: nil))
        case let refusal?:
            #expect(selection.kind == .epoll)
            #expect(selection.fallback?.contains(refusal.description) == true)
            #expect(selection.fallback?.contains("\n") == false)
        }
    }

    struct Case: CustomTestStringConvertible {
        var stage: RingRefusal.Stage
        var errno: Int32
        var kernel = "6.1.0-18-amd64"
        var disabled: Int?
        var words: String
        var testDescription: String { "\(stage) \(errno) \(kernel) \(disabled.map(String.init) ?? "-")" }
    }

    static let cases = [
        Case(stage: .setup, errno: EPERM, disabled: 2, words: "kernel.io_uring_disabled is 2"),
        Case(stage: .setup, errno: EPERM, disabled: 1, words: "kernel.io_uring_group"),
        Case(stage: .setup, errno: EPERM, disabled: 0, words: "seccomp"),
        Case(stage: .setup, errno: EPERM, disabled: nil, words: "seccomp"),
        Case(stage: .setup, errno: EACCES, disabled: 0, words: "seccomp"),
        Case(stage: .setup, errno: ENOSYS, kernel: "4.19.0", words: "this kernel (4.19.0) was built without it"),
        Case(stage: .setup, errno: EINVAL, kernel: "5.10.0-28-amd64", words: "(5.10.0-28-amd64) is too old: 6.1"),
        Case(stage: .features, errno: EOPNOTSUPP, kernel: "5.15.0", words: "6.1 is needed"),
        Case(stage: .buffers, errno: EINVAL, kernel: "5.15.0", words: "6.1 is needed"),
        Case(stage: .setup, errno: ENOMEM, words: "ulimit -l"),
        Case(stage: .buffers, errno: ENOMEM, words: "locked-memory limit"),
        Case(stage: .memory, errno: ENOMEM, words: "no memory"),
        Case(stage: .setup, errno: EMFILE, words: "ulimit -n"),
        Case(stage: .receiving, errno: ETIMEDOUT, words: "did not arrive"),
        Case(stage: .receiving, errno: EADDRNOTAVAIL, words: "errno 99"),
        Case(stage: .setup, errno: EIO, words: "errno 5"),
    ]

    @Test("Each refusal says what to change", arguments: cases)
    func words(_ example: Case) {
        let refusal = RingRefusal(
            stage: example.stage, errno: example.errno, kernel: KernelRelease(description: example.kernel),
            disabled: example.disabled)
        #expect(refusal.description.contains(example.words))
        #expect(!refusal.description.contains("\n"))
        #expect(refusal.demanded.description.contains(example.words))
    }

    @Test(
        "Kernel releases are compared by number",
        arguments: [
            ("6.18.44-fc-v669", true), ("6.13.0", true), ("6.12.99", false), ("5.19.0", false), ("10.2", true),
            ("6.9.1", false), ("6.13-rc1", true), ("6", false), ("", false), ("unknown", false),
        ])
    func releases(release: String, isAtLeast: Bool) {
        #expect(KernelRelease(description: release).isAtLeast(6, 13) == isAtLeast)
    }

    @Test("Where seccomp forbids or hides io_uring, epoll is used and the log says so", arguments: [EPERM, ENOSYS])
    func seccomp(_ number: Int32) throws {
        guard let outcome = ForbiddenRing.selections(errno: number) else {
            print("skipped: this machine lets no thread forbid itself a system call")
            return
        }
        #expect(outcome.automatic?.kind == .epoll)
        let words = number == EPERM ? "it is forbidden (errno 1)" : "seccomp profile hides it"
        #expect(outcome.automatic?.fallback?.hasPrefix("io_uring cannot be used: ") == true)
        #expect(outcome.automatic?.fallback?.contains(words) == true)
        #expect(outcome.demanded?.contains(words) == true)
        #expect(outcome.demanded?.contains("set media.backend to auto") == true)
    }
}

/// What the choice comes to on a thread that a seccomp filter keeps from io_uring_setup.
final class ForbiddenRing {
    private(set) var automatic: MediaBackEndSelection?
    private(set) var demanded: String?
    private var isFiltered = false
    private let number: Int32

    private init(errno number: Int32) { self.number = number }

    /// Nil when the filter cannot be installed.
    static func selections(errno number: Int32) -> ForbiddenRing? {
        let forbidden = ForbiddenRing(errno: number)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ForbiddenRing>.fromOpaque(argument).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(forbidden).toOpaque())
        guard result == 0 else { return nil }
        pthread_join(thread, nil)
        return forbidden.isFiltered ? forbidden : nil
    }

    private func run() {
        isFiltered = installFilter()
        guard isFiltered else { return }
        automatic = try? MediaBackEndSelection(.automatic)
        do {
            _ = try MediaBackEndSelection(.ioUring)
        } catch {
            demanded = error.description
        }
    }

    /// A filter of this thread alone; it goes with the thread.
    private func installFilter() -> Bool {
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = dlsym(nil, "prctl") else { return false }
        let prctl = unsafeBitCast(symbol, to: Control.self)
        // struct sock_filter: code, jump if true, jump if false, operand (linux/filter.h).
        func instruction(_ code: UInt64, _ ifTrue: UInt64, _ ifFalse: UInt64, _ operand: UInt64) -> UInt64 {
            code | ifTrue << 16 | ifFalse << 24 | operand << 32
        }
        let setup: UInt64 = 425
        var filter = [
            instruction(0x20, 0, 0, 0),  // load the system call's number
            instruction(0x15, 0, 1, setup),  // is it io_uring_setup?
            instruction(0x06, 0, 0, 0x0005_0000 | UInt64(number)),  // SECCOMP_RET_ERRNO
            instruction(0x06, 0, 0, 0x7FFF_0000),  // SECCOMP_RET_ALLOW
        ]
        // PR_SET_NO_NEW_PRIVS; PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
        guard prctl(38, 1, 0, 0, 0) == 0 else { return false }
        return filter.withUnsafeMutableBufferPointer { filter in
            // struct sock_fprog: a 16-bit count, and the address.
            var program = (UInt(filter.count), UInt(bitPattern: filter.baseAddress))
            return withUnsafeMutablePointer(to: &program) { prctl(22, 2, UInt(bitPattern: $0), 0, 0) } == 0
        }
    }
}
