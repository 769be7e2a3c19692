import AccessKeys
import ArgumentParser
import AudioExport
import CallArchive
import Foundation
import HTTPInterface

/// `earshot listen`: a link that opens one call in a browser.
struct ListenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen", abstract: "Make a link that plays one call in a browser.",
        discussion: """
            The link opens this call only, until its time is over or the access key it was made with is revoked. Whoever has \
            it can listen: send it as you would send the recording. Run this as the service's user.
            """)

    @Argument(
        help: ArgumentHelp(
            "The call's transaction ID, or its first eight characters or more.", valueName: "transaction"))
    var transaction: String
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("How long it is good: 30m, 8h, 7d (at most 7d).", valueName: "time"))
    var time = "8h"
    @Option(
        help: ArgumentHelp(
            "The access key to make it with; the first admin or consumer key otherwise.", valueName: "id"))
    var key: String?
    @Option(help: ArgumentHelp("Where browsers reach the HTTP interface.", valueName: "url"))
    var url = "http://127.0.0.1:8080"
    @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
    var data = "./data"

    mutating func run() throws {
        guard let seconds = Self.seconds(time), seconds <= ListeningLink.longestSeconds else {
            throw ValidationError("--for must be a number with m, h or d, at most 7d; for example 8h")
        }
        let recording = try RecordingFinder(dataDirectory: data).recording(transactionID: transaction)
        let store = try AccessKeyStore(dataDirectory: data)
        let usable = store.list().filter { $0.role.allows(.readMedia) }
        guard let chosen = usable.first(where: { key == nil || $0.id == key }),
            let secret = store.secret(for: chosen.id)
        else {
            throw ValidationError(
                "\(key.map { "there is no key \($0) that may hear audio" } ?? "no key may hear audio"); make one with "
                    + "earshot keys create --role consumer")
        }
        let token = ListeningLink.token(
            transactionID: recording.transactionID, accessKeyID: chosen.id, secret: secret,
            expiresAtSeconds: Int64(Date().timeIntervalSince1970) + seconds)
        print(ListeningLink.url(base: url, transactionID: recording.transactionID, token: token))
    }

    /// `30m`, `8h`, `7d`.
    static func seconds(_ text: String) -> Int64? {
        guard let unit = text.last, let factor = ["m": 60, "h": 3600, "d": 86_400][unit] as Int64?,
            let count = Int64(text.dropLast()), count > 0, count < 100_000
        else { return nil }
        return count * factor
    }
}
