import CMediaRing
import Glibc

/// Why io_uring cannot be used here, for the person who reads the log.
struct RingRefusal: Error, Equatable, CustomStringConvertible {
    /// What was being done.
    enum Stage: Equatable {
        case setup, features, buffers, memory
        /// The ring exists, but a datagram sent through the loopback interface did not arrive in it.
        case receiving

        init(_ stage: media_ring_stage) {
            switch stage {
            case MEDIA_RING_STAGE_SETUP: self = .setup
            case MEDIA_RING_STAGE_FEATURES: self = .features
            case MEDIA_RING_STAGE_BUFFERS: self = .buffers
            default: self = .memory
            }
        }
    }

    var stage: Stage
    var errno: Int32
    var kernel: KernelRelease
    /// The sysctl kernel.io_uring_disabled; nil where the kernel does not have it (before 6.6).
    var disabled: Int?

    init(stage: Stage, errno: Int32, kernel: KernelRelease, disabled: Int? = Self.readDisabled()) {
        self.stage = stage
        self.errno = errno
        self.kernel = kernel
        self.disabled = disabled
    }

    /// The first kernel with everything that is used: IORING_SETUP_DEFER_TASKRUN came last.
    static let oldestKernel = (6, 1)

    var description: String {
        switch (stage, errno) {
        case (.setup, EPERM) where disabled == 2:
            "kernel.io_uring_disabled is 2, which switches it off for everybody: set it to 0"
        case (.setup, EPERM) where disabled == 1:
            "kernel.io_uring_disabled is 1, which leaves it to members of kernel.io_uring_group: add the service's group, "
                + "or set it to 0"
        case (.setup, EPERM), (.setup, EACCES):
            "it is forbidden (errno \(errno)), as container runtimes do by seccomp: allow io_uring_setup, io_uring_enter "
                + "and io_uring_register"
        case (.setup, ENOSYS):
            "this kernel (\(kernel)) was built without it, or a seccomp profile hides it"
        case (.setup, EINVAL), (.features, _), (.buffers, EINVAL):
            "the kernel (\(kernel)) is too old: \(Self.oldestKernel.0).\(Self.oldestKernel.1) is needed"
        case (_, ENOMEM):
            "the kernel has no memory for it: raise the locked-memory limit (ulimit -l, LimitMEMLOCK=) or the memory "
                + "limit of the service"
        case (_, EMFILE), (_, ENFILE):
            "there are no file descriptors left: raise the limit (ulimit -n, LimitNOFILE=)"
        case (.receiving, ETIMEDOUT):
            "a ring could be made, but a datagram sent to it through the loopback interface did not arrive"
        case (.receiving, _):
            "a ring could be made, but no socket to try it with (errno \(errno))"
        case (.setup, _): "io_uring_setup failed with errno \(errno)"
        case (.buffers, _): "a ring of provided buffers could not be registered (errno \(errno))"
        case (.memory, _): "its buffers could not be allocated (errno \(errno))"
        }
    }

    /// For a service that was told to use io_uring and nothing else.
    var demanded: MediaEngineError {
        .system(
            "io_uring, which media.backend demands, cannot be used: \(self); or set media.backend to auto; it",
            errno: errno)
    }

    private static func readDisabled() -> Int? {
        let file = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var octet: UInt8 = 0
        guard read(file, &octet, 1) == 1, octet >= 0x30, octet <= 0x39 else { return nil }
        return Int(octet) - 0x30
    }
}

/// Which kernel runs, as `uname` tells.
struct KernelRelease: Equatable, CustomStringConvertible {
    var description: String

    static var current: KernelRelease {
        var names = utsname()
        guard uname(&names) == 0 else { return KernelRelease(description: "unknown") }
        return withUnsafeBytes(of: &names.release) { octets in
            KernelRelease(description: String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self))
        }
    }

    /// False when the release does not begin with two numbers.
    func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
        let numbers = description.split(separator: ".", maxSplits: 2).prefix(2).compactMap { part in
            Int(part.prefix { $0.isNumber })
        }
        guard numbers.count == 2 else { return false }
        return (numbers[0], numbers[1]) >= (major, minor)
    }
}
