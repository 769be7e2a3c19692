/// Writes metadata documents in a dialect.
enum ClientMetadata {
    /// - Parameter isDummy: Avaya: the callee is not known yet.
    static func document(for client: RecordingClientOffer, isDummy: Bool) -> [UInt8] {
        let text =
            switch client.dialect {
            case .rfc, .cisco, .none: rfc(client, prefix: "", isSonus: false)
            case .sonus: rfc(client, prefix: "tns:", isSonus: true)
            case .oracle: draft(client, isDummy: false)
            case .avaya: draft(client, isDummy: isDummy)
            case .audiocodes: audiocodes(client)
            case .broadworks: broadworks(client)
            }
        return Array(text.utf8)
    }

    static func departure(for client: RecordingClientOffer, isCaller: Bool) -> [UInt8] {
        let written = client.dialect == .audiocodes ? parties(client).map(\.number) : client.ids.participants
        let participant = escape(written[isCaller ? 0 : 1])
        return Array(
            """
            <?xml version="1.0" encoding="UTF-8"?>\r
            <recording xmlns='urn:ietf:params:xml:ns:recording:1'>\r
            <datamode>partial</datamode>\r
            <participantsessionassoc participant_id="\(participant)" session_id="\(client.ids.session)">\r
            <disassociate-time>\(escape(client.time))</disassociate-time>\r
            </participantsessionassoc>\r
            </recording>\r

            """.utf8)
    }

    private static func escape(_ text: String) -> String { XMLReference.escape(text) }

    private static func parties(_ client: RecordingClientOffer) -> [RecordingClientOffer.Party] {
        [client.caller, client.callee]
    }

    /// Streams with the position of the party that sends them: two alternate, one is everybody's.
    private static func streams(_ client: RecordingClientOffer) -> [(id: String, label: String, sender: Int?)] {
        let isMixed = client.media.count == 1
        return zip(client.ids.streams, client.dialect.labels).prefix(client.media.count).enumerated()
            .map { position, stream in (stream.0, stream.1, isMixed ? nil : position % 2) }
    }

    private static func sent(_ client: RecordingClientOffer, by party: Int) -> [String] {
        streams(client).filter { $0.sender == nil || $0.sender == party }.map(\.id)
    }

    private static func heard(_ client: RecordingClientOffer, by party: Int) -> [String] {
        streams(client).filter { $0.sender != party }.map(\.id)
    }

