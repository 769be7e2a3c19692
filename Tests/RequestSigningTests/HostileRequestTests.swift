import Foundation
import RequestSigning
import Testing

@Suite("Hostile requests")
struct HostileRequestTests {
    @Test("Too many fields, parameters or signed names, and too long a head, are refused before they are looked into")
    func bounds() throws {
        let example = SignedExample()
        let good = example.signed()
        func isTooLarge(_ head: SignedRequestHead) -> Bool {
            if case .tooLarge = example.refusal(head) { true } else { false }
        }
        var head = good
        head.headers += (0..<128).map { ("x-\($0)", "") }
        #expect(isTooLarge(head))
        head = good
        head.path = "/" + String(repeating: "a", count: 64 << 10)
        #expect(isTooLarge(head))
        head = good
        head.query = String(repeating: "&", count: 256)
        #expect(isTooLarge(head))
        let names = (0..<65).map { "h\($0)" }.joined(separator: ";")
        #expect(isTooLarge(good.replacing("authorization") { $0.replacingOccurrences(of: "host", with: names) }))
        #expect(isTooLarge(good.adding("x", String(repeating: "a", count: 64 << 10))))
        #expect(
            isTooLarge(
                good.replacing("authorization") {
                    $0 + String(repeating: " ", count: 1) + String(repeating: "a", count: 8192)
                }))
    }

    @Test("At the limits a head is judged, and within them anything goes")
    func atTheLimits() {
        var example = SignedExample()
        example.head.headers += (0..<60).map { ("x-\($0)", String(repeating: "a  b", count: 100)) }
        example.head.query = (0..<256).map { "p\($0 % 7)=\($0)" }.joined(separator: "&")
        #expect(example.refusal(example.signed()) == nil)
    }

    @Test("Random bytes in the fields that steer the check are refused, whatever they are")
    func garbage() {
        let example = SignedExample()
        var generator = SplitMix(state: 11)
        let alphabet = Array("AKIA/=,;: \t\r\n%&?+aws4_requestX-Amz-0189TZ\u{0}é😀\"'".unicodeScalars)
        func text() -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...60, using: &generator) {
                text.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            return String(text)
        }
        let names = [
            "Authorization", "X-Amz-Date", "Date", "Host", "x-amz-content-sha256", "x-amz-security-token",
            "x-amz-decoded-content-length", "", "é",
        ]
        let starts = [
            "", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=",
        ]
        let parameters = [
            "X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
            "X-Amz-SignedHeaders",
        ]
        var accepted = 0
        for _ in 0..<3000 {
            var head = SignedRequestHead(method: text(), path: text(), query: text(), headers: [])
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                let name = names.randomElement(using: &generator) ?? ""
                let start = name == "Authorization" ? starts.randomElement(using: &generator) ?? "" : ""
                head.headers.append((name, start + text()))
            }
            if Bool.random(using: &generator) {
                head.query = parameters.map { "\($0)=\(text())" }.joined(separator: "&")
            }
            if example.refusal(head, body: Bool.random(using: &generator) ? .streamed : .empty) == nil { accepted += 1 }
        }
        #expect(accepted == 0)
    }

    @Test("A good request with a few random bytes exchanged is refused or still the same request")
    func mutations() throws {
        let example = SignedExample()
        var generator = SplitMix(state: 13)
        for good in [example.signed(), example.presigned()] {
            let body: PayloadDigest = good.query.isEmpty ? .of(SignedExample.body) : .empty
            for _ in 0..<2000 {
                var head = good
                func mutate(_ text: String) -> String {
                    var octets = Array(text.utf8)
                    guard !octets.isEmpty else { return text }
                    for _ in 0..<Int.random(in: 1...3, using: &generator) {
                        octets[Int.random(in: 0..<octets.count, using: &generator)] = UInt8.random(
                            in: 0...255, using: &generator)
                    }
                    return String(decoding: octets, as: UTF8.self)
                }
                if good.query.isEmpty {
                    let index = Int.random(in: 0..<head.headers.count, using: &generator)
                    head.headers[index].value = mutate(head.headers[index].value)
                } else {
                    head.query = mutate(head.query)
                }
                let isSame =
                    zip(head.headers, good.headers).allSatisfy { $0.value == $1.value }
                    && head.query == good.query
                if !isSame, let verified = try? example.verify(head, body: body) {
                    // Only white space can have changed.
                    #expect(verified.accessKeyID == SignedExample.id)
                    #expect(
                        zip(head.headers, good.headers).allSatisfy {
                            $0.value.split(whereSeparator: \.isWhitespace)
                                == $1.value.split(whereSeparator: \.isWhitespace)
                        })
                }
            }
        }
    }

    @Test("An unknown key takes as long as a wrong signature")
    func time() {
        let example = SignedExample()
        let wrong = example.signed().replacing("authorization") {
            String($0.dropLast()) + ($0.hasSuffix("0") ? "1" : "0")
        }
        let unknown = wrong.replacing("authorization") {
            $0.replacingOccurrences(of: SignedExample.id, with: "AKIAEARSHOTEXAMPLE33")
        }
        // Turn by turn, so that whatever else this machine does meets both; the medians are compared.
        var times: [[Duration]] = [[], []]
        for _ in 0..<400 {
            for (index, head) in [wrong, unknown].enumerated() {
                times[index].append(ContinuousClock().measure { _ = example.refusal(head) })
            }
        }
        let medians = times.map { $0.sorted()[$0.count / 2] / .microseconds(1) }
        #expect((0.7...1.4).contains(medians[1] / medians[0]), "\(medians) µs")
    }
}
