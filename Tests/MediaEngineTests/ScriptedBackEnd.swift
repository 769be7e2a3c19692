import MediaCore

@testable import MediaEngine

/// A back end without sockets: what is sent is counted and forgotten, and a test hands datagrams to the worker itself.
struct ScriptedBackEnd: MediaBackEnd, ~Copyable {
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 16)
    private(set) var counters = BackEndCounters()

    init(_ configuration: BackEndConfiguration) {}

    deinit { memory.deallocate() }

    /// `octets` as if they had just been received.
    mutating func datagram(_ octets: [UInt8], token: UInt64, from sender: MediaAddress) -> Datagram {
        octets.withUnsafeBytes { memory.copyMemory(from: $0) }
        counters.received += 1
        return Datagram(
            token: token, octets: UnsafeMutableRawBufferPointer(rebasing: memory[..<octets.count]), sender: sender)
    }

    mutating func add(_ socket: Int32, token: UInt64, isIPv6: Bool) -> Bool { true }
    mutating func remove(_ socket: Int32, token: UInt64) {}
    mutating func drain(_ socket: Int32, token: UInt64) -> Datagram? { nil }
    mutating func addWake(_ descriptor: Int32) -> Bool { true }
    mutating func wait(until deadline: Int64, pace: Int64) {}
    func upcomingToken(_ distance: Int) -> UInt64? { nil }
    mutating func next() -> Datagram? { nil }
    mutating func flush() {}
    mutating func truncated(_ socket: Int32) -> UInt64 { 0 }

    mutating func send(
        _ octets: UnsafeRawBufferPointer, from socket: Int32, token: UInt64, to destination: MediaAddress, isIPv6: Bool
    ) -> Bool {
        counters.sent += 1
        return true
    }
}
