import StreamSink

@testable import HTTPInterface

/// Small Matroska streams, made by hand.
enum SampleMedia {
    static func element(_ id: UInt32, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendElement(id, content)
        return bytes
    }

    static func header(tracks: [UInt8] = [1]) -> [UInt8] {
        let unknown: [UInt8] = [0x01] + [UInt8](repeating: 0xFF, count: 7)
        var bytes = element(MatroskaElement.ebml, element(MatroskaElement.docType, Array("matroska".utf8)))
        bytes += [0x18, 0x53, 0x80, 0x67] + unknown
        bytes += element(MatroskaElement.info, element(MatroskaElement.timestampScale, [0x0F, 0x42, 0x40]))
        bytes += element(
            MatroskaElement.tracks,
            tracks.flatMap { number in
                element(
                    MatroskaElement.trackEntry,
                    element(MatroskaElement.trackNumber, [number]) + element(0x73C5, [number]) + element(0x83, [2])
                        + element(0x86, Array("A_PCM/INT/LIT".utf8)))
            })
        return bytes
    }

    static func block(track: UInt8 = 1, time: Int16, _ payload: [UInt8]) -> [UInt8] {
        let time = UInt16(bitPattern: time)
        return element(
            MatroskaElement.simpleBlock, [0x80 | track, UInt8(time >> 8), UInt8(time & 0xFF), 0x80] + payload)
    }

    static func clusterContent(timecode: Int64, frames: Int, bytes: Int, track: UInt8 = 1) -> [UInt8] {
        var content = element(
            MatroskaElement.timecode, (0..<8).map { UInt8(truncatingIfNeeded: timecode >> (56 - 8 * $0)) })
        for frame in 0..<frames {
            content += block(
                track: track, time: Int16(frame * 100),
                [UInt8](repeating: UInt8(truncatingIfNeeded: frame), count: bytes))
        }
        return content
    }

    static func cluster(timecode: Int64, frames: Int = 10, bytes: Int = 100, track: UInt8 = 1) -> [UInt8] {
        element(MatroskaElement.cluster, clusterContent(timecode: timecode, frames: frames, bytes: bytes, track: track))
    }

    /// With a size that is unknown: the next element of a Segment ends it.
    static func openCluster(timecode: Int64, frames: Int = 10, bytes: Int = 100) -> [UInt8] {
        [0x1F, 0x43, 0xB6, 0x75, 0xFF] + clusterContent(timecode: timecode, frames: frames, bytes: bytes)
    }

    /// What a reader of Kinesis Video Streams makes of a GetMedia body: fragments with their tags and their payload.
    struct Fragment {
        var tags: [String: String] = [:]
        var payload: [UInt8] = []
        var hasCluster = false
    }

    static func fragments(_ bytes: [UInt8]) throws -> [Fragment] {
        var fragments: [Fragment] = []
        var rest = bytes[...]
        while let head = try ElementHead(rest) {
            let content = rest.dropFirst(head.length)
            switch head.id {
            case MatroskaElement.ebml: fragments.append(Fragment())
            case MatroskaElement.tags:
                for tag in try MediaTag.read(content.prefix(head.size ?? 0), limit: 100) {
                    fragments[fragments.count - 1].tags[tag.name] = tag.value
                }
            case MatroskaElement.cluster: fragments[fragments.count - 1].hasCluster = true
            case MatroskaElement.simpleBlock:
                fragments[fragments.count - 1].payload += content.prefix(head.size ?? 0).dropFirst(4)
            default: break
            }
            // Segments and clusters are entered, everything else is passed.
            let isMaster = head.id == MatroskaElement.segment || head.id == MatroskaElement.cluster
            rest = isMaster ? content : content.dropFirst(head.size ?? 0)
        }
        return fragments
    }
}
