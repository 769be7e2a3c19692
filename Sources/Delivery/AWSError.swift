import StreamSink

/// What an AWS service's error answer says, in any of the forms they have: a JSON `__type`, a header, or XML.
struct AWSError {
    var code: String?
    var message: String

    init(_ answer: HTTPAnswer) {
        let json = answer.body.first == UInt8(ascii: "{") ? try? JSONValue(parsing: answer.body) : nil
        let header = answer.header("x-amzn-errortype") ?? answer.header("x-amz-errortype")
        let named =
            header ?? json?["__type"]?.stringValue ?? json?["code"]?.stringValue ?? json?["Code"]?.stringValue
            ?? Self.element("Code", in: answer.text)
        // `com.amazonaws.sqs#QueueDoesNotExist`, `AccessDenied:http://…`.
        code = named.map { name in
            let last = name.split(separator: "#").last.map(String.init) ?? name
            return String(last.prefix { $0 != ":" }.prefix(80))
        }
        let text =
            json?["message"]?.stringValue ?? json?["Message"]?.stringValue ?? Self.element("Message", in: answer.text)
        message = String((text ?? "").prefix(200))
    }

    /// The text of the first element of that name; enough for error answers, which are flat and short.
    static func element(_ name: String, in text: String) -> String? {
        let text = String(text.prefix(16 << 10))
        guard let start = text.range(of: "<\(name)>"), let end = text[start.upperBound...].range(of: "</\(name)>")
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// The failure that an answer means; nil for success.
    static func failure(_ answer: HTTPAnswer, what: String) -> DeliveryFailure? {
        guard !(200..<300).contains(answer.status) else { return nil }
        let error = AWSError(answer)
        return HTTPVerdict.failure(
            status: answer.status, code: error.code, message: error.message, retryAfter: answer.header("retry-after"),
            nowSeconds: DiskFile.wallMilliseconds() / 1000, what: what)
    }
}

extension StringProtocol {
    /// The first place of a text; the standard library has no search without Foundation.
    func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) {
                return start..<(index(start, offsetBy: needle.count, limitedBy: endIndex) ?? endIndex)
            }
            formIndex(after: &start)
        }
        return nil
    }
}
