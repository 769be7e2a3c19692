extension PayloadFormat {
    /// The format that a number means without `a=rtpmap`, RFC 3551 §6 tables 4 and 5; nil for a dynamic or free number.
    ///
    /// G.722 is written with a clock of 8000 although it samples at 16 kHz (RFC 3551 §4.5.2).
    public static func assigned(_ payloadType: UInt8) -> PayloadFormat? {
        guard let (name, clockRate, channels) = assignedName(payloadType) else { return nil }
        return PayloadFormat(payloadType: payloadType, encodingName: name, clockRate: clockRate, channels: channels)
    }

    /// G.711 µ-law, number 0.
    public static let pcmu = PayloadFormat(payloadType: 0, encodingName: "PCMU")
    /// G.711 A-law, number 8.
    public static let pcma = PayloadFormat(payloadType: 8, encodingName: "PCMA")
    /// RFC 4733 events 0–15 on the number most sources use.
    public static let telephoneEvent = PayloadFormat(
        payloadType: 101, encodingName: "telephone-event", formatParameters: "0-15")

    private static func assignedName(_ payloadType: UInt8) -> (String, Int, Int)? {
        switch payloadType {
        case 0: ("PCMU", 8000, 1)
        case 3: ("GSM", 8000, 1)
        case 4: ("G723", 8000, 1)
        case 5: ("DVI4", 8000, 1)
        case 6: ("DVI4", 16000, 1)
        case 7: ("LPC", 8000, 1)
        case 8: ("PCMA", 8000, 1)
        case 9: ("G722", 8000, 1)
        case 10: ("L16", 44100, 2)
        case 11: ("L16", 44100, 1)
        case 12: ("QCELP", 8000, 1)
        case 13: ("CN", 8000, 1)
        case 14: ("MPA", 90000, 1)
        case 15: ("G728", 8000, 1)
        case 16: ("DVI4", 11025, 1)
        case 17: ("DVI4", 22050, 1)
        case 18: ("G729", 8000, 1)
        case 25: ("CelB", 90000, 1)
        case 26: ("JPEG", 90000, 1)
        case 28: ("nv", 90000, 1)
        case 31: ("H261", 90000, 1)
        case 32: ("MPV", 90000, 1)
        case 33: ("MP2T", 90000, 1)
        case 34: ("H263", 90000, 1)
        default: nil
        }
    }
}
