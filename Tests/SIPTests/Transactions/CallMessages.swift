import SIP

/// The messages the transaction and dialog tests start from, and the moment they count from.
enum CallMessages {
    /// Zero of virtual time: any instant will do, nothing ever waits for it.
    static let start = ContinuousClock.now

    static func invite(
        branch: String = "z9hG4bK74bf9", cSeq: UInt32 = 1, extra: [(HeaderName, String)] = []
    ) -> SIPRequest {
        request(.invite, branch: branch, cSeq: cSeq, extra: [(.contact, "<sip:caller@192.0.2.1:5070>")] + extra)
    }

    static func request(
        _ method: SIPMethod, branch: String = "z9hG4bK74bf9", cSeq: UInt32 = 1, toTag: String? = nil,
        extra: [(HeaderName, String)] = []
    ) -> SIPRequest {
        var request = SIPRequest(method: method, uri: "sip:recorder@192.0.2.2")
        request.headers.append(.via, "SIP/2.0/UDP 192.0.2.1:5070;branch=\(branch)")
        request.headers.append(.maxForwards, "70")
        request.headers.append(.from, "\"Border\" <sip:caller@example.com>;tag=9fxced76sl")
        request.headers.append(.to, "<sip:recorder@example.com>" + (toTag.map { ";tag=\($0)" } ?? ""))
        request.headers.append(.callID, "3848276298220188511@192.0.2.1")
        request.headers.append(.cSeq, "\(cSeq) \(method.rawValue)")
        for (name, value) in extra { request.headers.append(name, value) }
        return request
    }

    static func response(
        _ status: Int, to request: SIPRequest, tag: String = "8321234356", extra: [(HeaderName, String)] = []
    ) -> SIPResponse {
        var response = request.response(status, toTag: tag)
        for (name, value) in extra { response.headers.append(name, value) }
        return response
    }

    /// The start line of a message in bytes.
    static func startLine(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 0x0D }, as: UTF8.self)
    }
}

extension ContinuousClock.Instant {
    /// Virtual time that has passed since ``CallMessages/start``.
    var elapsed: Duration { self - CallMessages.start }
}

func after(_ duration: Duration) -> ContinuousClock.Instant { CallMessages.start.advanced(by: duration) }

func milliseconds(_ values: Int...) -> [Duration] { values.map { .milliseconds($0) } }
