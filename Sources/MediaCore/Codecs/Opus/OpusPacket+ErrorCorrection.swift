extension OpusPacket {
    /// True where `packet`, the octets this was parsed from, repeats the frame before its first one at a lower rate
    /// (in-band forward error correction, RFC 6716 §2.1.7).
    ///
    /// Read from the head of the first SILK frame: for each channel one flag of voice activity for each 20 ms, then
    /// the flag that says whether the repeat is there (§4.2.3, §4.2.4). These are the first symbols of the range
    /// coder, each of probability 1/2, so that they lie in the top bits of the first octet as they are.
    public func hasForwardErrorCorrection(in packet: RawSpan) -> Bool {
        // CELT has no such flag; a frame of one octet has no room for a repeat.
        guard mode != .celt, firstFrame.count > 1, firstFrame.upperBound <= packet.byteCount else { return false }
        let activityFlags = max(1, frameDuration / 960)
        let flags = packet.octet(at: firstFrame.lowerBound)
        for channel in 1...channels where flags & (0x80 >> UInt8(channel * (activityFlags + 1) - 1)) != 0 {
            return true
        }
        return false
    }
}
