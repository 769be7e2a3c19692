import Foundation
import RequestSigning
import Testing

@Suite("When a signature is good")
struct SigningWindowTests {
    @Test("Five minutes either way", arguments: [(-301, false), (-300, true), (0, true), (300, true), (301, false)])
    func tolerance(offset: Int64, isGood: Bool) {
        let example = SignedExample()
        let refusal = example.refusal(example.signed(), at: SignedExample.now + offset)
        #expect((refusal == nil) == isGood)
    }

    @Test("What is too old or too new says so with both times")
    func words() {
        let example = SignedExample()
        let late = example.refusal(example.signed(), at: SignedExample.now + 600)
        #expect(
            late?.message
                == "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z (20260101T001000Z - 5 min.)"
        )
        let early = example.refusal(example.signed(), at: SignedExample.now - 600)
        #expect(
            early?.message
                == "Signature not yet current: 20260101T000000Z is still later than 20251231T235500Z (20251231T235000Z + 5 min.)"
        )
        #expect(late?.code(in: .s3) == "RequestTimeTooSkewed")
    }

    @Test(
        "A presigned URL is good from five minutes before its date until its end",
        arguments: [
            (60, -301, false), (60, -300, true), (60, 60, true), (60, 61, false), (604_800, 604_800, true),
            (604_800, 604_801, false),
        ] as [(Int64, Int64, Bool)])
    func presigned(seconds: Int64, offset: Int64, isGood: Bool) {
        let example = SignedExample()
        let refusal = example.refusal(
            example.presigned(for: seconds), body: .empty, at: SignedExample.now + offset)
        #expect((refusal == nil) == isGood)
        if offset > 0, !isGood { #expect(refusal?.code() == "RequestExpired") }
    }

    @Test(
        "A presigned URL for nothing, for less, for more than seven days or for no number is refused",
        arguments: ["0", "-1", "604801", "6e1", "", "999999999999999999999", "60&X-Amz-Expires=60"])
    func unusableExpiry(text: String) {
        let example = SignedExample()
        var head = example.presigned()
        head.query = head.query.replacingOccurrences(of: "X-Amz-Expires=60", with: "X-Amz-Expires=\(text)")
        let refusal = example.refusal(head, body: .empty)
        #expect(refusal?.code() == "IncompleteSignatureException")
    }

    @Test("The longest and shortest expiry are brought inside by the signer")
    func clamped() {
        let example = SignedExample()
        #expect(example.presigned(for: .max).query.contains("X-Amz-Expires=604800&"))
        #expect(example.presigned(for: .min).query.contains("X-Amz-Expires=1&"))
    }

    @Test("Any second from 1970 to 9999 is signed with a date that is read back, and times beyond trap nowhere")
    func dates() throws {
        let example = SignedExample()
        var generator = SplitMix(state: 7)
        let edges: [Int64] = [0, 951_782_399, 951_782_400, 4_107_542_399, 253_402_300_799]
        for time in edges + (0..<2000).map({ _ in Int64.random(in: 0...253_402_300_799, using: &generator) }) {
            #expect(try example.verify(example.signed(at: time), at: time).signedAtSeconds == time)
        }
        for time in [Int64.min, -1, 253_402_300_800, .max] {
            _ = example.refusal(example.signed(at: time), at: time)
        }
    }

    @Test(
        "A Date field stands in for X-Amz-Date",
        arguments: [
            ("Thu, 01 Jan 2026 00:00:00 GMT", true), ("Thu, 1 Jan 2026 00:00:00 GMT", true),
            ("20260101T000000Z", true), ("Thu, 01 Jan 2026 00:00:00 CET", false),
            ("Thu, 32 Jan 2026 00:00:00 GMT", false),
            ("Thu, 01 Foo 2026 00:00:00 GMT", false), ("Thu, 01 Jan 2026 00:00 GMT", false), ("yesterday", false),
        ])
    func dateField(text: String, isRead: Bool) {
        let example = SignedExample()
        // The time is signed, the field it comes from need not be; so one can stand for the other.
        let head = example.signed().removing("x-amz-date").adding("Date", text)
        let refusal = example.refusal(head)
        // Read: everything was looked at, and the field that was signed is missing.
        #expect((refusal == .mismatch(missing: ["x-amz-date"])) == isRead)
    }
}

/// Randomness that a failing test can repeat.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
