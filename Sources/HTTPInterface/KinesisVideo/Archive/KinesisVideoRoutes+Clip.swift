import AccessKeys
import HTTPTypes
import Hummingbird
import NIOCore
import StreamSink

/// GetClip: audio of a time range as one file. MP4, or WAV by `Accept: audio/wav`; both legs as one stereo file by
/// `x-earshot-layout: stereo` (header or query).
extension KinesisVideoRoutes {
    private enum Layout: String, CaseIterable { case mono, stereo }

    func getClip(_ request: Request, _ context: InterfaceContext) async throws -> Response {
        var context = context
        let bytes = try await gate.bytes(of: request, for: .readMedia, context: &context)
        let fields = try RequestFields(bytes)
        guard let selector = try fields.fields("ClipFragmentSelector") else {
            throw fields.missing("ClipFragmentSelector")
        }
        let range = try FragmentSelector.read(selector, range: "TimestampRange")
        let word = request.headers[.earshotLayout] ?? request.queryValue("x-earshot-layout") ?? "mono"
        guard let layout = Layout(rawValue: word.lowercased()) else {
            throw ServiceError.invalidArgument("x-earshot-layout must be 'mono' or 'stereo'.")
        }
        let stream = try library.stream(fields.stream())
        guard stream.retentionHours > 0 else { throw StreamLibraryError.noRetention(stream.name) }
        guard let maker = makers.clips else { throw ServiceError.noMaker }
        let leg = try fragments(of: .arn(stream.arn), range, spare: settings.limits.clipBytes)
        guard let first = leg.first else {
            throw ServiceError.notFound("The stream \(stream.name) has no fragments in this time range.")
        }
        var legs = [leg]
        if layout == .stereo {
            guard let other = await makers.otherLeg?(first) else {
                throw ServiceError.invalidArgument("The call of these fragments has no other leg; ask for mono.")
            }
            let spare = settings.limits.clipBytes - leg.reduce(0) { $0 + $1.bytes }
            let second = try fragments(of: other.stream, range, spare: spare)
                .filter { $0.session.transactionID == other.transactionID }
            legs = other.isRight ? [leg, second] : [second, leg]
        }
        let format: ClipFormat = Self.wantsWave(request.headers[values: .accept]) ? .wav : .mp4
        let file: [UInt8]
        do {
            file = try await maker.clip(ClipRequest(legs: legs, library: library, format: format))
        } catch let error as MediaMakingError {
            throw ServiceError(error)
        }
        return Response(
            status: .ok,
            headers: [.contentType: format.mediaType, .contentLength: String(file.count)],
            body: .init(byteBuffer: ByteBuffer(bytes: file)))
    }

    /// Complete fragments of the range, refused when they are more than a clip may have.
    private func fragments(
        of stream: StreamReference, _ range: FragmentRange, spare: Int
    ) throws -> [StoredFragment] {
        // A fragment lasts about a second and has at least a hundred bytes: this many never fit anyway.
        let most = 100_000
        let found = try library.fragments(stream, range: range, after: nil, limit: most)
        guard found.count < most, found.reduce(0, { $0 + $1.bytes }) <= spare else {
            throw ServiceError.invalidArgument(
                "The clip would have more than \(settings.limits.clipBytes) bytes of media. Ask for a shorter range.")
        }
        return found.filter(\.isComplete)
    }

    private static func wantsWave(_ accepted: [String]) -> Bool {
        accepted.joined(separator: ",").split(separator: ",").contains { item in
            let type =
                item.split(separator: ";").first.map(String.init)?.lowercased()
                .filter { $0 != " " } ?? ""
            return ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"].contains(type)
        }
    }
}
