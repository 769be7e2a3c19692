/// Cuts a TCP or TLS octet stream into messages by Content-Length (RFC 3261 §18.3).
///
/// Owned by one connection. Every octet is looked at a bounded number of times, however the stream is cut into
/// reads. Call ``next()`` until it gives nil after each ``append(_:)``; then the framer holds less than one
/// message, at most ``Limits/messageSize`` octets. After an error the position of the next message is unknown:
/// answer if ``StreamFramingError/head`` can be read, and close the connection.
public struct StreamFramer: Sendable {
    /// Bounds on one message.
    public struct Limits: Sendable {
        /// Octets of a whole message.
        public var messageSize = SIPMessage.maximumSize
        /// Octets of start line, header fields and the empty line.
        public var headerSize = 16 * 1024
        /// Header lines, continuation lines not counted.
        public var headerCount = HeaderFields.maximumCount

        /// The usual bounds: 65,535 octets, 16 KiB, 256 fields.
        public init() {}
    }

    /// What was found in the stream.
    public enum Event: Sendable, Equatable {
        /// One whole message, for ``SIPMessage/init(parsingDatagram:)``.
        case message([UInt8])
        /// Two line ends between messages: answer with one CRLF (RFC 5626 §3.5.1).
        case keepAlive
    }

    /// Octets given out as events or skipped as line ends between messages.
    public private(set) var consumedCount = 0
    /// Octets that wait for the rest of their message.
    public var bufferedCount: Int { buffer.count - head }

    private enum State: Sendable {
        case betweenMessages(lineEnds: Int)
        /// `line` is the start of the line being read, `scanned` the first octet not yet looked at.
        case header(line: Int, scanned: Int, lineCount: Int)
        /// The message ends `size` octets after `head`.
        case body(size: Int)
        case failed(StreamFramingError)
    }

    private let limits: Limits
    private var state = State.betweenMessages(lineEnds: 0)
    private var buffer: [UInt8] = []
    /// Start of what is not consumed; the octets before it are removed from time to time.
    private var head = 0

    /// Makes a framer for a new connection.
    public init(limits: Limits = Limits()) { self.limits = limits }

    /// Adds what was read from the connection.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if case .failed = state { return }
        // Removing only what is at least half of the buffer moves each octet at most once on average.
        if head > 0, head >= buffer.count - head { compact() }
        buffer.append(contentsOf: bytes)
    }

    /// The next event, or nil when more octets are needed. Throws the same error again once it has failed.
    public mutating func next() throws(StreamFramingError) -> Event? {
        while true {
            switch state {
            case .failed(let error):
                throw error
            case .betweenMessages(let lineEnds):
                switch skipLineEnd() {
                case .lineEnd where lineEnds == 1:
                    state = .betweenMessages(lineEnds: 0)
                    return .keepAlive
                case .lineEnd:
                    state = .betweenMessages(lineEnds: lineEnds + 1)
                case .needsMore:
                    return nil
                case .text:
                    state = .header(line: head, scanned: head, lineCount: 0)
                }
            case .header(let line, let scanned, let lineCount):
                guard try readHeaderLines(from: line, scanned: scanned, lineCount: lineCount) else { return nil }
            case .body(let size):
                guard buffer.count - head >= size else { return nil }
                let message = Array(buffer[head..<head + size])
                consume(size)
                state = .betweenMessages(lineEnds: 0)
                return .message(message)
            }
        }
    }

    private enum LineEnd { case lineEnd, text, needsMore }

    private mutating func skipLineEnd() -> LineEnd {
        guard head < buffer.count else { return .needsMore }
        switch buffer[head] {
        case Octet.lineFeed:
            consume(1)
            return .lineEnd
        case Octet.carriageReturn:
            guard head + 1 < buffer.count else { return .needsMore }
            guard buffer[head + 1] == Octet.lineFeed else { return .text }
            consume(2)
            return .lineEnd
        default:
            return .text
        }
    }

    /// Looks at the octets that came since the last call; true when the empty line was found.
    private mutating func readHeaderLines(
        from start: Int, scanned: Int, lineCount count: Int
    ) throws(StreamFramingError) -> Bool {
        var line = start
        var lineCount = count
        var index = scanned
        while index < buffer.count {
            guard index - head < limits.headerSize else {
                throw fail(.headerTooLarge(limit: limits.headerSize), head: wholeLines(before: line))
            }
            defer { index += 1 }
            guard buffer[index] == Octet.lineFeed else { continue }
            let content = line..<(index > line && buffer[index - 1] == Octet.carriageReturn ? index - 1 : index)
            if content.isEmpty {
                try finishHeader(at: index + 1)
                return true
            }
            if lineCount == 0 {
                guard (try? StartLine(buffer[content], at: 0)) != nil else { throw fail(.notSIP) }
            }
            if !buffer[line].isBlank { lineCount += 1 }
            // The start line is not a field.
            guard lineCount <= limits.headerCount + 1 else {
                throw fail(.tooManyFields(limit: limits.headerCount), head: wholeLines(before: line))
            }
            line = index + 1
        }
        state = .header(line: line, scanned: index, lineCount: lineCount)
        return false
    }

    /// The header section as far as it is whole, ended as one is: a last answer needs no more than its first fields.
    private func wholeLines(before end: Int) -> [UInt8] {
        end > head ? buffer[head..<end] + [Octet.carriageReturn, Octet.lineFeed] : []
    }

    /// Reads Content-Length with the parser that reads the message later, so that both see the same end.
    private mutating func finishHeader(at end: Int) throws(StreamFramingError) {
        let octets = Array(buffer[head..<end])
        var reader = MessageReader(octets)
        _ = reader.nextLine()
        guard let section = try? reader.headerSection() else {
            throw fail(.tooManyFields(limit: limits.headerCount), head: octets)
        }
        switch ContentLength(of: section.fields.values(.contentLength)) {
        case .absent:
            // RFC 3261 §20.14 demands it on streams; requests without body are common enough to be read.
            state = .body(size: octets.count)
        case .octets(let length):
            let (size, overflowed) = octets.count.addingReportingOverflow(length)
            guard !overflowed, size <= limits.messageSize else {
                throw fail(.messageTooLarge(limit: limits.messageSize), head: octets)
            }
            state = .body(size: size)
        case .unreadable, .conflicting:
            throw fail(.contentLength, head: octets)
        }
    }

    private mutating func fail(_ reason: StreamFramingError.Reason, head: [UInt8] = []) -> StreamFramingError {
        let error = StreamFramingError(reason: reason, head: head)
        state = .failed(error)
        return error
    }

    private mutating func consume(_ count: Int) {
        head += count
        consumedCount += count
        if head == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            head = 0
        }
    }

    private mutating func compact() {
        buffer.removeFirst(head)
        if case .header(let line, let scanned, let lineCount) = state {
            state = .header(line: line - head, scanned: scanned - head, lineCount: lineCount)
        }
        head = 0
    }
}
