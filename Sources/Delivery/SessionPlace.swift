import StreamSink

/// Where the session is that an event is about.
struct SessionPlace: Sendable {
    var streamName: String
    var path: String
    var session: Int

    /// Finds it by the ARN's stream, the call and the m-line's index.
    /// - Parameter whenMissing: whose fault it is when there is no file: a leg that has just started may not have one yet.
    init(
        _ event: EventSummary, dataDirectory: String, whenMissing: DeliveryFailure.Scope
    ) throws(DeliveryFailure) {
        // arn:aws:kinesisvideo:<region>:<account>:stream/<name>/<time>
        let parts = (event.detail("streamArn") ?? "").split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, Self.isName(parts[1]) else {
            throw DeliveryFailure(.refused, "the event's streamArn names no stream")
        }
        let name = String(parts[1])
        let folder = "\(dataDirectory)/streams/\(name)"
        let index = event.json["detail"]?["sdp"]?["mediaIndex"]?.integerValue
        let first = event.detail("startFragmentNumber").flatMap { FragmentNumber($0) }
        let files = DiskFile.names(in: folder).compactMap { SessionFileName($0) }.filter {
            $0.transactionID == event.transactionID && (index == nil || Int64($0.mediaIndex) == index)
        }
        // A leg that comes back in the same call has several sessions; the counter of the first fragment tells which.
        let file =
            files.first { file in first.map { UInt64(file.session) == $0.counter / 1000 } ?? false } ?? files.last
        guard let file else {
            throw DeliveryFailure(
                whenMissing, "the stream \(name) has no recording of call \(event.transactionID) any more")
        }
        streamName = name
        session = file.session
        path = "\(folder)/\(file.text)"
    }

    /// Nothing that leaves the folder.
    private static func isName(_ name: Substring) -> Bool {
        !name.isEmpty && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
                    || "-_.".utf8.contains(byte)
            }
    }
}
