import RequestSigning
import Testing

@Suite("Altered requests")
struct AlteredRequestTests {
    /// Three of each kind, with paths and queries whose bytes all count.
    static let vectors: [SignedVector] = {
        var taken: [String: Int] = [:]
        return SignedVector.committed.filter { vector in
            let path = vector.path.split(separator: "/", omittingEmptySubsequences: false)
            guard !path.dropFirst().dropLast().contains(""), !path.contains("."), !path.contains(".."),
                vector.path.count > 1
            else { return false }
            taken[vector.kind, default: 0] += 1
            return taken[vector.kind, default: 0] <= 3
        }
    }()

    @Test("are refused, whichever byte of a signed part is another", arguments: vectors)
    func everyByte(vector: SignedVector) throws {
        let good = vector.head
        let verified = try vector.verify()
        var accepted: [String] = []
        func attempt(_ what: String, _ head: SignedRequestHead, body: PayloadDigest? = nil) {
            if (try? vector.verify(head, body: body)) != nil { accepted.append(what) }
        }
        for (index, changed) in Self.variants(good.method) {
            var head = good
            head.method = changed
            attempt("method \(index)", head)
        }
        for (index, changed) in Self.variants(good.path) {
            var head = good
            head.path = changed
            attempt("path \(index)", head)
        }
        for (index, changed) in Self.variants(good.query) {
            var head = good
            head.query = changed
            attempt("query \(index)", head)
        }
        for (position, field) in good.headers.enumerated() {
            let name = field.name.lowercased()
            // Blanks between the parts of this field are not signed, its parts are.
            guard verified.signedHeaders.contains(name) || name == "authorization" || name == "date" else { continue }
            for (index, changed) in Self.variants(field.value.trimmed, skipsBlanks: name == "authorization") {
                var head = good
                head.headers[position].value = changed
                attempt("\(field.name) \(index)", head)
            }
            if name != "authorization" {
                var head = good
                head.headers.remove(at: position)
                attempt("no \(field.name)", head)
                head.headers.append(field)
                head.headers.append(field)
                attempt("\(field.name) twice", head)
            }
        }
        if vector.kind == "header" || vector.kind == "date" {
            let body = vector.bodyBytes
            for index in body.indices {
                var changed = body
                changed[index] ^= 1
                attempt("body \(index)", good, body: .of(changed))
            }
            attempt("longer body", good, body: .of(body + [0]))
        }
        #expect(accepted == [])
    }

    @Test("of chunked bodies are refused, whichever byte is another, missing or too much")
    func everyByteOfChunks() throws {
        let vectors = SignedVector.committed.filter { $0.kind == "chunked" && $0.chunks?.count ?? 0 > 600 }
        let signed = try vectors.filter {
            if case .streaming(signed: true, _) = try $0.verify().payload { true } else { false }
        }
        #expect(signed.count >= 3)
        for vector in signed.prefix(3) {
            let verified = try vector.verify()
            let framed = try #require(vector.chunkedBytes)
            #expect(try verified.unframing(framed).body == vector.bodyBytes)
            var accepted: [String] = []
            for index in framed.indices {
                for (what, change) in [("changed", framed[index] ^ 1), ("to a blank", 0x20)]
                where change != framed[index] {
                    var changed = framed
                    changed[index] = change
                    if (try? verified.unframing(changed)) != nil { accepted.append("\(index) \(what)") }
                }
                var shorter = framed
                shorter.remove(at: index)
                // Of two equal bytes in a row either may go; what is left is the same.
                if (try? verified.unframing(shorter)) != nil { accepted.append("\(index) removed") }
                if (try? verified.unframing(Array(framed[..<index]))) != nil { accepted.append("cut at \(index)") }
            }
            if (try? verified.unframing(framed + [0x0D])) != nil { accepted.append("more") }
            #expect(accepted == [], "\(vector.name)")
        }
    }

    /// The text with each of its bytes in turn changed in its lowest bit; blanks in a row count as one, so they are
    /// changed only where they stand alone.
    private static func variants(_ text: String, skipsBlanks: Bool = false) -> [(Int, String)] {
        let octets = Array(text.utf8)
        return octets.indices.compactMap { index in
            if skipsBlanks, octets[index] == 0x20 { return nil }
            var changed = octets
            changed[index] ^= 1
            // A comma that turns into a blank and the like would change what counts as one part, not only one byte.
            return (index, String(decoding: changed, as: UTF8.self))
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