    /// RFC 7865 §6; Cisco; and Sonus with its prefix and its exchanged `send` and `recv`.
    private static func rfc(_ client: RecordingClientOffer, prefix p: String, isSonus: Bool) -> String {
        let ids = client.ids
        let scheme = isSonus ? "" : "sip:"
        let namespace =
            isSonus ? "xmlns:tns='urn:ietf:params:xml:ns:recording'" : "xmlns='urn:ietf:params:xml:ns:recording:1'"
        var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#, "<\(p)recording \(namespace)>"]
        lines.append("<\(p)datamode>complete</\(p)datamode>")
        if isSonus { lines += callData(client, p) }
        lines.append(#"<\#(p)session session_id="\#(ids.session)">"#)
        lines.append("<\(p)start-time>\(escape(client.time))</\(p)start-time>")
        lines.append("</\(p)session>")
        for (position, party) in parties(client).enumerated() {
            let address = escape("\(scheme)\(party.number)@\(party.host)")
            lines.append(#"<\#(p)participant participant_id="\#(ids.participants[position])">"#)
            lines.append(#"<\#(p)nameID aor="\#(address)">"#)
            if let name = party.name { lines.append(#"<\#(p)name xml:lang="en">\#(escape(name))</\#(p)name>"#) }
            lines.append("</\(p)nameID>")
            lines.append("</\(p)participant>")
        }
        for stream in streams(client) {
            lines.append(#"<\#(p)stream stream_id="\#(stream.id)" session_id="\#(ids.session)">"#)
            lines.append("<\(p)label>\(stream.label)</\(p)label>")
            lines.append("</\(p)stream>")
        }
        for participant in ids.participants {
            lines.append(
                #"<\#(p)participantsessionassoc participant_id="\#(participant)" session_id="\#(ids.session)">"#)
            lines.append("<\(p)associate-time>\(escape(client.time))</\(p)associate-time>")
            lines.append("</\(p)participantsessionassoc>")
        }
        for (position, participant) in ids.participants.enumerated() {
            let sends = sent(client, by: position)
            let hears = heard(client, by: position)
            lines.append(#"<\#(p)participantstreamassoc participant_id="\#(participant)">"#)
            lines += (isSonus ? hears : sends).map { "<\(p)send>\($0)</\(p)send>" }
            lines += (isSonus ? sends : hears).map { "<\(p)recv>\($0)</\(p)recv>" }
            lines.append("</\(p)participantstreamassoc>")
        }
        lines.append("</\(p)recording>")
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    private static func callData(_ client: RecordingClientOffer, _ p: String) -> [String] {
        func header(_ party: RecordingClientOffer.Party) -> String {
            escape("\"\(party.name ?? party.number)\" <sip:\(party.number)@\(party.host)>;tag=1")
        }
        return [
            #"<\#(p)group group_id="\#(client.ids.group)">"#,
            "<callData xmlns='urn:ietf:params:xml:ns:callData'>",
            "<fromhdr>\(header(client.caller))</fromhdr>", "<tohdr>\(header(client.callee))</tohdr>",
            "</callData>", "</\(p)group>",
        ]
    }

    /// The draft form with everything inside the participant, as Oracle and Avaya write it.
    private static func draft(_ client: RecordingClientOffer, isDummy: Bool) -> String {
        let ids = client.ids
        let time = "<associate-time>\(escape(client.time))</associate-time>"
        var lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<recording xmlns='urn:ietf:params:xml:ns:recording'>"]
        lines.append(isDummy ? "<dataMode>complete</dataMode>" : "<datamode>complete</datamode>")
        lines += [#"<session id="\#(ids.session)">"#, time, "</session>"]
        for (position, party) in parties(client).enumerated() {
            let isUnknown = isDummy && position == 1
            let user = isUnknown ? "dummy" : party.number
            lines.append(#"<participant id="\#(ids.participants[position])" session="\#(ids.session)">"#)
            lines.append(#"<nameID aor="\#(escape("sip:\(user)@\(party.host)"))">"#)
            lines.append("<name>\(escape(isUnknown ? user : party.name ?? user))</name>")
            lines.append("</nameID>")
            lines += sent(client, by: position).map { "<send>\($0)</send>" }
            lines.append(time)
            lines.append(#"<extensiondata xmlns:apkt="http://acmepacket.com/siprec/extensiondata">"#)
            lines.append("<apkt:callingParty>\(position == 0)</apkt:callingParty>")
            lines += ["</extensiondata>", "</participant>"]
        }
        for stream in streams(client) {
            lines.append(#"<stream id="\#(stream.id)" session="\#(ids.session)">"#)
            lines += ["<label>\(stream.label)</label>", "<mode>separate</mode>", time, "</stream>"]
        }
        return (lines + ["</recording>"]).joined(separator: "\r\n") + "\r\n"
    }

    private static func audiocodes(_ client: RecordingClientOffer) -> String {
        let ids = client.ids
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<recording xmlns="urn:ietf:params:xml:ns:recording" xmlns:ac="http://AudioCodes">"#,
            "  <datamode>complete</datamode>",
            #"  <session id="\#(ids.session)">"#,
            "    <associate-time>\(escape(client.time))</associate-time>", "  </session>",
        ]
        for (position, party) in parties(client).enumerated() {
            lines.append(#"  <participant id="\#(escape(party.number))" session="\#(ids.session)">"#)
            lines.append(#"    <nameID aor="\#(escape("\(party.number)@\(party.host)"))"></nameID>"#)
            lines += sent(client, by: position).map { "    <send>\($0)</send>" }
            lines += heard(client, by: position).map { "    <recv>\($0)</recv>" }
            lines.append("  </participant>")
        }
        for stream in streams(client) {
            lines.append(#"  <stream id="\#(stream.id)" session="\#(ids.session)">"#)
            lines += ["    <label>\(stream.label)</label>", "  </stream>"]
        }
        return (lines + ["</recording>"]).joined(separator: "\n") + "\n"
    }

    private static func broadworks(_ client: RecordingClientOffer) -> String {
        let ids = client.ids
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<recording_metadata xmlns="urn:ietf:params:xml:ns:siprec">"#, "<dataMode>complete</dataMode>",
            #"<session id="\#(ids.session)" group="\#(ids.group)">"#,
            "<start-time>\(escape(client.time))</start-time>", "</session>",
        ]
        for (position, party) in parties(client).enumerated() {
            lines.append(#"<participant id="\#(ids.participants[position])" session="\#(ids.session)">"#)
            lines.append("<aor>\(escape("sip:\(party.number)@\(party.host);user=phone"))</aor>")
            lines += sent(client, by: position).map { "<send><id>\($0)</id></send>" }
            lines.append("</participant>")
        }
        for stream in streams(client) {
            lines.append(#"<stream id="\#(stream.id)" session="\#(ids.session)">"#)
            lines += ["<label>\(stream.label)</label>", "<mode>separate</mode>", "</stream>"]
        }
        lines += [
            #"<extensiondata parent="\#(ids.session)">"#,
            #"<broadWorksRecordingMetadata xmlns="http://schema.broadsoft.com/broadworksCallRecording" version="4.0">"#,
            "<callType><origCall>",
            "<callingPartyNumber>\(escape("sip:\(client.caller.number)@\(client.caller.host)"))</callingPartyNumber>",
            "<calledPartyNumber>\(escape("sip:\(client.callee.number)@\(client.callee.host)"))</calledPartyNumber>",
            "</origCall></callType>", "</broadWorksRecordingMetadata>", "</extensiondata>",
        ]
        return (lines + ["</recording_metadata>"]).joined(separator: "\r\n") + "\r\n"
    }
}
