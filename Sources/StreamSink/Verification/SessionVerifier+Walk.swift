extension SessionVerifier {
    /// Damage that is told when it is known where it ends.
    private struct Hurt {
        var offset: Int64
        var error: String
        /// The fragment that was open there.
        var number: FragmentNumber?
    }

    /// Finds and checks the fragments of a stretch for which the index has no entries.
    /// - Parameter isFinal: whether an open fragment at the stretch's end is complete.
    func walk(from start: Int64, upTo end: Int64, isFinal: Bool) throws(FileError) {
        guard let header else {
            return add(.damagedBytes, detail: "without header and index these bytes cannot be read") {
                $0.offset = start
                $0.bytes = end - start
            }
        }
        var walker = FragmentWalker(source, header: header, position: start)
        var hurt: Hurt?
        var whole = start
        var steps = 0
        while true {
            steps &+= 1
            // A live session's last fragment may be long; the others end every second.
            if steps % 1000 == 0 || walker.begun == nil, !goOn(walker.position) {
                return outcome.isBrokenOff = true
            }
            do throws(WalkError) {
                guard let step = try walker.next(limit: end, isFinal: isFinal) else { break }
                guard step == .ended, let entry = walker.draft?.entry else { continue }
                whole = entry.place.end
                tell(&hurt, upTo: entry.place.offset, before: outcome.last, next: entry.number)
                try take(entry)
            } catch {
                guard case .damaged(let damage) = error else {
                    if case .file(let error) = error { throw error }
                    return
                }
                let open = walker.begun ?? walker.draft
                let isNew = open.map {
                    $0.number > outcome.last ?? FragmentNumber(counter: 0, epochMilliseconds: 0, random: 0)
                }
                hurt =
                    hurt
                    ?? Hurt(
                        offset: isNew == true ? open?.offset ?? whole : whole, error: "\(damage)",
                        number: isNew == true ? open?.number : nil)
                do throws(WalkError) {
                    guard try walker.skipDamage(limit: end) else { break }
                } catch {
                    if case .file(let error) = error { throw error }
                    break
                }
            }
        }
        if hurt == nil, let open = walker.begun, !isFinal {
            // The open fragment of a live session, as far as it is whole.
            wholeEnd = max(wholeEnd, open.end)
            outcome.milliseconds += max(0, open.endMilliseconds - Double(open.timecode))
        }
        // Half a block at the end of a file that has no end, or was cut, is told with that.
        let isTorn = isFinal && end == limit && header.finishedLength != limit
        if let found = hurt, isTorn, found.number == nil, found.offset == whole { hurt = nil }
        if hurt == nil, !isTorn { whole = try endOfVoids(from: whole, upTo: end) }
        if hurt != nil {
            tell(&hurt, upTo: end, before: outcome.last, next: nil)
        } else if isFinal, !isTorn, whole < end {
            add(whole > start ? .damagedFragment : .damagedBytes, detail: "bytes that belong to no whole block") {
                $0.fragment = whole > start ? outcome.last : nil
                $0.offset = whole
                $0.bytes = end - whole
            }
        }
    }

    private func take(_ entry: IndexEntry) throws(WalkError) {
        unindexed += 1
        note(entry.number, at: entry.place)
        guard let header, Int64(entry.place.length) <= FragmentWalker.maximumFragment else { return }
        do throws(FileError) { try read(entry.place.offset..<entry.place.end) } catch { throw .file(error) }
        do throws(MatroskaError) {
            checkTimes(try FragmentAnatomy(buffer, offset: entry.place.offset, track: header.track), entry.number)
        } catch {
            skipTimes(entry)
            add(.damagedFragment, detail: "\(error)") {
                $0.fragment = entry.number
                $0.fragmentCount = 1
                $0.offset = entry.place.offset
                $0.bytes = Int64(entry.place.length)
            }
        }
    }

    /// Tells of damage: by the fragment's number where its tags could be read, else by how many are missing between its
    /// neighbours.
    private func tell(_ hurt: inout Hurt?, upTo end: Int64, before: FragmentNumber?, next: FragmentNumber?) {
        guard let found = hurt else { return }
        hurt = nil
        lineEnd = nil
        producerEnd = nil
        var count = found.number == nil ? nil : 1
        if let before, let next, next.counter > before.counter {
            count = Int(clamping: next.counter - before.counter - 1)
        }
        let isFragment = found.number != nil || count ?? 0 > 0
        add(isFragment ? .damagedFragment : .damagedBytes, detail: found.error) {
            $0.fragment = found.number
            $0.fragmentCount = isFragment ? count.map { max(1, $0) } : nil
            $0.offset = found.offset
            $0.bytes = max(0, end - found.offset)
        }
    }
}
