import SecureMedia

/// Octets from hexadecimal digits; blanks and line ends are skipped.
func octets(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// An RTP packet whose payload follows from its number.
func rtpPacket(_ sequence: UInt16, ssrc: UInt32 = 0xCAFE_BABE, payload: Int = 160) -> [UInt8] {
    let time = UInt32(sequence) &* 160
    var packet: [UInt8] = [0x80, 0, UInt8(sequence >> 8), UInt8(sequence & 255)]
    for shift in [24, 16, 8, 0] { packet.append(UInt8(truncatingIfNeeded: time >> UInt32(shift))) }
    for shift in [24, 16, 8, 0] { packet.append(UInt8(truncatingIfNeeded: ssrc >> UInt32(shift))) }
    packet += (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(sequence)) }
    return packet
}

/// A receiver report of some length, divisible by four.
func rtcpPacket(ssrc: UInt32 = 0xCAFE_BABE, words: Int = 7) -> [UInt8] {
    var packet: [UInt8] = [0x81, 201, UInt8(words >> 8), UInt8(words & 255)]
    for shift in [24, 16, 8, 0] { packet.append(UInt8(truncatingIfNeeded: ssrc >> UInt32(shift))) }
    packet += (0..<(words - 1) * 4).map { UInt8(truncatingIfNeeded: $0 &* 17) }
    return packet
}

/// Key material that differs from suite to suite and with `salt`.
func material(_ suite: CryptoSuite, _ variant: UInt8 = 0) -> (key: [UInt8], salt: [UInt8]) {
    let all = (0..<suite.keyLength + suite.saltLength).map { UInt8(truncatingIfNeeded: $0 &* 7) &+ variant &* 13 &+ 1 }
    return (Array(all[..<suite.keyLength]), Array(all[suite.keyLength...]))
}

func sdesKey(_ suite: CryptoSuite, _ variant: UInt8 = 0, mki: [UInt8] = []) throws -> SDESKey {
    let material = material(suite, variant)
    return try SDESKey(
        suite: suite, masterKey: material.key, masterSalt: material.salt, mki: MasterKeyIdentifier(mki))
}

/// What became of a packet: its octets, or why it was refused with the octets as they were left.
enum Outcome: Equatable {
    case passed([UInt8])
    case refused(SRTPError, [UInt8])

    var error: SRTPError? {
        guard case .refused(let error, _) = self else { return nil }
        return error
    }

    var packet: [UInt8]? {
        guard case .passed(let packet) = self else { return nil }
        return packet
    }
}

private func outcome(_ packet: inout [UInt8], _ work: (UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int)
    -> Outcome
{
    var refusal: SRTPError?
    var length = 0
    packet.withUnsafeMutableBytes { octets in
        do throws(SRTPError) { length = try work(octets) } catch { refusal = error }
    }
    if let refusal { return .refused(refusal, packet) }
    return .passed(Array(packet[..<length]))
}

extension SRTPReceiver {
    mutating func receive(
        _ packet: [UInt8], mayRestart: Bool = true, mayBeginElsewhere: Bool = false
    ) -> Outcome {
        var packet = packet
        return outcome(&packet) { octets throws(SRTPError) in
            try unprotect(octets, mayRestart: mayRestart, mayBeginElsewhere: mayBeginElsewhere)
        }
    }

    mutating func receiveControl(_ packet: [UInt8]) -> Outcome {
        var packet = packet
        return outcome(&packet) { octets throws(SRTPError) in try unprotectControl(octets) }
    }
}

extension SRTPSender {
    mutating func send(_ packet: [UInt8]) -> Outcome {
        var buffer = packet + [UInt8](repeating: 0, count: overhead)
        return outcome(&buffer) { octets throws(SRTPError) in try protect(octets, count: packet.count) }
    }

    mutating func sendControl(_ packet: [UInt8]) -> Outcome {
        var buffer = packet + [UInt8](repeating: 0, count: controlOverhead)
        return outcome(&buffer) { octets throws(SRTPError) in try protectControl(octets, count: packet.count) }
    }

    /// The protected packet; nothing where it was refused.
    mutating func wire(_ packet: [UInt8]) -> [UInt8] { send(packet).packet ?? [] }
}
