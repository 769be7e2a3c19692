import SecureMedia

/// SRTP and SRTCP (RFC 3711). Two receivers hear the same sender; one of them is sent rubbish besides. Properties: what
/// was protected is unprotected to the same octets; rubbish is refused with its octets as they were; and after any
/// rubbish both receivers give the same answers to everything, so it has changed nothing.
enum SRTPTarget: FuzzTarget {
    static var seeds: [[UInt8]] {
        CryptoSuite.allCases.indices.map { suite in
            var seed: [UInt8] = [UInt8(suite)]
            for number in UInt8(0)..<6 {
                seed += [0, 1, 20, number, 9]  // a packet, heard by both
                seed += [1, number, 3, 0x40, 5]  // the same packet, damaged
                seed += [2, 24, 0x80, 0, 0, number] + [UInt8](repeating: number, count: 20)  // rubbish
                seed += [3, 12, number]  // a report
                seed += [4, number]  // a report, damaged
            }
            return seed + [5, 1, 0, 1, 20, 9, 9, 6, 30] + Array("inline:AAAA|2^20|1:4".utf8)
        }
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let suite = CryptoSuite.allCases[Int(reader.octet()) % CryptoSuite.allCases.count]
        do {
            var conversation = try Conversation(suite)
            var steps = 0
            while !reader.isAtEnd, steps < 200 {
                conversation.step(&reader)
                steps += 1
            }
        } catch {
            finding("no contexts for \(suite.rawValue): \(error)")
        }
    }
}

private struct Conversation: ~Copyable {
    let suite: CryptoSuite
    var key: SDESKey
    var sender: SRTPSender
    var disturbed: SRTPReceiver
    var quiet: SRTPReceiver
    var sequence: UInt16 = 65_500
    var sent: [[UInt8]] = []
    var sentControl: [[UInt8]] = []
    var generator: SeededGenerator

    init(_ suite: CryptoSuite) throws(SRTPError) {
        var generator = SeededGenerator(state: 1)
        let key = SDESKey.generate(suite: suite, using: &generator)
        let sender = try SRTPSender(key)
        let disturbed = try SRTPReceiver(key)
        let quiet = try SRTPReceiver(key)
        self.suite = suite
        self.key = key
        self.sender = sender
        self.disturbed = disturbed
        self.quiet = quiet
        self.generator = generator
    }

    mutating func step(_ reader: inout InputReader) {
        switch reader.octet() % 7 {
        case 0: packet(&reader)
        case 1: damaged(&reader)
        case 2: disturb(reader.take(Int(reader.octet())), control: false)
        case 3: report(&reader)
        case 4: damagedReport(&reader)
        case 5: rekey(reader.octet())
        default: line(reader.take(Int(reader.octet())))
        }
    }

    private mutating func packet(_ reader: inout InputReader) {
        // Mostly the next number; now and then a jump, backwards too.
        sequence &+= UInt16(truncatingIfNeeded: Int(Int8(bitPattern: reader.octet())))
        var plain: [UInt8] = [0x80, 0]
        plain.append16(sequence)
        plain.append32(UInt32(sequence) &* 160)
        plain.append32(0x1000 + UInt32(reader.octet() & 1))
        plain += reader.take(Int(reader.octet()))
        var buffer = plain + [UInt8](repeating: 0, count: sender.overhead)
        let before = buffer
        guard let length = try? buffer.withUnsafeMutableBytes({ try sender.protect($0, count: plain.count) }) else {
            require(buffer == before, "a packet that the sender refused is not as it was")
            return
        }
        require(length == plain.count + suite.tagLength, "\(plain.count) octets became \(length)")
        sent.append(buffer)
        guard let got = hear(buffer, control: false) else { finding("\(suite.rawValue): a true packet is refused") }
        require(got == plain, "\(suite.rawValue): unprotected, a packet of \(plain.count) octets is another one")
    }

    private mutating func damaged(_ reader: inout InputReader) {
        guard !sent.isEmpty else { return }
        var packet = sent[Int(reader.octet()) % sent.count]
        damage(&packet, &reader)
        guard !sent.contains(packet) else { return }
        disturb(packet, control: false)
    }

