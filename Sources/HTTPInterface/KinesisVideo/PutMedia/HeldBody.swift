import RequestSigning
import Synchronization

/// A producer's body whose hash is signed: kept until it has come whole, and handed out only when it is the one.
///
/// A hash is known at the end of what it is of. Fragments that were readable, or acknowledged, before that could turn out
/// to be nobody's; so nothing of such a body reaches the stream before. Whoever signs a hash has the whole body already,
/// as a rule a file; live producers sign their header alone, or chunk by chunk.
struct HeldBody {
    private let claim: PayloadHash
    private let limit: Int
    private let room: HeldBytes.Room
    private var hash = BodyHash()
    private var bytes: [UInt8] = []

    init(claim: PayloadHash, limit: Int, room: HeldBytes.Room) {
        self.claim = claim
        self.limit = limit
        self.room = room
    }

    /// Takes the next piece.
    mutating func append(_ piece: [UInt8]) throws(ServiceError) {
        guard !piece.isEmpty else { return }
        // Nothing that comes can make this the body that was signed.
        guard claim != .empty else { throw Self.mismatch }
        guard piece.count <= limit - bytes.count else { throw Self.tooLarge(limit) }
        guard room.take(piece.count) else {
            throw .connectionLimit("Too many bodies with a signed hash are under way. Ask again later.")
        }
        hash.update(piece)
        // Copied: a piece of a few bytes may hold a whole read buffer.
        bytes += piece
    }

    /// The body, which has ended.
    func whole() throws(ServiceError) -> [UInt8] {
        guard hash.matches(claim) else { throw Self.mismatch }
        return bytes
    }

    private static let mismatch: ServiceError = {
        let error = SignatureError.bodyMismatch
        return ServiceError(status: error.status, type: error.code(), message: error.message)
    }()

    static func tooLarge(_ limit: Int) -> ServiceError {
        ServiceError(
            status: 413, type: "RequestEntityTooLargeException",
            message: "A body whose hash is signed may have at most \(limit) bytes, since it is held back until it is "
                + "whole. Sign it as UNSIGNED-PAYLOAD, or in chunks (STREAMING-AWS4-HMAC-SHA256-PAYLOAD).")
    }
}

/// Room for the bodies that are held back, all together. Thread-safe.
final class HeldBytes: Sendable {
    /// One body's part; given back when it is released.
    final class Room: Sendable {
        private let all: HeldBytes
        private let taken = Mutex(0)

        fileprivate init(_ all: HeldBytes) { self.all = all }

        deinit { all.giveBack(taken.withLock { $0 }) }

        /// Takes so many bytes more, if there are.
        func take(_ count: Int) -> Bool {
            guard all.take(count) else { return false }
            taken.withLock { $0 += count }
            return true
        }
    }

    private let limit: Int
    private let held = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// Room of no bytes yet.
    func room() -> Room { Room(self) }

    /// Bytes that are held now.
    var count: Int { held.withLock { $0 } }

    private func take(_ count: Int) -> Bool {
        held.withLock { held in
            guard count <= limit - held else { return false }
            held += count
            return true
        }
    }

    private func giveBack(_ count: Int) { held.withLock { $0 -= count } }
}
