/// Reads records out of a metadata document, whatever its dialect.
///
/// Elements are found by name alone, any prefix, namespace and spelling (`participant_id`, `id`): RFC 7865, its drafts
/// with `session=` attributes and nested `send`, BroadWorks' `recording_metadata`, and mixtures of them.
struct MetadataReader {
    private let tree: XMLTree
    private let bytes: [UInt8]
    private var metadata: RecordingMetadata

    static func read(_ raw: [UInt8]) -> RecordingMetadata {
        let bytes = XMLReader.utf8(raw)
        var reader = MetadataReader(tree: XMLReader.read(raw), bytes: bytes, raw: raw)
        reader.run()
        return reader.metadata
    }

    private init(tree: XMLTree, bytes: [UInt8], raw: [UInt8]) {
        self.tree = tree
        self.bytes = bytes
        metadata = RecordingMetadata(raw: raw, status: .unreadable)
        metadata.findings = tree.findings.map(\.rawValue)
    }

    private mutating func run() {
        guard let root = root() else { return }
        metadata.namespace = tree.elements[root].namespace
        metadata.mode =
            tree.childText("datamode", of: root)
            .flatMap { MetadataMode(rawValue: $0.asciiLowercased) } ?? .unspecified
        let records = records(under: root)
        for index in records where tree.elements[index].key == "participant" { readParticipant(index) }
        for index in records { readRecord(index) }
        let hints = CallPartyHints.read(tree, root: root, participants: metadata.participants)
        metadata.callParties = hints.parties
        metadata.swapsSendAndReceive = hints.isSonus
        // A participant of whom nothing is said is what is left of a document that could not be read.
        let isNobody =
            metadata.participants.isEmpty
            || tree.findings.contains(.notWellFormed)
                && metadata.participants.allSatisfy { $0.address == nil && $0.name == nil }
        let isEmpty =
            isNobody && metadata.streams.isEmpty && metadata.sessions.isEmpty
            && metadata.sessionAssociations.isEmpty && metadata.streamAssociations.isEmpty && metadata.groups.isEmpty
        guard !isEmpty else { return }
        metadata.status =
            metadata.mode == .partial || !metadata.openReferences.isEmpty ? .partial : .complete
    }

    /// `recording`, or `recording_metadata` (which has a `recording` of its own inside).
    private func root() -> Int? {
        let named = tree.elements.firstIndex { ["recording", "recordingmetadata"].contains($0.key) }
        return named ?? tree.elements.first { $0.key == "participant" || $0.key == "stream" }?.parent
    }

    /// Children of the root, and of records that early drafts nest others in; foreign elements are not entered.
    private func records(under root: Int) -> [Int] {
        let containers: Set<String> = ["recording", "group", "session", "communicationsession"]
        var entered: Set<Int> = [root]
        return tree.elements.indices.filter { index in
            guard let parent = tree.elements[index].parent, entered.contains(parent) else { return false }
            if containers.contains(tree.elements[index].key) { entered.insert(index) }
            return true
        }
    }

    private mutating func readRecord(_ index: Int) {
        switch tree.elements[index].key {
        case "group": readGroup(index)
        case "session": readSession(index)
        case "stream": readStream(index)
        case "participantsessionassoc": readSessionAssociation(index)
        case "participantstreamassoc": readStreamAssociation(index)
        case "participant": keepExtensions(of: index, id: tree.attribute("participantid", "id", of: index))
        case "extensiondata":
            keepExtension(index, owner: "recording", id: tree.attribute("parent", of: index))
        default:
            let parent = tree.elements[index].parent.map { tree.elements[$0] }
            guard tree.elements[index].namespace != metadata.namespace, let parent else { return }
            keepExtension(index, owner: parent.key, id: nil)
        }
    }

    private mutating func readGroup(_ index: Int) {
        guard metadata.groups.count < RecordingMetadata.maximumRecords else { return }
        guard let id = tree.attribute("groupid", "id", of: index) else { return }
        metadata.groups.append(
            .init(
                id: id, associateTime: tree.childText("associatetime", of: index),
                disassociateTime: tree.childText("disassociatetime", of: index)))
    }

    private mutating func readSession(_ index: Int) {
        guard metadata.sessions.count < RecordingMetadata.maximumRecords else { return }
        let id = tree.attribute("sessionid", "id", of: index) ?? "#\(metadata.sessions.count)"
        let identifiers = tree.children(of: index, key: "sipsessionid").prefix(RecordingMetadata.maximumRecords)
        metadata.sessions.append(
            .init(
                id: id, groupID: tree.childText("groupref", of: index) ?? tree.attribute("group", of: index),
                sipSessionIDs: identifiers.compactMap { tree.elements[$0].text.nonBlank },
                startTime: tree.childText("starttime", "associatetime", of: index),
                stopTime: tree.childText("stoptime", "disassociatetime", of: index)))
    }