    private func damage(_ packet: inout [UInt8], _ reader: inout InputReader) {
        for _ in 0...reader.octet() % 4 where !packet.isEmpty {
            let place = Int(reader.octet()) % packet.count
            switch reader.octet() % 3 {
            case 0: packet[place] ^= reader.octet()
            case 1: packet.removeLast(min(packet.count, Int(reader.octet() % 8)))
            default: packet.insert(reader.octet(), at: place)
            }
        }
    }

    private mutating func report(_ reader: inout InputReader) {
        var plain: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0x10, 0]
        plain += reader.take(Int(reader.octet() & 0x7C))
        var buffer = plain + [UInt8](repeating: 0, count: sender.controlOverhead)
        guard (try? buffer.withUnsafeMutableBytes({ try sender.protectControl($0, count: plain.count) })) != nil else {
            return
        }
        sentControl.append(buffer)
        guard let got = hear(buffer, control: true) else { finding("\(suite.rawValue): a true report is refused") }
        require(got == plain, "\(suite.rawValue): unprotected, a report of \(plain.count) octets is another one")
    }

    private mutating func damagedReport(_ reader: inout InputReader) {
        guard !sentControl.isEmpty else { return }
        var packet = sentControl[Int(reader.octet()) % sentControl.count]
        damage(&packet, &reader)
        guard !sentControl.contains(packet) else { return }
        disturb(packet, control: true)
    }

    private mutating func rekey(_ choice: UInt8) {
        // An odd number: the peer has offered the same key again, and goes on.
        if choice & 1 == 0 { key = SDESKey.generate(suite: suite, using: &generator) }
        do throws(SRTPError) {
            if choice & 1 == 0 { try sender.rekey(key) }
            try disturbed.rekey(key)
            try quiet.rekey(key)
        } catch {
            finding("no new key: \(error)")
        }
    }

    /// Both receivers hear it and say the same; nil where both refuse.
    private mutating func hear(_ packet: [UInt8], control: Bool) -> [UInt8]? {
        let a = Self.open(packet, with: &disturbed, control: control)
        let b = Self.open(packet, with: &quiet, control: control)
        require(
            a == b,
            "\(suite.rawValue): after rubbish a receiver says \(a?.count ?? -1) where the other says \(b?.count ?? -1)")
        require(
            disturbed.authenticatedPackets == quiet.authenticatedPackets, "rubbish has been counted as authentic")
        return a
    }

    private mutating func disturb(_ packet: [UInt8], control: Bool) {
        let before = disturbed.authenticatedPackets
        let got = Self.open(packet, with: &disturbed, control: control)
        require(got == nil, "\(suite.rawValue): rubbish of \(packet.count) octets is authentic")
        require(disturbed.authenticatedPackets == before, "rubbish has been counted as authentic")
        if isPlanted, packet.count == 33, packet.first == 0x81 {
            // The planted defect: this rubbish moves the state of the receiver that heard it.
            try? disturbed.rekey(SDESKey.generate(suite: suite, using: &generator))
        }
    }

    private static func open(_ packet: [UInt8], with receiver: inout SRTPReceiver, control: Bool) -> [UInt8]? {
        var buffer = packet
        do {
            let length = try buffer.withUnsafeMutableBytes {
                try control ? receiver.unprotectControl($0) : receiver.unprotect($0)
            }
            require(length <= packet.count, "\(packet.count) octets became \(length)")
            return Array(buffer[..<length])
        } catch {
            require(buffer == packet, "a refused packet is not as it was")
            return nil
        }
    }

    /// A key parameter of an `a=crypto` line: what is read is written and read again as the same key.
    private func line(_ octets: [UInt8]) {
        let text = String(decoding: octets, as: UTF8.self)
        guard
            let key = try? SDESKey(tag: 1, suite: suite.rawValue, keyParameters: [text], sessionParameters: [])
        else { return }
        let again = try? SDESKey(
            tag: 1, suite: suite.rawValue, keyParameters: [key.keyParameter], sessionParameters: [])
        require(again == key, "written again, a key parameter is another key")
        require(!"\(key)".contains(key.keyParameter.dropFirst(7).prefix(20)), "a description shows the key")
    }
}

/// The same numbers in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
