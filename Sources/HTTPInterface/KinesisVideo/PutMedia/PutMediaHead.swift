import HTTPTypes
import StreamSink

/// What PutMedia's header fields say.
struct PutMediaHead: Equatable {
    /// How a fragment's time in the body becomes its producer time.
    enum Timecodes: Equatable {
        /// It is one: milliseconds since 1970.
        case absolute
        /// It counts from this start, milliseconds since 1970.
        case relative(start: Int64)
    }

    var stream: StreamReference
    var timecodes: Timecodes
    /// Errors are told in any case.
    var wantsAcknowledgments: Bool

    init(_ headers: HTTPFields) throws(ServiceError) {
        switch (headers[.amznStreamName], headers[.amznStreamARN]) {
        case (let name?, nil):
            guard (1...256).contains(name.utf8.count), name.utf8.allSatisfy(RequestFields.isNameByte) else {
                throw .invalidArgument("x-amzn-stream-name must be 1 to 256 of letters, digits, '_', '.' and '-'.")
            }
            stream = .name(name)
        case (nil, let arn?):
            guard (1...1024).contains(arn.utf8.count) else {
                throw .invalidArgument("x-amzn-stream-arn must have 1 to 1024 bytes.")
            }
            stream = .arn(arn)
        case (.some, .some), (nil, nil):
            throw .invalidArgument("Give x-amzn-stream-name or x-amzn-stream-arn, and only one of them.")
        }
        let start = try headers[.amznProducerStart].map { text throws(ServiceError) in
            guard let time = Self.milliseconds(text) else {
                throw .invalidArgument("x-amzn-producer-start-timestamp must be epoch seconds, as in 1700000000.123.")
            }
            return time
        }
        switch headers[.amznTimecodeType] {
        case "ABSOLUTE": timecodes = .absolute
        case "RELATIVE":
            guard let start else {
                throw .invalidArgument("x-amzn-producer-start-timestamp must be given with RELATIVE timecodes.")
            }
            timecodes = .relative(start: start)
        default:
            throw .invalidArgument("x-amzn-fragment-timecode-type must be ABSOLUTE or RELATIVE.")
        }
        wantsAcknowledgments = headers[.amznAcknowledgments] != "0"
    }

    /// A fragment's producer time; `nil` when it is none.
    func producerMilliseconds(timecode: Int64) -> Int64? {
        switch timecodes {
        case .absolute: return timecode
        case .relative(let start):
            let (time, overflow) = start.addingReportingOverflow(timecode)
            return overflow ? nil : time
        }
    }

    /// Seconds, and after the point milliseconds: one or two digits are the milliseconds themselves, since AWS's own
    /// producers print them without leading zeros (5 ms as `.5`); three are unambiguous, and more are a fraction.
    static func milliseconds(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, isDigits(whole), let seconds = Int64(whole), seconds < 100_000_000_000 else {
            return nil
        }
        guard parts.count == 2, let part = parts.last else { return seconds * 1000 }
        guard isDigits(part), let milliseconds = Int64(part.prefix(3)) else { return nil }
        return seconds * 1000 + milliseconds
    }

    private static func isDigits(_ text: Substring) -> Bool {
        (1...20).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }
}
