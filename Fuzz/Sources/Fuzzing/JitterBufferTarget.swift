import MediaCore

/// The time line of a leg under any packets at any time, in every format. Properties: the output is contiguous and its
/// length is the frontier; the frontier never goes back, never gets further ahead of the clock than the policy's lead
/// and, while nothing comes, follows it; payloads come out in order, apart, and inside of the line; no packet is
/// dropped without a counter; packets are the sum of what became of them; and what waits is bounded.
enum JitterBufferTarget: FuzzTarget {
    static var seeds: [[UInt8]] {
        let regular = (0..<40).flatMap { number -> [UInt8] in [0, 1, 160, 0, 160, UInt8(number)] + [1, 20] }
        let lossy = (0..<40).flatMap { number -> [UInt8] in
            number % 7 == 3 ? [2, 1, 160, 1, 20] : [0, 1, 160, 0, 160, 0, 1, 20]
        }
        let jumps: [UInt8] = [
            0, 1, 160, 0, 160, 0, 3, 0x7F, 0xFF, 0xFF, 0xFF, 0, 1, 160, 0, 160, 0, 4, 40, 5, 6, 1, 200,
        ]
        let others = (0..<20).flatMap { number -> [UInt8] in
            [9, UInt8(number), 0, 1, 160, UInt8(number), 160, 0, 8, 1, 7, UInt8(number), 10, 0, 20, 11]
        }
        return (0..<10).map { [UInt8($0)] + ($0 % 2 == 0 ? regular + jumps + lossy : others + lossy + regular) }
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        var leg = FuzzedLeg(reader.octet())
        var steps = 0
        while !reader.isAtEnd, steps < 1_000 {
            leg.step(&reader)
            steps += 1
        }
        leg.finish()
    }
}
