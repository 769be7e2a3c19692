import SIP
import Testing

/// SplitMix64: the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Makes random well-formed pieces of SIP.
struct MessageMaker {
    var generator: SeededGenerator
    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func text(_ alphabet: String, _ length: ClosedRange<Int>) -> String {
        let letters = Array(alphabet)
        return String(
            (0..<Int.random(in: length, using: &generator)).map { _ in
                letters.randomElement(using: &generator) ?? "a"
            })
    }

    mutating func token() -> String { text("abcXYZ019-.!%*_+`'~", 1...12) }

    mutating func host() -> String {
        ["example.com", "192.0.2.7", "2001:db8::10", "::1", "a-b.c_d.example", "::ffff:192.0.2.2"]
            .randomElement(using: &generator) ?? "h"
    }

    mutating func port() -> UInt16? { Bool.random(using: &generator) ? .random(in: 1...65535, using: &generator) : nil }

    mutating func parameters(_ alphabet: String) -> [Parameter] {
        (0..<Int.random(in: 0...3, using: &generator)).map { index in
            Parameter("p\(index)", Bool.random(using: &generator) ? text(alphabet, 1...8) : nil)
        }
    }

    mutating func uri() -> SIPURI {
        let any = "ab 1%@:;?/\"<>=&é字\u{0}[]"
        var uri = SIPURI(
            user: Bool.random(using: &generator) ? text(any, 1...12) : nil, host: host(), port: port(),
            scheme: Bool.random(using: &generator) ? .sip : .sips, parameters: parameters(any))
        uri.headers = parameters(any)
        return uri
    }

    mutating func address() -> NameAddress {
        NameAddress(
            displayName: Bool.random(using: &generator) ? text("ab \"\\,;<>@é字", 1...12) : nil,
            uri: uri().description, parameters: parameters("ab \"\\,;<>é1.-"))
    }

    mutating func via() -> Via {
        Via(
            transport: "UDP", host: host(), port: port(),
            parameters: [Parameter("branch", "z9hG4bK\(token())")]
                + parameters("ab1.-[]:"))
    }

    mutating func request() -> SIPRequest {
        let method = Bool.random(using: &generator) ? SIPMethod.invite : SIPMethod(rawValue: token())
        var target = uri()
        target.headers = []
        var request = SIPRequest(method: method, uri: target.description)
        for _ in 0..<Int.random(in: 1...3, using: &generator) { request.headers.append(.via, via().description) }
        request.headers.append(.from, address().description)
        request.headers.append(.to, address().description)
        request.headers.append(.callID, token())
        request.headers.append(.cSeq, CSeq(.random(in: 0 ... .max, using: &generator), method).description)
        request.headers.append(.maxForwards, "70")
        request.headers.append(.contact, address().description)
        for index in 0..<Int.random(in: 0...4, using: &generator) {
            request.headers.append(HeaderName("X-\(index)\(token())"), "v" + text("a \t,;<>\"é字\u{0}", 0...20) + "v")
        }
        request.body = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
            .random(in: 0...255, using: &generator)
        }
        request.headers.append(.contentType, "multipart/mixed;boundary=b")
        request.headers.append(.contentLength, "\(request.body.count)")
        return request
    }
}

@Suite("Properties of the grammar, with seeded random input")
struct GrammarPropertyTests {
    @Test("what is written is read back the same", arguments: UInt64(0)..<8)
    func roundTrips(seed: UInt64) throws {
        var maker = MessageMaker(seed: seed)
        for _ in 0..<150 {
            let uri = maker.uri()
            #expect(try SIPURI(parsing: uri.description) == uri)
            let address = maker.address()
            #expect(try NameAddress(parsing: address.description) == address)
            let via = maker.via()
            #expect(try Via(parsing: via.description) == via)
            let request = maker.request()
            #expect(try SIPMessage(parsingDatagram: request.serialized()) == .request(request))
            let fault = RequestInspection.fault(of: request, arrivedBy: .datagram)
            #expect(fault == nil)
            let response = request.response(200, toTag: "t")
            #expect(ResponseInspection.fault(of: response) == nil || request.headers.values(.via).count > 1)
        }
    }

