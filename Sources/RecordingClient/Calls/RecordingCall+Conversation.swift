import SIP
import SIPREC
import UserAgent

/// The time between the answer and BYE.
extension RecordingCall {
    private enum Finding: Sendable {
        case sent(PacedResult)
        /// The event stream is over; with a text when the call is.
        case ended(String?)
        case updated
    }

    /// Sends everything, and answers the server meanwhile.
    /// - Returns: what was sent, and why the call ended before its time, if it did.
    func converse(
        _ call: OutgoingCall, _ offer: RecordingClientOffer, _ streams: [PacedStream]
    ) async -> (PacedResult, String?) {
        let sender = sender
        let packets = packets
        return await withTaskGroup(of: Finding.self) { group in
            group.addTask { .sent(await sender.play(streams, packets: packets)) }
            group.addTask { .ended(await Self.attend(call, offer)) }
            if settings.dialect == .avaya {
                // This family names the callee only now (see the dialect).
                group.addTask { await Self.update(call, offer) }
            }
            var result = PacedResult()
            var end: String?
            for await finding in group {
                switch finding {
                case .sent(let sent):
                    result = sent
                    group.cancelAll()
                case .ended(let text):
                    end = end ?? text
                    group.cancelAll()
                case .updated:
                    break
                }
            }
            return (result, end)
        }
    }

    private static func update(_ call: OutgoingCall, _ offer: RecordingClientOffer) async -> Finding {
        guard (try? await Task.sleep(for: .milliseconds(200))) != nil else { return .updated }
        await sendMetadata(call, offer)
        return .updated
    }

    private static func sendMetadata(_ call: OutgoingCall, _ offer: RecordingClientOffer) async {
        var offer = offer
        let body = offer.metadataUpdate()
        // A server that refuses it goes on with what it has.
        _ = try? await call.update(
            headers: body.contentDisposition.map { [(.contentDisposition, $0)] } ?? [], contentType: body.contentType,
            body: body.content)
    }

    private static func attend(_ call: OutgoingCall, _ offer: RecordingClientOffer) async -> String? {
        for await event in call.events {
            switch event {
            case .ended(let end):
                return end == .localBye ? nil : end.description
            case .acknowledged:
                break
            case .request(let request):
                await answer(request, call, offer)
            }
        }
        return nil
    }

    /// The server may ask for all metadata again (RFC 7866 §8.2.2); a new media description is refused, which leaves the
    /// session as it is (RFC 3261 §14.2).
    private static func answer(
        _ request: InDialogRequest, _ call: OutgoingCall, _ offer: RecordingClientOffer
    ) async {
        let isSnapshot = String(decoding: request.request.body, as: UTF8.self).contains("requestsnapshot")
        if request.request.method == .update || isSnapshot {
            await request.respond(status: 200)
        } else {
            await request.respond(status: 488)
        }
        if isSnapshot { await sendMetadata(call, offer) }
    }
}
