/// The quantiser's step size of one band, which follows the signal in the log domain (ITU-T G.722 §3.5).
struct G722Scale {
    /// Step size, linear.
    private(set) var step: Int32
    private var logarithm: Int32 = 0
    private let limit: Int32
    /// 0 for the upper band; the lower one begins 64 entries further on in the table of steps.
    private let offset: Int32
    private let increments: InlineArray<16, Int16>
    private let mantissas = Self.mantissas

    static var lower: G722Scale {
        G722Scale(
            step: 32, limit: 18_432, offset: 64,
            increments: [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60])
    }

    static var upper: G722Scale {
        G722Scale(
            step: 8, limit: 22_528, offset: 0, increments: [798, -214, 798, -214, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    private init(step: Int32, limit: Int32, offset: Int32, increments: InlineArray<16, Int16>) {
        self.step = step
        self.limit = limit
        self.offset = offset
        self.increments = increments
    }

    /// Takes the code of a sample: 0 to 15 in the lower band, 0 to 3 in the upper one.
    @inline(__always)
    mutating func adapt(_ code: Int) {
        logarithm = max(0, min(limit, (logarithm &* 32_512) &>> 15 &+ Int32(increments.span[code])))
        let index = logarithm &>> 6 &+ offset
        let mantissa = Int32(mantissas.span[Int(index & 31)])
        let exponent = index &>> 5
        step = ((mantissa &<< 1) &>> (11 &- exponent)) &<< 2
    }

    /// One octave of steps, 32 to the octave.
    private static var mantissas: InlineArray<32, Int16> {
        [
            2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
            2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
        ]
    }
}
