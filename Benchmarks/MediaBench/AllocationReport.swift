/// The table for people and the JSON for programs.
struct AllocationReport {
    let results: [PathResult]
    /// Back ends that this machine does not have, and why.
    let skipped: [String]
    let legs: Int

    var isClean: Bool { results.allSatisfy { $0.packetCost(legs: legs) == 0 } }

    var table: String {
        var text = "counts on the media worker: of all packets; atomics in the instructions that were stepped "
        text += "through; then of a hand-in (a leg's turn, every 230 ms)\n"
        text += pad("path", 20) + pad("back end", 10) + pad("packets", 9)
        for kind in CountedKind.running { text += pad("\(kind)", 12) }
        text += pad("atomics", 16) + pad("hand-ins", 10)
        text += "each: " + CountedKind.running.map { "\($0)" }.joined(separator: " ") + "\n"
        for result in results {
            text += pad(result.path, 20) + pad(result.backEnd, 10) + pad("\(result.packets)", 9)
            for kind in CountedKind.running { text += pad("\(result.times(kind, .packet))", 12) }
            text += pad(result.steps.map { "\($0.times(.packet)) in \($0.instructions)" } ?? "-", 16)
            text += pad("\(result.handIns)", 10) + "      "
            text += CountedKind.running.map { each(result.times($0, .handIn), result.handIns) }.joined(separator: " ")
            text += "\n"
        }
        for (share, lines) in places { text += "\n\(share):\n" + lines }
        for line in skipped { text += "skipped: \(line)\n" }
        return text
    }

    /// Where it came from, apart from hand-ins: each place once, with how often and on how many paths.
    private var places: [(String, String)] {
        var found: [String: (times: Int, paths: Set<String>)] = [:]
        for result in results {
            for place in result.places + (result.steps?.places ?? []) where place.share != .handIn {
                // The rest of the way is the same for all.
                let frames = place.frames.prefix { !$0.contains(".turn(") }.prefix(8)
                let key = "\(place.share)|\(place.kind) in " + frames.joined(separator: "\n        < ")
                found[key, default: (0, [])].times += place.times
                found[key]?.paths.insert("\(result.path) \(result.backEnd)")
            }
        }
        return CountedPlace.Share.allCases.compactMap { share in
            let lines = found.filter { $0.key.hasPrefix("\(share)|") }.sorted { $0.value.times > $1.value.times }
                .map { key, value in
                    let paths = value.paths
                    let names = paths.count > 2 ? "\(paths.count) paths" : paths.sorted().joined(separator: ", ")
                    return "    \(value.times) \(key.dropFirst("\(share)|".count)) (\(names))\n"
                }
            return lines.isEmpty ? nil : ("\(share)", lines.joined())
        }
    }

    var json: String {
        let reasons = skipped.map { "\"" + $0.replacing("\"", with: "'") + "\"" }.joined(separator: ", ")
        let paths = results.map(object).joined(separator: ",\n")
        return "{\"legs\": \(legs), \"skipped\": [\(reasons)], \"clean\": \(isClean), \"paths\": [\n\(paths)\n]}"
    }

    private func object(_ result: PathResult) -> String {
        var text = "{\"path\": \"\(result.path)\", \"backEnd\": \"\(result.backEnd)\", "
        text += "\"packets\": \(result.packets), \"sent\": \(result.sent), \"handIns\": \(result.handIns), "
        text += "\"unplaced\": \(result.unplaced), \"packetCost\": \(result.packetCost(legs: legs)), "
        if let steps = result.steps {
            text += "\"stepped\": {\"instructions\": \(steps.instructions), "
            text += "\"atomics\": \(steps.times(.packet))}, "
        }
        let counts = CountedPlace.Share.allCases.map { share -> String in
            let numbers = CountedKind.running.map { "\"\($0)\": \(result.times($0, share))" }
            return "\"\(share)\": {" + numbers.joined(separator: ", ") + "}"
        }
        return text + "\"counts\": {" + counts.joined(separator: ", ") + "}}"
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func each(_ times: Int, _ handIns: Int) -> String {
        let hundredths = handIns > 0 ? times * 100 / handIns : 0
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