    private mutating func readStream(_ index: Int) {
        guard metadata.streams.count < RecordingMetadata.maximumRecords else { return }
        metadata.streams.append(
            .init(
                id: tree.attribute("streamid", "id", of: index) ?? "#\(metadata.streams.count)",
                sessionID: tree.attribute("sessionid", "session", of: index),
                label: tree.childText("label", of: index) ?? tree.attribute("label", of: index),
                mode: tree.childText("mode", of: index)))
    }

    private mutating func readParticipant(_ index: Int) {
        guard metadata.participants.count < RecordingMetadata.maximumRecords else { return }
        let id = tree.attribute("participantid", "id", of: index) ?? "#\(metadata.participants.count)"
        let tree = tree
        let names = tree.children(of: index, key: "nameid")
        let address =
            names.compactMap { tree.attribute("aor", of: $0) ?? tree.childText("aor", of: $0) }.first
            ?? tree.childText("aor", of: index) ?? tree.attribute("aor", of: index)
            // Some write the address as the text of nameID.
            ?? names.compactMap { tree.elements[$0].text.nonBlank }.first
        let name = names.compactMap { tree.childText("name", of: $0) }.first ?? tree.childText("name", of: index)
        metadata.participants.append(
            .init(id: id, address: address.map { AddressOfRecord(parsing: $0) }, name: name.flatMap(Self.unquoted)))
        // The drafts before RFC 7865 keep the associations in the participant itself.
        if let session = tree.attribute("sessionid", "session", of: index) {
            appendSessionAssociation(
                .init(
                    participantID: id, sessionID: session, associateTime: tree.childText("associatetime", of: index),
                    disassociateTime: tree.childText("disassociatetime", of: index)))
        }
        let sends = streamReferences(of: index, key: "send")
        let receives = streamReferences(of: index, key: "recv")
        if !sends.isEmpty || !receives.isEmpty {
            appendStreamAssociation(
                .init(participantID: id, sends: sends, receives: receives, disassociateTime: nil))
        }
    }

    private static func unquoted(_ name: String) -> String? {
        let bytes = name.utf8
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") else { return name }
        return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self).nonBlank
    }

    private mutating func readSessionAssociation(_ index: Int) {
        let position = metadata.sessionAssociations.count
        appendSessionAssociation(
            .init(
                participantID: participantReference(of: index, position: position),
                sessionID: tree.attribute("sessionid", "session", of: index),
                associateTime: tree.childText("associatetime", of: index),
                disassociateTime: tree.childText("disassociatetime", of: index)))
    }

    private mutating func readStreamAssociation(_ index: Int) {
        let position = metadata.streamAssociations.count
        appendStreamAssociation(
            .init(
                participantID: participantReference(of: index, position: position),
                sends: streamReferences(of: index, key: "send"), receives: streamReferences(of: index, key: "recv"),
                disassociateTime: tree.childText("disassociatetime", of: index)))
    }

    private mutating func appendSessionAssociation(_ association: RecordingMetadata.SessionAssociation) {
        guard metadata.sessionAssociations.count < RecordingMetadata.maximumRecords else { return }
        metadata.sessionAssociations.append(association)
    }

    private mutating func appendStreamAssociation(_ association: RecordingMetadata.StreamAssociation) {
        guard metadata.streamAssociations.count < RecordingMetadata.maximumRecords else { return }
        metadata.streamAssociations.append(association)
    }

    /// An association without an id belongs to the participant in the same place.
    private func participantReference(of index: Int, position: Int) -> String {
        if let id = tree.attribute("participantid", "participant", "id", of: index) { return id }
        return metadata.participants.indices.contains(position) ? metadata.participants[position].id : "#\(position)"
    }

    /// `<send>id</send>`, and BroadWorks' `<send><id>…</id></send>`.
    private func streamReferences(of index: Int, key: String) -> [String] {
        tree.children(of: index, key: key).prefix(RecordingMetadata.maximumRecords).compactMap { child in
            tree.childText("id", "streamid", of: child) ?? tree.elements[child].text.nonBlank
                ?? tree.attribute("streamid", "id", of: child)
        }
    }

    private mutating func keepExtensions(of index: Int, id: String?) {
        let own: Set<String> = [
            "nameid", "aor", "name", "send", "recv", "associatetime", "disassociatetime", "participantid",
        ]
        for child in tree.elements[index].children where !own.contains(tree.elements[child].key) {
            keepExtension(child, owner: "participant", id: id)
        }
    }

    private mutating func keepExtension(_ index: Int, owner: String, id: String?) {
        let element = tree.elements[index]
        guard metadata.extensions.count < RecordingMetadata.maximumRecords else { return }
        metadata.extensions.append(
            .init(
                owner: owner, ownerID: id, name: element.name, namespace: element.namespace,
                raw: Array(bytes[element.range.clamped(to: 0..<bytes.count)])))
    }
}
