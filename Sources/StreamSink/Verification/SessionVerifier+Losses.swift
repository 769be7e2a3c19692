extension SessionVerifier {
    /// Tells what recovery had to give up; as a note once somebody has said that it is known.
    func tellLosses() throws(FileError) {
        guard let known = try SessionLosses.load(session: source.path) else { return }
        losses = known
        let level: VerificationFinding.Level? = known.acknowledgedAtMilliseconds == nil ? nil : .note
        let when =
            known.acknowledgedAtMilliseconds.map { "; known since \(UTCTime(milliseconds: $0).isoSeconds)" } ?? ""
        if known.losses.isEmpty {
            add(.lostInRecovery, level: level, detail: "a crash has cost something; what it was cannot be read") { _ in
            }
        }
        for loss in known.losses {
            let what =
                loss.isCut ? "cut off after a crash" : "damaged when a crash was recovered from, passed over since"
            add(.lostInRecovery, level: level, detail: "\(what): \(loss.description)\(when)") {
                $0.fragment = loss.fragment
                $0.lastFragment = loss.lastFragment
                $0.fragmentCount = loss.fragmentCount
                $0.offset = loss.offset
                $0.bytes = loss.bytes
                $0.atMilliseconds = loss.atMilliseconds
                $0.milliseconds = loss.milliseconds
            }
        }
    }

    /// The end of the Voids that begin at a place; the place itself where none does.
    func endOfVoids(from start: Int64, upTo limit: Int64) throws(FileError) -> Int64 {
        var window = ByteWindow(source)
        window.limit = limit
        var position = start
        while position < limit {
            do throws(WalkError) {
                guard let head = try window.element(at: position), head.id == MatroskaElement.void,
                    let end = head.end, end <= limit
                else { return position }
                position = end
            } catch {
                if case .file(let error) = error { throw error }
                return position
            }
        }
        return position
    }
}
