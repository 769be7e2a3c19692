/// What vendor extensions say of who called whom.
enum CallPartyHints {
    static func read(
        _ tree: XMLTree, root: Int, participants: [RecordingMetadata.Participant]
    ) -> (parties: RecordingMetadata.CallParties, isSonus: Bool) {
        var parties = RecordingMetadata.CallParties()
        var isSonus = false
        for (index, element) in tree.elements.enumerated() {
            switch element.key {
            case "callingparty":
                if let flag = flag(element) {
                    // Oracle: <apkt:callingParty>true</apkt:callingParty> somewhere inside a participant.
                    guard let owner = participantID(above: index, in: tree, participants: participants) else {
                        continue
                    }
                    if flag {
                        parties.callingParticipantID = parties.callingParticipantID ?? owner
                    } else {
                        parties.calledParticipantID = parties.calledParticipantID ?? owner
                    }
                } else {
                    parties.callingParticipantID = parties.callingParticipantID ?? named(index, tree)
                }
            case "calledparty":
                parties.calledParticipantID = parties.calledParticipantID ?? named(index, tree)
            case "callingpartynumber":
                parties.calling = parties.calling ?? address(element)
            case "calledpartynumber":
                parties.called = parties.called ?? address(element)
            case "calldata":
                guard element.namespace.hasSuffix(":callData") || !tree.children(of: index, key: "fromhdr").isEmpty
                else { continue }
                isSonus = true
                parties.calling = tree.childText("fromhdr", of: index).map { AddressOfRecord(parsing: $0) }
                parties.called = tree.childText("tohdr", of: index).map { AddressOfRecord(parsing: $0) }
            default:
                continue
            }
        }
        return (parties, isSonus)
    }

    private static func flag(_ element: XMLTree.Element) -> Bool? {
        switch element.text.asciiTrimmed.asciiLowercased {
        case "true", "1", "yes": true
        case "false", "0", "no": false
        default: nil
        }
    }

    /// NetSapiens: <callingParty participant_id="…">.
    private static func named(_ index: Int, _ tree: XMLTree) -> String? {
        tree.attribute("participantid", "id", of: index)
    }

    private static func address(_ element: XMLTree.Element) -> AddressOfRecord? {
        element.text.nonBlank.map { AddressOfRecord(parsing: $0) }
    }

    /// The nth participant element is the nth record.
    private static func participantID(
        above index: Int, in tree: XMLTree, participants: [RecordingMetadata.Participant]
    ) -> String? {
        var current = tree.elements[index].parent
        while let candidate = current {
            if tree.elements[candidate].key == "participant" {
                if let id = tree.attribute("participantid", "id", of: candidate) { return id }
                let position = tree.elements[..<candidate].count { $0.key == "participant" }
                return participants.indices.contains(position) ? participants[position].id : nil
            }
            current = tree.elements[candidate].parent
        }
        return nil
    }
}
