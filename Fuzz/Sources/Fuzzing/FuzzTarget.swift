import Glibc

/// One thing that takes octets from strangers, with the property that must hold whatever they are.
protocol FuzzTarget {
    /// Inputs to begin with: valid ones, so that the first mutation is already deep inside.
    static var seeds: [[UInt8]] { get }
    /// Runs one input; ends the process through ``finding(_:)`` where the property does not hold.
    static func run(_ input: UnsafeRawBufferPointer)
}

/// A property does not hold: says which and aborts, upon which libFuzzer keeps the input.
func finding(_ text: String) -> Never {
    say("finding: \(text)")
    abort()
}

/// A line on standard error.
func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

/// Reports where the condition does not hold.
@inline(__always)
func require(_ condition: Bool, _ text: @autoclosure () -> String) {
    if !condition { finding(text()) }
}

/// Whether targets have their planted defect.
let isPlanted = getenv("FUZZ_PLANT") != nil

/// Takes an input apart. What is not there any more reads as zero.
struct InputReader {
    private let octets: UnsafeRawBufferPointer
    private var position = 0

    init(_ octets: UnsafeRawBufferPointer) { self.octets = octets }

    var isAtEnd: Bool { position >= octets.count }

    mutating func octet() -> UInt8 {
        guard position < octets.count else { return 0 }
        defer { position += 1 }
        return octets[position]
    }

    mutating func word16() -> UInt16 { UInt16(octet()) << 8 | UInt16(octet()) }
    mutating func word32() -> UInt32 { UInt32(word16()) << 16 | UInt32(word16()) }

    /// The next `count` octets, or as many as are left.
    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(octets.count, position + max(0, count))
        defer { position = end }
        return Array(octets[position..<end])
    }

    mutating func rest() -> [UInt8] { take(octets.count) }
}

extension Array where Element == UInt8 {
    mutating func append16(_ value: UInt16) { append(contentsOf: [UInt8(value >> 8), UInt8(value & 0xFF)]) }
    mutating func append32(_ value: UInt32) {
        append16(UInt16(value >> 16))
        append16(UInt16(value & 0xFFFF))
    }
}
