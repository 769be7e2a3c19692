import Addressing

/// What the doctor asks of the machine; tests answer in its place.
public struct DoctorProbes {
    /// The kind of a port.
    public enum PortKind: String, Sendable {
        /// A UDP port.
        case udp
        /// A TCP port.
        case tcp
    }

    /// Why a port cannot be bound.
    public enum BindFailure: Error, Sendable, Equatable {
        /// Another process has it.
        case inUse
        /// It needs a privilege that the user does not have.
        case notPermitted
        /// The machine has no such address.
        case noSuchAddress
        /// Another reason, in words.
        case other(String)
    }

    /// Binds a port and lets it go again; `nil`: it can be bound.
    public var bind: (IPAddress, UInt16, PortKind) -> BindFailure?
    /// The limit of open files of a process; `nil`: unknown or none.
    public var openFileLimit: () -> UInt64?
    /// `net.core.rmem_max` in bytes; `nil`: unknown.
    public var receiveBufferLimit: () -> Int?
    /// `kernel.io_uring_disabled`: 0 everybody may use it, 1 privileged users only, 2 nobody; `nil`: unknown, as on
    /// kernels before 6.6, which have no such switch.
    public var ringRestriction: () -> Int?
    /// The cores that the service may use.
    public var coreCount: () -> Int
    /// The addresses of a host name; empty: it does not resolve.
    public var resolve: (String) -> [IPAddress]
    /// The addresses of this machine's interfaces.
    public var localAddresses: () -> [IPAddress]
    /// The first bytes of a file; `nil`: it cannot be read.
    public var contents: (String) -> [UInt8]?
    /// The permission bits of a file or folder; `nil`: there is none.
    public var permissions: (String) -> UInt32?
    /// Whether a folder, or the nearest that exists above it, can be written.
    public var canWrite: (String) -> Bool
    /// The free bytes of the disk that a path is on, or will be; `nil`: unknown.
    public var freeBytes: (String) -> UInt64?
    /// Whether a program is in `PATH`.
    public var hasProgram: (String) -> Bool
    /// Tries to use a certificate with its key, given as paths; `nil`: they fit, else why not. The executable, which has
    /// a TLS library, sets it.
    public var tlsFailure: ((String, String) -> String?)?
    /// The time in seconds since 1970 (UTC).
    public var now: () -> Int64

    /// Makes probes of a caller's own.
    public init(
        bind: @escaping (IPAddress, UInt16, PortKind) -> BindFailure?,
        openFileLimit: @escaping () -> UInt64?,
        receiveBufferLimit: @escaping () -> Int?,
        ringRestriction: @escaping () -> Int? = { nil },
        coreCount: @escaping () -> Int = { 1 },
        resolve: @escaping (String) -> [IPAddress],
        localAddresses: @escaping () -> [IPAddress],
        contents: @escaping (String) -> [UInt8]?,
        permissions: @escaping (String) -> UInt32?,
        canWrite: @escaping (String) -> Bool,
        freeBytes: @escaping (String) -> UInt64?,
        hasProgram: @escaping (String) -> Bool,
        tlsFailure: ((String, String) -> String?)? = nil,
        now: @escaping () -> Int64
    ) {
        self.bind = bind
        self.openFileLimit = openFileLimit
        self.receiveBufferLimit = receiveBufferLimit
        self.ringRestriction = ringRestriction
        self.coreCount = coreCount
        self.resolve = resolve
        self.localAddresses = localAddresses
        self.contents = contents
        self.permissions = permissions
        self.canWrite = canWrite
        self.freeBytes = freeBytes
        self.hasProgram = hasProgram
        self.tlsFailure = tlsFailure
        self.now = now
    }
}
