/// The element identifiers that the HTTP interface reads or writes (RFC 8794 for EBML, RFC 9559 for Matroska).
enum ElementID {
    static let ebml: UInt32 = 0x1A45_DFA3
    static let docType: UInt32 = 0x4282
    static let void: UInt32 = 0xEC
    static let crc32: UInt32 = 0xBF
    static let segment: UInt32 = 0x1853_8067
    static let seekHead: UInt32 = 0x114D_9B74
    static let info: UInt32 = 0x1549_A966
    static let timestampScale: UInt32 = 0x2AD7B1
    static let tracks: UInt32 = 0x1654_AE6B
    static let trackEntry: UInt32 = 0xAE
    static let trackNumber: UInt32 = 0xD7
    static let cues: UInt32 = 0x1C53_BB6B
    static let chapters: UInt32 = 0x1043_A770
    static let attachments: UInt32 = 0x1941_A469
    static let tags: UInt32 = 0x1254_C367
    static let tag: UInt32 = 0x7373
    static let simpleTag: UInt32 = 0x67C8
    static let tagName: UInt32 = 0x45A3
    static let tagString: UInt32 = 0x4487
    static let cluster: UInt32 = 0x1F43_B675
    static let timecode: UInt32 = 0xE7
    static let position: UInt32 = 0xA7
    static let previousSize: UInt32 = 0xAB
    static let simpleBlock: UInt32 = 0xA3
    static let blockGroup: UInt32 = 0xA0
    static let block: UInt32 = 0xA1

    /// What may follow a cluster of unknown size, and so ends it: the children of a Segment, and the next document.
    static func endsCluster(_ id: UInt32) -> Bool {
        switch id {
        case ebml, segment, seekHead, info, tracks, cues, chapters, attachments, tags, cluster: true
        default: false
        }
    }
}
