import Logging
import StreamSink

/// One producer's connection: bytes in, acknowledgments out, fragments into the store. Owned by one task.
///
/// A fragment is acknowledged as received when it can be read, and as persisted when it survives a power cut.
struct ProducerSession: ~Copyable {
    private let ingest: FragmentIngest
    private let head: PutMediaHead
    private let counters: HTTPCounters
    private let logger: Logger
    private let persists: Bool
    private var splitter: MediaSplitter
    private var current: (timecode: Int64, number: FragmentNumber)?

    /// - Parameter persists: whether the stream has a retention; without one nothing is acknowledged as persisted.
    init(
        ingest: FragmentIngest, head: PutMediaHead, persists: Bool, limits: HTTPLimits, counters: HTTPCounters,
        logger: Logger
    ) {
        self.ingest = ingest
        self.head = head
        self.persists = persists
        self.counters = counters
        self.logger = logger
        splitter = MediaSplitter(limits: limits)
    }

    /// Takes bytes of the body; false when it is over: an error has been acknowledged.
    mutating func receive(_ bytes: some Sequence<UInt8>, _ send: (Acknowledgment) -> Void) -> Bool {
        var events: [MediaSplitter.Event] = []
        var fault: PutMediaFault?
        do throws(PutMediaFault) {
            try splitter.append(bytes, to: &events)
        } catch {
            fault = error
        }
        return settle(events, fault, send)
    }

    /// The body has ended; false when that was too early.
    mutating func finish(_ send: (Acknowledgment) -> Void) -> Bool {
        var events: [MediaSplitter.Event] = []
        var fault: PutMediaFault?
        do throws(PutMediaFault) {
            try splitter.finish(&events)
        } catch {
            fault = error
        }
        return settle(events, fault, send)
    }

    /// Acknowledges an error that is not in the bytes.
    func fail(_ fault: PutMediaFault, _ send: (Acknowledgment) -> Void) {
        counters.add(\.ingestErrors)
        send(.error(fault, timecode: current?.timecode, number: current?.number))
    }

    /// What came before a fault is kept.
    private mutating func settle(
        _ events: [MediaSplitter.Event], _ fault: PutMediaFault?, _ send: (Acknowledgment) -> Void
    ) -> Bool {
        do {
            for event in events { try settle(event, send) }
            if let fault { throw fault }
            return true
        } catch let fault as PutMediaFault {
            logger.info("A producer's stream was refused", metadata: ["error": "\(fault.code)"])
            fail(fault, send)
        } catch {
            logger.error("A producer's fragment could not be kept", metadata: ["error": "\(error)"])
            fail(Self.fault(of: error), send)
        }
        return false
    }

    private static func fault(of error: any Error) -> PutMediaFault {
        switch error as? StreamLibraryError {
        case .disk, .damaged: .archivalError
        case .invalidArgument: .invalidMedia
        case .closed, .readOnly, .noSuchStream: .streamNotActive
        case .streamExists, .versionMismatch, .streamBusy, .tagLimit, .noRetention, .noSuchFragment, nil:
            .internalError
        }
    }

    private mutating func settle(_ event: MediaSplitter.Event, _ send: (Acknowledgment) -> Void) throws {
        switch event {
        case .header(let header):
            try ingest.append(header: header)
        case .began(let timecode):
            guard head.producerMilliseconds(timecode: timecode) != nil else { throw PutMediaFault.producerTimestamp }
            let number = try ingest.nextNumber()
            current = (timecode, number)
            acknowledge(.buffering(timecode: timecode, number: number), send)
        case .fragment(let fragment):
            guard let time = head.producerMilliseconds(timecode: fragment.timecode) else {
                throw PutMediaFault.producerTimestamp
            }
            let number = try ingest.append(
                tags: fragment.tags.map { (name: $0.name, value: $0.value) }, cluster: fragment.cluster,
                producerMilliseconds: time, durationMilliseconds: fragment.durationMilliseconds)
            counters.add(\.ingestedFragments)
            acknowledge(.received(timecode: fragment.timecode, number: number), send)
            if persists {
                try ingest.sync()
                acknowledge(.persisted(timecode: fragment.timecode, number: number), send)
            }
            current = nil
        }
    }

    private func acknowledge(_ acknowledgment: Acknowledgment, _ send: (Acknowledgment) -> Void) {
        if head.wantsAcknowledgments { send(acknowledgment) }
    }
}
