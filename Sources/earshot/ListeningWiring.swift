import AudioExport
import CallArchive
import HTTPInterface
import StreamSink

/// Audio for listeners, made by AudioExport.
struct ListeningAudio: ListeningAudioMaking {
    func writer(sampleRate: Int, channels: Int, startMilliseconds: Int64) throws -> any WebMWriting {
        Writer(
            writer: try WebMOpusWriter(sampleRate: sampleRate, channels: channels, startMilliseconds: startMilliseconds)
        )
    }

    func decoder(for track: MatroskaScanner.TrackDescription) -> (any BlockDecoding)? {
        BlockAudio(track).map(Decoder.init)
    }

    private struct Writer: WebMWriting {
        let writer: WebMOpusWriter
        var initializationSegment: [UInt8] { writer.initializationSegment }
        func append(_ samples: [Int16]) throws -> [UInt8] { try writer.append(samples) }
        func flush() throws -> [UInt8] { try writer.flush() }
    }

    private final class Decoder: BlockDecoding {
        private let blocks: BlockAudio
        init(_ blocks: BlockAudio) { self.blocks = blocks }
        var sampleRate: Int { blocks.sampleRate }
        func samples(of payload: [UInt8], atMilliseconds milliseconds: Int64) -> (position: Int64, samples: [Int16])? {
            blocks.samples(of: payload, atMilliseconds: milliseconds)
        }
    }
}

/// Calls for listeners, found in the data directory.
struct ListenedCalls: ListenedCallFinding {
    let finder: RecordingFinder

    func call(transactionID: String) throws -> ListenedCall? {
        let recording: CallRecording
        do throws(RecordingFinderError) {
            recording = try finder.recording(transactionID: transactionID)
        } catch {
            if case .noSuchCall = error { return nil }
            throw error
        }
        // The beginning of an identifier is enough for a command, not for a link.
        guard recording.transactionID == transactionID else { return nil }
        let legs = recording.legs.map { leg in
            ListenedLeg(
                name: leg.name, number: leg.isCaller.flatMap { $0 ? recording.fromNumber : recording.toNumber },
                label: leg.label, isCaller: leg.isCaller,
                sessions: leg.sessions.map { ListenedSession(streamName: $0.streamName, number: $0.number) })
        }
        return ListenedCall(
            transactionID: recording.transactionID, callID: recording.callID, connectorID: recording.connectorID,
            direction: recording.direction, isOver: !recording.isUnfinished,
            legs: legs.filter { $0.isCaller == true } + legs.filter { $0.isCaller != true })
    }
}
