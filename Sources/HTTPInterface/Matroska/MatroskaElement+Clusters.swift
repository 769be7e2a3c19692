import StreamSink

extension MatroskaElement {
    /// What may follow a cluster of unknown size, and so ends it: the children of a Segment, and the next document.
    static func endsCluster(_ id: UInt32) -> Bool {
        switch id {
        case ebml, segment, seekHead, info, tracks, cues, chapters, attachments, tags, cluster: true
        default: false
        }
    }
}
