/// The adaptive predictor of one band: two poles and six zeros (ITU-T G.722 §3.6; the decoder's is the same).
///
/// Arithmetic is that of 16-bit words that saturate where the Recommendation says so, kept in 32 bits.
struct G722Predictor {
    /// What the next sample of the band is expected to be.
    private(set) var estimate: Int32 = 0
    private var zeroEstimate: Int32 = 0
    // Lanes 6 and 7 are not used: their differences stay 0.
    private var zeros = SIMD8<Int32>(repeating: 0)
    private var differences = SIMD8<Int32>(repeating: 0)
    private var pole1: Int32 = 0
    private var pole2: Int32 = 0
    private var partial1: Int32 = 0
    private var partial2: Int32 = 0
    private var reconstructed1: Int32 = 0

    /// Learns from the quantised difference between the band's sample and ``estimate``, and makes the next estimate.
    @inline(__always)
    mutating func update(_ difference: Int32) {
        let partial = saturated(difference &+ zeroEstimate)
        let reconstructed = saturated(estimate &+ difference)

        // Zeros: a leak of 2^-8, and a step towards the sign of the product of the differences.
        let step: Int32 = difference == 0 ? 0 : 128
        let disagree = (differences ^ difference) &>> 31
        zeros = (zeros &* 32_640) &>> 15 &+ ((disagree ^ step) &- disagree)
        differences = SIMD8(
            difference, differences[0], differences[1], differences[2], differences[3], differences[4], 0, 0)

        // Poles, kept inside the triangle in which the filter is stable. Only signs of the partial signals count.
        let agrees1 = partial ^ partial1 >= 0
        let agrees2 = partial ^ partial2 >= 0
        let scaled = saturated(pole1 &<< 2)
        let pull = (agrees1 ? saturated(-scaled) : scaled) &>> 7
        let leaked = pull &+ (agrees2 ? 128 : -128) &+ (pole2 &* 32_512) &>> 15
        pole2 = max(-12_288, min(12_288, leaked))
        let limit = 15_360 &- pole2
        pole1 = max(-limit, min(limit, (agrees1 ? 192 : -192) &+ (pole1 &* 32_640) &>> 15))
        partial2 = partial1
        partial1 = partial

        let poleEstimate = saturated(
            (pole1 &* saturated(reconstructed &<< 1)) &>> 15 &+ (pole2 &* saturated(reconstructed1 &<< 1)) &>> 15)
        reconstructed1 = reconstructed

        let products = (zeros &* (differences &<< 1).clamped(lowerBound: .lowest, upperBound: .highest)) &>> 15
        // Oldest first, saturating at each addition: it matters for streams that no encoder makes.
        var sum = saturated(products[5] &+ products[4])
        sum = saturated(sum &+ products[3])
        sum = saturated(sum &+ products[2])
        sum = saturated(sum &+ products[1])
        zeroEstimate = saturated(sum &+ products[0])
        estimate = saturated(poleEstimate &+ zeroEstimate)
    }
}

/// Limited to 16 bits.
@inline(__always)
func saturated(_ value: Int32) -> Int32 { max(-32_768, min(32_767, value)) }

extension SIMD8<Int32> {
    fileprivate static var lowest: Self { Self(repeating: -32_768) }
    fileprivate static var highest: Self { Self(repeating: 32_767) }
}