    @Test(
        "changed octets never crash, and what is readable stays as it is when written again", arguments: UInt64(0)..<8)
    func mutations(seed: UInt64) throws {
        var maker = MessageMaker(seed: seed &+ 1000)
        var seeds = (0..<10).map { _ in maker.request().serialized() }
        seeds += (0..<5).map { _ in maker.request().response(486, toTag: "x").serialized() }
        for folder in ["sip-torture/rfc4475", "sip-torture/rfc5118", "fuzz-seeds/sipgo"] {
            seeds += SharedTestdata.files(folder).compactMap { try? SharedTestdata.octets($0) }
        }
        for _ in 0..<600 {
            var octets = try #require(seeds.randomElement(using: &maker.generator))
            mutate(&octets, &maker.generator)
            guard let message = try? SIPMessage(parsingDatagram: octets) else { continue }
            exercise(message)
            let written = message.serialized()
            #expect(try SIPMessage(parsingDatagram: written).serialized() == written)
        }
    }

    @Test("a stream gives the same events however it is cut, and loses no octet", arguments: UInt64(0)..<8)
    func framing(seed: UInt64) throws {
        var maker = MessageMaker(seed: seed &+ 2000)
        for _ in 0..<40 {
            var messages: [[UInt8]] = []
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...5, using: &maker.generator) {
                let message = maker.request().serialized()
                messages.append(message)
                stream += (["", "\r\n", "\r\n\r\n", "\n"].randomElement(using: &maker.generator) ?? "").utf8
                stream += message
            }
            stream += "INVITE sip:".utf8
            var framer = StreamFramer()
            var found: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let size = Int.random(in: 1...200, using: &maker.generator)
                framer.append(rest.prefix(size))
                rest = rest.dropFirst(size)
                while let event = try framer.next() {
                    if case .message(let message) = event { found.append(message) }
                }
                #expect(framer.consumedCount + framer.bufferedCount + rest.count == stream.count)
            }
            #expect(found == messages)
            #expect(framer.bufferedCount == 11)
        }
    }

    @Test("a changed stream never crashes and what comes out and stays is what went in", arguments: UInt64(0)..<4)
    func hostileStreams(seed: UInt64) {
        var maker = MessageMaker(seed: seed &+ 3000)
        for _ in 0..<200 {
            var stream = maker.request().serialized() + maker.request().serialized()
            mutate(&stream, &maker.generator)
            var framer = StreamFramer()
            framer.append(stream)
            var given = 0
            do throws(StreamFramingError) {
                while let event = try framer.next() {
                    if case .message(let message) = event { given += message.count }
                }
            } catch {
                #expect(error.description.isEmpty == false)
            }
            #expect(framer.consumedCount + framer.bufferedCount == stream.count)
            #expect(given <= framer.consumedCount)
        }
    }

    private func mutate(_ octets: inout [UInt8], _ generator: inout SeededGenerator) {
        let telling: [UInt8] = Array("\r\n :;,<>\"%@[]=\\\0".utf8) + [0xFF, 0xC3, 0x09]
        for _ in 0..<Int.random(in: 1...6, using: &generator) where !octets.isEmpty {
            let index = Int.random(in: 0..<octets.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: octets[index] = .random(in: 0...255, using: &generator)
            case 1: octets[index] = telling.randomElement(using: &generator) ?? 0
            case 2: octets.insert(telling.randomElement(using: &generator) ?? 0, at: index)
            case 3: octets.removeSubrange(index..<min(octets.count, index + 5))
            default: octets.removeLast(min(octets.count, Int.random(in: 0...20, using: &generator)))
            }
        }
    }

    private func exercise(_ message: SIPMessage) {
        switch message {
        case .request(var request):
            _ = RequestInspection.rejection(of: request, arrivedBy: .datagram, supportedExtensions: ["siprec"])
            _ = RequestInspection.rejection(of: request, arrivedBy: .stream)
            _ = request.response(400, "x", toTag: "t").serialized()
            request.noteSource(host: "2001:db8::1", port: 5070)
            _ = (request.requestURI, request.contact?.sipURI, request.contentType, request.from?.tag)
            _ = request.via?.responseDestination
            _ = try? DigestCredentials(parsing: request.headers[.authorization] ?? request.uri)
        case .response(let response):
            _ = ResponseInspection.fault(of: response)
            _ = DigestChallenge.preferred(in: response)
        }
    }
}
