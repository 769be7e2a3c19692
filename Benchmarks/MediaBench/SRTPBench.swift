import CLibSRTP
import Glibc
import SecureMedia

/// ns a packet of 172 octets for every suite: ours and libsrtp2's in turn, in batches, so that both see the same machine.
struct SRTPBench {
    static let payload = 160
    static let batch = 256
    let packets: Int

    init(_ options: Options) throws {
        packets = options.number("packets", default: 200_000)
        guard packets >= Self.batch else { throw BenchFailure(description: "--packets must be \(Self.batch) at least") }
    }

    func run() throws {
        guard srtp_init() == srtp_err_status_ok else { throw BenchFailure(description: "libsrtp2 does not start") }
        var lines: [String] = []
        for suite in CryptoSuite.allCases {
            let octets = (0..<suite.keyLength + suite.saltLength).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
            let ours = try Ours(suite, octets)
            let theirs = try Theirs(suite, octets)
            var times = Times()
            try compare(ours, theirs, &times)
            lines.append(
                "{\"suite\": \"\(suite.rawValue)\", \"protect\": \(times.perPacket(times.protect)), "
                    + "\"unprotect\": \(times.perPacket(times.unprotect)), "
                    + "\"libsrtpProtect\": \(times.perPacket(times.otherProtect)), "
                    + "\"libsrtpUnprotect\": \(times.perPacket(times.otherUnprotect))}")
        }
        print("{\"packets\": \(packets), \"suites\": [\n\(lines.joined(separator: ",\n"))\n]}")
    }

    private struct Times {
        var protect: Int64 = 0
        var unprotect: Int64 = 0
        var otherProtect: Int64 = 0
        var otherUnprotect: Int64 = 0
        var packets: Int64 = 0

        func perPacket(_ time: Int64) -> Double {
            (Double(time) / Double(max(1, packets)) * 10).rounded() / 10
        }
    }

    private func compare(_ ours: Ours, _ theirs: Theirs, _ times: inout Times) throws {
        let room = 12 + Self.payload + 32
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.batch * room, alignment: 16)
        defer { buffer.deallocate() }
        var sequence: UInt16 = 0
        // The first rounds warm the caches up and count for nothing.
        for round in -8..<packets / Self.batch {
            func timed(_ part: WritableKeyPath<Times, Int64>, _ work: () throws -> Void) rethrows {
                let began = now()
                try work()
                if round >= 0 { times[keyPath: part] += now() - began }
            }
            let first = sequence
            fill(buffer, room, from: first)
            try timed(\.protect) { try ours.protect(buffer, room) }
            try timed(\.unprotect) { try ours.unprotect(buffer, room) }
            fill(buffer, room, from: first)
            try timed(\.otherProtect) { try theirs.protect(buffer, room) }
            try timed(\.otherUnprotect) { try theirs.unprotect(buffer, room) }
            sequence &+= UInt16(Self.batch)
            if round >= 0 { times.packets += Int64(Self.batch) }
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ room: Int, from first: UInt16) {
        for number in 0..<Self.batch {
            let packet = UnsafeMutableRawBufferPointer(rebasing: buffer[number * room..<(number + 1) * room])
            packet[0] = 0x80
            packet[1] = 0
            let sequence = first &+ UInt16(number)
            packet.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
            packet.storeBytes(of: (UInt32(sequence) &* 160).bigEndian, toByteOffset: 4, as: UInt32.self)
            packet.storeBytes(of: UInt32(0x0102_0304).bigEndian, toByteOffset: 8, as: UInt32.self)
            for place in 12..<12 + Self.payload { packet[place] = UInt8(truncatingIfNeeded: place &* 31) }
        }
    }

    private func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Our sender and receiver of one key.
private final class Ours {
    private var sender: SRTPSender
    private var receiver: SRTPReceiver
    private let length: Int

    init(_ suite: CryptoSuite, _ octets: [UInt8]) throws {
        let key = try SDESKey(
            suite: suite, masterKey: Array(octets.prefix(suite.keyLength)),
            masterSalt: Array(octets.dropFirst(suite.keyLength)))
        sender = try SRTPSender(key)
        receiver = try SRTPReceiver(key)
        length = 12 + SRTPBench.payload + suite.tagLength
    }

    func protect(_ buffer: UnsafeMutableRawBufferPointer, _ room: Int) throws {
        for number in 0..<SRTPBench.batch {
            let packet = UnsafeMutableRawBufferPointer(rebasing: buffer[number * room..<(number + 1) * room])
            _ = try sender.protect(packet, count: 12 + SRTPBench.payload)
        }
    }

    func unprotect(_ buffer: UnsafeMutableRawBufferPointer, _ room: Int) throws {
        for number in 0..<SRTPBench.batch {
            let packet = UnsafeMutableRawBufferPointer(rebasing: buffer[number * room..<number * room + length])
            _ = try receiver.unprotect(packet)
        }
    }
}

/// libsrtp2's two sessions of the same suite.
private final class Theirs {
    private let outbound: srtp_t
    private let inbound: srtp_t
    private let length: Int32

    init(_ suite: CryptoSuite, _ octets: [UInt8]) throws {
        outbound = try Self.session(suite, octets, isInbound: false)
        inbound = try Self.session(suite, octets, isInbound: true)
        length = Int32(12 + SRTPBench.payload + suite.tagLength)
    }

    deinit {
        srtp_dealloc(outbound)
        srtp_dealloc(inbound)
    }

    private static func session(_ suite: CryptoSuite, _ octets: [UInt8], isInbound: Bool) throws -> srtp_t {
        var policy = srtp_policy_t()
        guard srtp_policy_of_suite(&policy, Int32(suite.keyLength * 8), Int32(suite.tagLength), isInbound ? 1 : 0) != 0
        else { throw BenchFailure(description: "libsrtp2 has no \(suite.rawValue)") }
        var key = octets + [UInt8](repeating: 0, count: 64)
        var made: srtp_t?
        let status = key.withUnsafeMutableBufferPointer { place in
            policy.key = place.baseAddress
            return srtp_create(&made, &policy)
        }
        guard status == srtp_err_status_ok, let made else {
            throw BenchFailure(description: "libsrtp2 has no \(suite.rawValue): \(status.rawValue)")
        }
        return made
    }

    func protect(_ buffer: UnsafeMutableRawBufferPointer, _ room: Int) throws {
        for number in 0..<SRTPBench.batch {
            var count = Int32(12 + SRTPBench.payload)
            let status = srtp_protect(outbound, buffer.baseAddress?.advanced(by: number * room), &count)
            guard status == srtp_err_status_ok else {
                throw BenchFailure(description: "libsrtp2 does not protect: \(status.rawValue)")
            }
        }
    }

    func unprotect(_ buffer: UnsafeMutableRawBufferPointer, _ room: Int) throws {
        for number in 0..<SRTPBench.batch {
            var count = length
            let status = srtp_unprotect(inbound, buffer.baseAddress?.advanced(by: number * room), &count)
            guard status == srtp_err_status_ok else {
                throw BenchFailure(description: "libsrtp2 does not unprotect: \(status.rawValue)")
            }
        }
    }
}
