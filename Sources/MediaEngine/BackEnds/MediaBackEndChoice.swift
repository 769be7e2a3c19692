import CMediaSockets
import Glibc
import MediaCore

/// `media.backend`: how datagrams come in and go out.
public enum MediaBackEndChoice: String, Sendable, CaseIterable {
    /// io_uring where it can be used, else epoll.
    case automatic = "auto"
    /// io_uring, or the service does not start.
    case ioUring = "io_uring"
    case epoll
}

/// What a worker runs on.
public enum MediaBackEndKind: String, Sendable {
    case ioUring = "io_uring"
    case epoll
}

/// What a choice comes to on this machine.
public struct MediaBackEndSelection: Sendable, Equatable {
    /// What the workers run on.
    public let kind: MediaBackEndKind
    /// Why io_uring is not used although it was wanted, in a sentence for the log; nil where nothing was given up.
    public let fallback: String?

    /// Tries io_uring where it is wanted: a ring is set up, used for one datagram on the loopback interface, and taken
    /// down. Blocks for some milliseconds, for a second where the datagram does not arrive.
    ///
    /// Throws when io_uring is demanded and cannot be used, and says what to change.
    public init(_ choice: MediaBackEndChoice) throws(MediaEngineError) {
        guard choice != .epoll else {
            self.init(kind: .epoll, fallback: nil)
            return
        }
        guard let refusal = RingProbe.refusal() else {
            self.init(kind: .ioUring, fallback: nil)
            return
        }
        guard choice == .automatic else { throw refusal.demanded }
        self.init(kind: .epoll, fallback: "io_uring cannot be used: \(refusal)")
    }

    init(kind: MediaBackEndKind, fallback: String?) {
        self.kind = kind
        self.fallback = fallback
    }
}

/// Whether io_uring works here, found out by using all of it that a worker will use.
enum RingProbe {
    /// Nil when it works.
    static func refusal() -> RingRefusal? {
        var configuration = BackEndConfiguration()
        configuration.maximumSockets = 16
        configuration.receiveBuffers = 8
        configuration.mostReceiveBuffers = 8
        configuration.submissions = 16
        do throws(RingRefusal) {
            var backEnd = try RingBackEnd(ringOf: configuration)
            try exchange(&backEnd)
            return nil
        } catch {
            return error
        }
    }

    /// One datagram from a socket of the ring to itself.
    private static func exchange(_ backEnd: inout RingBackEnd) throws(RingRefusal) {
        let loopback = MediaAddress(ipv4: 0x7F00_0001, port: 0)
        guard let (socket, port) = boundSocket() else {
            throw RingRefusal(stage: .receiving, errno: errno, kernel: .current)
        }
        defer { close(socket) }
        guard backEnd.add(socket, token: 1, isIPv6: false) else {
            throw RingRefusal(stage: .receiving, errno: ENOBUFS, kernel: .current)
        }
        let destination = MediaAddress(high: loopback.high, low: loopback.low, port: port)
        let octets: [UInt8] = [0x80, 1, 2, 3]
        _ = octets.withUnsafeBytes { backEnd.send($0, from: socket, token: 1, to: destination, isIPv6: false) }
        let patience = MediaClock.arrival + 1_000_000_000
        var hasArrived = false
        while !hasArrived, MediaClock.arrival < patience {
            backEnd.wait(until: patience, pace: 1_000_000)
            while let datagram = backEnd.next() {
                if datagram.token == 1, datagram.sender == destination, datagram.octets.elementsEqual(octets) {
                    hasArrived = true
                }
            }
        }
        backEnd.remove(socket, token: 1)
        guard hasArrived else { throw RingRefusal(stage: .receiving, errno: ETIMEDOUT, kernel: .current) }
    }

    private static func boundSocket() -> (Int32, UInt16)? {
        var address: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1]
        let socket = media_socket_open(0, &address, 0, 0)
        guard socket >= 0 else {
            errno = -socket
            return nil
        }
        let port = media_socket_port(socket)
        guard port > 0 else {
            close(socket)
            return nil
        }
        return (socket, port)
    }
}
