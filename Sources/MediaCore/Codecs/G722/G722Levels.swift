/// The quantisers' tables of ITU-T G.722 (tables 6 to 14), made anew for each coder, so that decoding touches nothing
/// shared. Output levels are signed and eight times those of the Recommendation, as its arithmetic wants them.
enum G722Levels {
    /// Lower band, by the first four of six bits: what the adaptation uses in all modes.
    static var four: InlineArray<16, Int16> {
        signed([0, 2557, 1612, 1121, 786, 530, 323, 150])
    }

    /// Upper band, by its two bits.
    static var two: InlineArray<4, Int16> { [-7408, -1616, 7408, 1616] }

    /// Lower band, by all six bits, whatever the mode uses of them.
    static func lower(_ mode: G722Mode) -> InlineArray<64, Int16> {
        switch mode {
        case .kilobits64: six
        case .kilobits56: InlineArray { five[$0 >> 1] }
        case .kilobits48: InlineArray { four[$0 >> 2] }
        }
    }

    /// Where the encoder's magnitudes part. Entry 0 is never reached.
    static var thresholds: InlineArray<32, Int16> {
        [
            0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
            1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 3200, 3200,
        ]
    }

    private static var fiveMagnitudes: InlineArray<16, Int16> {
        [0, 35, 110, 190, 276, 370, 473, 587, 714, 858, 1023, 1219, 1458, 1765, 2195, 2919]
    }

    private static var sixMagnitudes: InlineArray<32, Int16> {
        [
            0, 17, 54, 91, 130, 170, 211, 254, 300, 347, 396, 447, 501, 558, 618, 682, 750, 822, 899, 982, 1072, 1170,
            1279, 1399, 1535, 1689, 1873, 2088, 2376, 2738, 3101, 0,
        ]
    }

    /// Negative from 1 on, positive from 8 on, large ones first; 0 and 15 are nothing.
    private static func signed(_ magnitudes: InlineArray<8, Int16>) -> InlineArray<16, Int16> {
        InlineArray { code in
            code < 8 ? -magnitudes[code] * 8 : code == 15 ? 0 : magnitudes[code - 7] * 8
        }
    }

    /// Negative from 2 on, large ones first; positive from 16 on; the last and the two first are the smallest negative.
    private static var five: InlineArray<32, Int16> {
        InlineArray { code in
            switch code {
            case 0, 1, 31: -fiveMagnitudes[1] * 8
            case 2..<16: -fiveMagnitudes[17 - code] * 8
            default: fiveMagnitudes[31 - code] * 8
            }
        }
    }

    /// As above; the four first codes are not sent by an encoder, and the two last are the smallest negative ones.
    private static var six: InlineArray<64, Int16> {
        InlineArray { code in
            switch code {
            case 0..<4, 63: -sixMagnitudes[1] * 8
            case 62: -sixMagnitudes[2] * 8
            case 4..<32: -sixMagnitudes[34 - code] * 8
            default: sixMagnitudes[62 - code] * 8
            }
        }
    }
}
