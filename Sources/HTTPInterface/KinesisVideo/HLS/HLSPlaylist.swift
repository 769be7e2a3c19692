import StreamSink

/// The texts of an HLS session (RFC 8216).
enum HLSPlaylist {
    static let mediaType = "application/x-mpegURL"

    /// The playlist of playlists: one audio rendition.
    static func master(token: String) -> String {
        """
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=96000,CODECS="mp4a.40.2"
        getHLSMediaPlaylist.m3u8?SessionToken=\(token)

        """
    }

    /// The fragments of a session.
    ///
    /// - Parameters:
    ///   - sequence: the first fragment's number in the session, from 1.
    static func media(
        token: String, session: HLSSession, fragments: [StoredFragment], sequence: UInt64
    ) -> String {
        let longest = fragments.map(\.durationMilliseconds).max() ?? 1000
        var text = "#EXTM3U\n#EXT-X-VERSION:7\n"
        switch session.mode {
        case .live: break
        case .liveReplay: text += "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        case .onDemand: text += "#EXT-X-PLAYLIST-TYPE:VOD\n"
        }
        // RFC 8216 §4.3.3.1: rounded to the nearest second, no fragment may be longer.
        text += "#EXT-X-TARGETDURATION:\(max(1, (longest + 500) / 1000))\n"
        text += "#EXT-X-MEDIA-SEQUENCE:\(sequence)\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        text += "#EXT-X-MAP:URI=\"getMP4InitFragment.mp4?SessionToken=\(token)\"\n"
        var previous: StoredFragment?
        for (index, fragment) in fragments.enumerated() {
            if let previous, jumps(session, previous, fragment) { text += "#EXT-X-DISCONTINUITY\n" }
            if session.fragmentTimes == .always {
                let time = UTCTime(milliseconds: fragment.producerMilliseconds).isoMilliseconds
                text += "#EXT-X-PROGRAM-DATE-TIME:\(time)\n"
            }
            text += "#EXTINF:\(MediaTag.seconds(max(1, fragment.durationMilliseconds))),\n"
            text += "getMP4MediaFragment.mp4?FragmentNumber=\(fragment.number)"
            text += "&Sequence=\(sequence + UInt64(index))&SessionToken=\(token)\n"
            previous = fragment
        }
        if session.mode == .onDemand { text += "#EXT-X-ENDLIST\n" }
        return text
    }

    /// A gap, or another session in the stream, where the session asked to be told.
    private static func jumps(
        _ session: HLSSession, _ previous: StoredFragment, _ next: StoredFragment
    ) -> Bool {
        switch session.discontinuity {
        case .always: true
        case .never: previous.session != next.session
        case .onDiscontinuity:
            previous.session != next.session
                || next.producerMilliseconds - previous.producerMilliseconds
                    - previous.durationMilliseconds > 50
        }
    }
}
