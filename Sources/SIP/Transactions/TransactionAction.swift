/// Why a transaction ended. After it, the driver forgets the transaction.
public enum TransactionEnd: Sendable, Hashable {
    /// The exchange is over and stray copies have been absorbed.
    case completed
    /// Timer B or F: no final answer within 64·T1, or none within 64·T1 of a CANCEL (§9.1).
    /// The transaction user treats it as a 408 (RFC 3261 §8.1.3.1).
    case timedOut
    /// Timer H: the peer never acknowledged a non-2xx final response.
    case acknowledgementTimedOut
    /// The transport could not send. The transaction user treats it as a 503 (RFC 3261 §8.1.3.1).
    case transportFailed
}

/// What the driver of a server transaction has to do now.
public enum ServerTransactionAction: Sendable, Equatable {
    /// Send these bytes where responses of this transaction go (RFC 3261 §18.2.2).
    case send([UInt8])
    /// Hand the request to the transaction user: an ACK that confirms a 2xx (RFC 6026 §7.1).
    case deliver(SIPRequest)
    /// Forget the transaction.
    case terminated(TransactionEnd)
}

/// What the driver of a client transaction has to do now.
public enum ClientTransactionAction: Sendable, Equatable {
    /// Send these bytes where the request went: a retransmission of the request or of the ACK.
    case send([UInt8])
    /// Hand the response to the transaction user.
    case deliver(SIPResponse)
    /// A non-2xx final response to an INVITE: send the ACK where the INVITE went, then hand over the response.
    case acknowledge([UInt8], delivering: SIPResponse)
    /// The first provisional response after ``InviteClientTransaction/cancel(at:)``: hand over the response, then
    /// send the CANCEL in a ``NonInviteClientTransaction`` of its own, to where the INVITE went.
    case deliverAndCancel(SIPResponse, cancel: SIPRequest)
    /// Forget the transaction.
    case terminated(TransactionEnd)
}
