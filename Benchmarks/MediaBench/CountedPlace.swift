import CAllocationCounter

/// One place in the code and how often it did something while counting was on.
struct CountedPlace {
    /// What its cost belongs to.
    enum Share: String, CaseIterable {
        /// Nothing but a packet can have caused it.
        case packet
        /// A leg's turn, every 230 ms: its audio is handed out.
        case handIn
        /// A report of RTCP, sent or received, every few seconds a leg.
        case report
        /// Something that is told besides the audio: a digit.
        case event
        /// The control plane asked for something.
        case command
        /// The C library's own, around system calls that a thread can be cancelled in: locks memory, but is no lock.
        case system
        /// A leg's memory for packets that wait, or for samples, became larger than it ever was: at most once a leg.
        case growth
    }

    let kind: CountedKind
    let times: Int
    /// Names of functions, innermost first.
    let frames: [String]

    /// Of the innermost function that tells. Where the optimiser has taken one into another its name is lost: what
    /// cannot be told from a packet's cost counts as that.
    var share: Share {
        // What of it locks is counted where it is called.
        if kind == .atomics, let first = frames.first, first.contains("/libc.so") || first.contains("_asynccancel") {
            return .system
        }
        for frame in frames {
            for (name, share) in Self.owners where frame.contains(name) { return share }
        }
        return .packet
    }

    private static let owners: [(String, Share)] = [
        ("HeldPackets.insert(", .growth), ("PCMOutput.(grow in", .growth),
        (".carryOut(", .command),
        (".sendReport(", .report), (".align(", .report), (".receiveRTCP(", .report), (".recordControl(", .report),
        ("LegControl.receive(", .report),
        ("MediaLeg.observe(", .event), ("MediaLeg.(observe in", .event),
        ("MediaLeg.drain(", .handIn), (".visit(", .handIn),
    ]

    /// The places of a thread.
    static func all(of thread: Int32) -> [CountedPlace] {
        var places: [CountedPlace] = []
        var place = counted_place()
        while counted_place(thread, Int32(places.count), &place) != 0 {
            guard let kind = CountedKind(rawValue: UInt32(place.kind)) else { break }
            let addresses = withUnsafeBytes(of: place.frames) { Array($0.bindMemory(to: UInt.self)) }
            places.append(
                CountedPlace(
                    kind: kind, times: Int(place.times), frames: addresses.prefix { $0 != 0 }.map(name)))
        }
        return places.sorted { $0.times > $1.times }
    }

    private static func name(_ address: UInt) -> String {
        var text = [CChar](repeating: 0, count: 1_024)
        counted_name(address, &text, Int32(text.count))
        let octets = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        guard !octets.isEmpty else { return "0x" + String(address, radix: 16) }
        return shortened(String(decoding: octets, as: UTF8.self))
    }

    /// Without what is the same everywhere: how it was specialised, where it was extended, what it returns.
    private static func shortened(_ name: String) -> String {
        var text = name[...]
        if text.hasPrefix("generic specialization"), let place = text.firstRange(of: "> of ") {
            text = text[place.upperBound...]
        }
        if text.hasPrefix("(extension in "), let place = text.firstIndex(of: ":") {
            text = text[text.index(after: place)...]
        }
        return String(text).replacing("< where A: ~Swift.Copyable>", with: "").replacing(" -> ()", with: "")
            .replacing("MediaEngine.", with: "").replacing("MediaCore.", with: "").replacing("Swift.", with: "")
    }
}
