/// The three bit rates of a G.722 decoder, ITU-T G.722 §1.1. RTP always carries mode 1 (RFC 3551 §4.5.2).
public enum G722Mode: UInt8, Sendable, CaseIterable {
    /// Mode 1, 64 kbit/s: all six bits of the lower band are audio.
    case kilobits64 = 1
    /// Mode 2, 56 kbit/s: the lowest bit is auxiliary data, and is ignored.
    case kilobits56
    /// Mode 3, 48 kbit/s: the two lowest bits are auxiliary data, and are ignored.
    case kilobits48
}
