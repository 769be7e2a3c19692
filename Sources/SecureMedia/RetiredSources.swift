/// Sources that had to make room for others under one key: of each only how far it had come.
///
/// RFC 3711 §3.2.1 has a roll-over counter and a replay list for each SSRC, and sets no bound to SSRCs; a table needs
/// one. Attack: whoever recorded packets of a source that is forgotten altogether can send them again, and they are
/// authentic and look like a new source. So forgetting has two steps:
/// - Whoever leaves the table of sources leaves its highest number here. It comes back with a higher one only, with its
///   roll-over counter: nothing of it is ever heard twice. What that costs is packets that were late by then.
/// - Beyond ``capacity`` the one that retired first is forgotten, and ``hasForgotten`` says so for as long as the key
///   lasts. A receiver then takes a source that it does not know from nowhere but the address that the peer's media
///   comes from. Who can only send gains nothing; who forges that address as well can have a forgotten source heard
///   once more, packet by packet, while it has an entry or stands here. Only the peer itself can bring that about, by
///   several hundred sources under one key, and a new key ends it.
///
/// A sender never forgets (see ``SRTPSender``). 24 octets each, held once there is one.
struct RetiredSources {
    struct Source {
        let ssrc: UInt32
        /// Reached under the key before: nothing that was sent is authentic under this one, so any number will do.
        var isCarried = false
        let highest: UInt64
        /// Packets that were authentic, for the day that it comes back.
        var received: UInt32 = 0
    }

    /// Sources kept.
    static let capacity = 256

    private var sources: [Source] = []
    /// A source has left without a trace.
    private(set) var hasForgotten = false

    /// Nothing has to be forgotten for one more: those of former keys do not count.
    var hasRoom: Bool { sources.count < Self.capacity || sources.contains(where: \.isCarried) }

    /// The one that retired first comes first.
    var all: [Source] { sources }

    func position(of ssrc: UInt32) -> Int? {
        for position in sources.indices where sources[position].ssrc == ssrc { return position }
        return nil
    }

    subscript(position: Int) -> Source { sources[position] }

    /// The source is in use again.
    mutating func remove(at position: Int) { sources.remove(at: position) }

    /// Forgets the one that retired first where there is no room.
    mutating func add(_ source: Source) {
        if sources.isEmpty { sources.reserveCapacity(Self.capacity) }
        if sources.count >= Self.capacity {
            if let carried = sources.firstIndex(where: \.isCarried) {
                sources.remove(at: carried)
            } else {
                sources.removeFirst()
                hasForgotten = true
            }
        }
        sources.append(source)
    }

    /// Takes in what another stream under the same key knows, but for sources that are in use.
    mutating func merge(_ other: RetiredSources, besides inUse: Set<UInt32>) {
        sources.removeAll { inUse.contains($0.ssrc) }
        for source in other.sources where !inUse.contains(source.ssrc) {
            if let position = position(of: source.ssrc) {
                guard source.highest > sources[position].highest else { continue }
                sources.remove(at: position)
            }
            add(source)
        }
        hasForgotten = hasForgotten || other.hasForgotten
    }

    /// Under a key that was used before: their numbers count again.
    func returned() -> RetiredSources {
        var next = self
        next.sources = sources.map { Source(ssrc: $0.ssrc, highest: $0.highest, received: $0.received) }
        return next
    }

    /// As the next key begins with them. What was forgotten does not matter to it.
    func carried() -> RetiredSources {
        var next = RetiredSources()
        next.sources = sources.map {
            Source(ssrc: $0.ssrc, isCarried: true, highest: $0.highest, received: $0.received)
        }
        return next
    }
}
