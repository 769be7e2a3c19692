import Addressing
import Logging
import NIOCore
import SIP

/// From octets to messages, and where each goes.
extension SIPAgent {
    func received(_ envelope: AddressedEnvelope<ByteBuffer>, on index: Int) {
        guard datagramSockets.indices.contains(index),
            let remote = SIPEndpoint(envelope.remoteAddress, transport: .udp), remote.port != 0
        else { return }
        // Before anything is parsed: what a stranger sends must cost as little as can be.
        guard admission.mayTalk(remote, now: .now) else {
            counters.droppedSources &+= 1
            return
        }
        let bytes = Array(envelope.data.readableBytesView)
        guard !SIPMessage.isKeepAlive(bytes) else {
            counters.keepAlives &+= 1
            return
        }
        var local = datagramSockets[index].bound
        if let address = IPAddress(envelope.metadata?.packetInfo?.destinationAddress) { local.address = address }
        let flow = Flow(socket: .datagram(index), source: RequestSource(remote: remote, local: local))
        received(bytes, along: flow, arrival: .datagram)
    }

    func receivedStreamMessage(_ bytes: [UInt8], on id: UInt64) {
        guard let connection = connections[id] else { return }
        received(bytes, along: connection.flow(id: id), arrival: .stream)
    }

    /// RFC 5626 §3.5.1: two line ends are a ping, answered with one.
    func receivedKeepAlive(on id: UInt64) {
        counters.keepAlives &+= 1
        guard let connection = connections[id] else { return }
        connection.channel.writeAndFlush(ByteBuffer(string: "\r\n"), promise: nil)
    }

    /// The stream cannot be cut any more: one last answer where its header section was read; the handler closes.
    func framingFailed(_ error: StreamFramingError, on id: UInt64) {
        counters.framingErrors &+= 1
        guard let connection = connections[id] else { return }
        logger.debug(
            "closing a connection", metadata: ["remote": "\(connection.source.remote)", "reason": "\(error)"])
        guard !error.head.isEmpty, case .request(let request)? = try? SIPMessage(parsingDatagram: error.head),
            request.method != .ack
        else { return }
        let status =
            switch error.reason {
            case .messageTooLarge, .headerTooLarge, .tooManyFields: 513
            case .contentLength, .notSIP: 400
            }
        let flow = connection.flow(id: id)
        guard admission.screen(flow.source.remote, now: .now) == .pass else { return }
        var located = request
        located.noteSource(host: flow.source.remote.ip, port: flow.source.remote.port)
        refuse(located, status, status == 400 ? error.description : nil, along: flow)
    }

    private func received(_ bytes: [UInt8], along flow: Flow, arrival: RequestInspection.Arrival) {
        counters.messagesReceived &+= 1
        configuration.capture?(
            CapturedMessage(direction: .received, remote: flow.source.remote, local: flow.source.local, bytes: bytes))
        let message: SIPMessage
        do throws(SIPParseError) {
            message = try SIPMessage(parsingDatagram: bytes)
        } catch {
            counters.unreadable &+= 1
            logger.trace(
                "unreadable message", metadata: ["remote": "\(flow.source.remote)", "reason": "\(error)"])
            return
        }
        let now = ContinuousClock.now
        switch message {
        case .request(var request):
            request.noteSource(host: flow.source.remote.ip, port: flow.source.remote.port)
            received(request, along: flow, arrival: arrival, at: now)
        case .response(let response):
            received(response, at: now)
        }
    }

    private func received(
        _ request: SIPRequest, along flow: Flow, arrival: RequestInspection.Arrival, at now: ContinuousClock.Instant
    ) {
        let isKnown = RequestInspection.usualMethods.contains(request.method)
        counters.requestsByMethod[isKnown ? request.method.rawValue : "OTHER", default: 0] &+= 1
        let key = TransactionKey(receivedRequest: request)
        let transaction = key.flatMap { serverTransactions[$0] }
        let call = DialogID(receivedRequest: request).flatMap { dialogs[$0] }
        // Before transactions are looked at: an ACK or CANCEL that matches the one of an INVITE changes its call, too.
        for touched in [transaction?.call, call, callCancelled(by: request)] {
            guard let touched else { continue }
            guard isWelcome(request, in: touched, along: flow, arrival: arrival, at: now) else { return }
        }
        if let transaction {
            if request.method != .ack { counters.retransmissionsAbsorbed &+= 1 }
            if let action = transaction.receive(request, at: now) { perform(action, of: transaction) }
            arm(transaction)
            return
        }
        if let call, let key {
            received(request, key: key, in: call, along: flow, arrival: arrival, at: now)
            return
        }
        guard request.method != .ack else {
            counters.strayAcknowledgements &+= 1
            return
        }
        if request.method == .cancel,
            let invite = TransactionKey(cancelledBy: request).flatMap({ serverTransactions[$0] })
        {
            receivedCancel(request, key: key, of: invite, along: flow, at: now)
            return
        }
        receivedOutsideDialog(request, key: key, along: flow, arrival: arrival, at: now)
    }

    private func received(_ response: SIPResponse, at now: ContinuousClock.Instant) {
        guard ResponseInspection.fault(of: response) == nil, let key = TransactionKey(receivedResponse: response),
            let transaction = clientTransactions[key]
        else {
            counters.strayResponses &+= 1
            return
        }
        if let action = transaction.receive(response, at: now) { perform(action, of: transaction) }
        arm(transaction)
    }
}
