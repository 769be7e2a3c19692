import MediaCore

/// The Opus decoder on anything. Properties: it writes as many samples as the packet says or none, never more than there
/// is room for, and touches nothing behind them; concealment is whole steps of what was asked for.
enum OpusTarget: FuzzTarget {
    static var seeds: [[UInt8]] {
        var seeds: [[UInt8]] = []
        for rate in [8_000, 16_000] {
            guard var encoder = OpusEncoder(sampleRate: rate, bitrate: 24_000, expectedLoss: 20) else { continue }
            var seed: [UInt8] = [UInt8(rate / 8_000)]
            for number in 0..<6 {
                let frame = (0..<rate / 50).map { Int16(truncatingIfNeeded: ($0 * 37 * (number + 1)) % 9_000 - 4_500) }
                var packet: [UInt8] = []
                _ = encoder.encode(frame.span, into: &packet)
                seed += [UInt8(number % 3), UInt8(packet.count >> 8), UInt8(packet.count & 0xFF)] + packet
            }
            seeds.append(seed)
        }
        return seeds
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let rate = [48_000, 8_000, 16_000][Int(reader.octet()) % 3]
        guard var decoder = OpusDecoder(sampleRate: rate) else { finding("no decoder at \(rate) Hz") }
        let guardian: Int16 = 0x5A5A
        let room = OpusDecoder.longestPacket(at: rate)
        var output = [Int16](repeating: guardian, count: room + 16)
        var steps = 0
        while !reader.isAtEnd, steps < 40 {
            steps += 1
            let choice = reader.octet()
            let packet = reader.take(Int(reader.word16() & 0x7FF))
            let says = OpusDecoder.samples(in: packet.span.bytes, at: rate)
            require(says.map { (1...room).contains($0) } ?? true, "a packet says that it has \(says ?? 0) samples")
            for place in room..<room + 16 { output[place] = guardian }
            output.withUnsafeMutableBufferPointer { all in
                var place = UnsafeMutableBufferPointer(rebasing: all[..<room]).mutableSpan
                step(choice, packet, says, room, &decoder, &place)
            }
            for place in room..<room + 16 { require(output[place] == guardian, "wrote behind the end") }
        }
    }

    private static func step(
        _ choice: UInt8, _ packet: [UInt8], _ says: Int?, _ room: Int, _ decoder: inout OpusDecoder,
        _ place: inout MutableSpan<Int16>
    ) {
        let rate = decoder.sampleRate
        switch choice % 3 {
        case 0:
            var written = decoder.decode(packet.span.bytes, into: &place)
            if isPlanted, packet.count == 3, written > 0 { written += 1 }
            require(written == 0 || written == says, "\(written) samples of a packet of \(says ?? 0)")
        case 1:
            let lost = Int(choice) * rate / 1_000
            let written = decoder.decodeForwardErrorCorrection(packet.span.bytes, lost: lost, into: &place)
            require(written <= lost && written <= room, "\(written) samples for \(lost) lost")
        default:
            let wanted = Int(choice) * rate / 2_000
            let written = decoder.conceal(wanted, into: &place)
            require(written <= wanted && written % (rate / 400) == 0, "\(written) samples for \(wanted)")
        }
    }
}
