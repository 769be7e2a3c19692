/// A digit that was heard as a telephone event.
struct DigitNote: Sendable, Equatable {
    /// `0` to `9`, `*`, `#`, `A` to `D`, or an event's number.
    var digit: String
    /// Where it began, milliseconds from the session's start.
    var startMilliseconds: Int64
    /// How long it was held.
    var milliseconds: Int

    /// `<digit>@<start>+<length>`, e.g. `5@12340+80`.
    var text: String { "\(digit)@\(startMilliseconds)+\(milliseconds)" }
}

/// Digits on their way into the fragments' tags, kept until the fragment is certainly in the file.
struct DigitNotes: Sendable {
    /// The tag's name; ours, after the contract's tags.
    static let tagName = "EarshotDigits"
    /// More than so many waiting digits are dropped: nobody presses as many within a second.
    static let limit = 256

    private var notes: [DigitNote] = []
    /// How many were dropped from the front: the number of `notes[0]`.
    private var first = 0

    mutating func append(_ note: DigitNote) {
        if notes.count < Self.limit { notes.append(note) }
    }

    func hasMore(after taken: Int) -> Bool { first + notes.count > taken }

    /// The tag's value with as many digits from number `taken` on as it has room for, separated by blanks; `taken` moves
    /// on. Nil when there are none.
    func value(after taken: inout Int) -> String? {
        guard hasMore(after: taken), taken >= first else { return nil }
        var value = ""
        while taken - first < notes.count {
            let text = notes[taken - first].text
            guard value.utf8.count + 1 + text.utf8.count <= FragmentTags.maximumValueLength else { break }
            value += value.isEmpty ? text : " " + text
            taken += 1
        }
        return value.isEmpty ? nil : value
    }

    /// Forgets those before number `taken`.
    mutating func drop(before taken: Int) {
        guard taken > first else { return }
        notes.removeFirst(min(taken - first, notes.count))
        first = taken
    }
}
