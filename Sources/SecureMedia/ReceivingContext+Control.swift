extension ReceivingContext {
    /// Verifies and decrypts one SRTCP compound in place, RFC 3711 §3.4; its length without what SRTCP appended.
    ///
    /// As with SRTP, nothing is written before the tag has been verified. The packet carries its whole number, which
    /// the tag covers.
    mutating func openControl(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: ControlHeader
    ) throws(SRTPError) -> Int {
        let identifierLength = identifier?.octets.count ?? 0
        let tagLength = suite.controlTagLength
        let needed = ControlHeader.length + 4 + tagLength + identifierLength
        guard count >= needed else { throw .truncated(needed: needed, got: count) }
        let end = count - 4 - tagLength - identifierLength
        // Counter mode: text, E and index, MKI, tag. AEAD (RFC 7714 §9.2): text, tag, E and index, MKI.
        let wordOffset = suite.isGalois ? end + tagLength : end
        try checkIdentifier(packet, at: wordOffset + 4)
        let word = UnsafeRawPointer(packet).bigEndian32(at: wordOffset)
        // Leaving out the encryption of RTCP is a session parameter (UNENCRYPTED_SRTCP), which is never agreed to.
        guard word & 0x8000_0000 != 0 else { throw .unencryptedControl }
        let index = UInt64(word & 0x7FFF_FFFF)
        let tag = packet + (suite.isGalois ? end : count - tagLength)
        let mark = UnsafeRawPointer(tag).bigEndian32(at: 0)
        let position = controlSources.firstIndex { $0.ssrc == header.ssrc }
        var isRestart = false
        if let position {
            do throws(SRTPError) {
                try controlSources[position].window.check(index)
            } catch {
                // Attack: whoever recorded the call's first reports sends them after a re-INVITE. They are authentic,
                // and their numbers are those with which a peer begins anew; but they were received before.
                guard controlSources[position].restartAllowance > 0, !reports.isFull, !reports.contains(mark) else {
                    throw error
                }
                isRestart = true
            }
        } else {
            try checkNewControl(header.ssrc, index)
        }
        // Above the number that a restart began with are those that were used before it.
        if reports.hasRestarted, reports.contains(mark) { throw .replayed }
        try authenticateControl(packet, end: end, header, word: word, tag: tag)
        reports.insert(mark)
        guard let position else {
            if let former = retiredControl.position(of: header.ssrc) { retiredControl.remove(at: former) }
            admitControl(header.ssrc, index)
            return end
        }
        authenticatedControl &+= 1
        controlSources[position].heard = authenticatedControl
        if isRestart {
            controlSources[position].window = ReplayWindow(first: index)
            controlSources[position].restartAllowance = 0
            reports.noteRestart()
        } else {
            controlSources[position].window.insert(index)
            if controlSources[position].restartAllowance > 0 { controlSources[position].restartAllowance -= 1 }
        }
        return end
    }

    private func authenticateControl(
        _ packet: UnsafeMutableRawPointer, end: Int, _ header: ControlHeader, word: UInt32, tag: UnsafeRawPointer
    ) throws(SRTPError) {
        let text = packet + ControlHeader.length
        let count = end - ControlHeader.length
        let index = UInt64(word & 0x7FFF_FFFF)
        if suite.isGalois {
            guard
                control.open(
                    ssrc: header.ssrc, index: index, header: packet, headerLength: ControlHeader.length, tail: word,
                    text: text, count: count, tag: tag)
            else { throw .authenticationFailed }
            return
        }
        guard control.verify(packet, count: end + 4, rollOver: nil, tag: tag, length: suite.controlTagLength) else {
            throw .authenticationFailed
        }
        let body = UnsafeMutableRawBufferPointer(start: text, count: count)
        guard control.applyKeystream(ssrc: header.ssrc, index: index, body) else { throw .cipherUnavailable }
    }
}
