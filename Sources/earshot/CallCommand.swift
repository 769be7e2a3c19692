import ArgumentParser
import Foundation
import Provisioning
import RecordingClient
import SIP
import SIPREC
import SecureMedia
import UserAgent

/// `earshot call`: places recording calls, as a session border controller does.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Place one or many SIPREC calls that send two WAV files, to try an installation or to load it.",
        discussion: """
            Sends the caller's file on the first stream and the callee's on the second, ends with BYE, and says how it went. \
            Files are WAV, 16-bit PCM, 8000 Hz, mono. Exit code 0 means that every call was answered and ended properly. \
            A password is read from the environment variable EARSHOT_CALL_PASSWORD. Ctrl-C ends all calls.
            """)

    @Option(
        help: ArgumentHelp("The URI to call: sip:HOST:PORT, with ;transport=tcp or tls for those.", valueName: "uri"))
    var to: String
    @Option(help: ArgumentHelp("The caller's voice.", valueName: "wav"))
    var caller: String
    @Option(help: ArgumentHelp("The callee's voice.", valueName: "wav"))
    var callee: String
    @Option(help: "Whose way of writing the INVITE.")
    var dialect = SIPRECDialect.rfc
    @Option(help: ArgumentHelp("The caller's number.", valueName: "number"))
    var from = "+12065550100"
    @Option(help: ArgumentHelp("The caller's name.", valueName: "name"))
    var fromName: String?
    @Option(help: ArgumentHelp("The callee's number.", valueName: "number"))
    var calleeNumber = "+13605550199"
    @Option(help: "How many calls.")
    var calls = 1
    @Option(help: "New calls a second.")
    var rate = 10.0
    @Option(help: "The length of each call; the files repeat if they are shorter. Default: the longer file's length.")
    var seconds: Double?
    @Option(help: "How the audio is encoded.")
    var codec = SpeechCodec.pcmu
    @Option(
        help: ArgumentHelp(
            "Encrypt the audio (SRTP), with keys in the offer: AES_CM_128_HMAC_SHA1_80 or another suite. Use TLS with it.",
            valueName: "suite"))
    var srtp: CryptoSuite?
    @Option(help: "Milliseconds of audio a packet.")
    var ptime = 20
    @Option(help: ArgumentHelp("The address to call and send from.", valueName: "address"))
    var localAddress: String?
    @Option(help: ArgumentHelp("Where to send the call, if not to the host of --to.", valueName: "host:port"))
    var proxy: String?
    @Option(help: "The user name for a server that asks for one.")
    var user: String?
    @Flag(help: "Use TLS, whatever the URI says.")
    var tls = false
    @Option(help: ArgumentHelp("Trust the certificates in this PEM file instead of the system's.", valueName: "pem"))
    var trust: String?
    @Flag(help: "Do not check the server's certificate.")
    var insecure = false
    @Flag(help: "One JSON object instead of text.")
    var json = false

    mutating func validate() throws {
        guard !(insecure && trust != nil) else { throw ValidationError("--insecure and --trust exclude each other") }
        guard seconds.map({ $0 > 0 && $0 <= 604_800 }) ?? true else {
            throw ValidationError("--seconds must be above 0, at most 604800 (a week)")
        }
        _ = try target()
    }

    mutating func run() async throws {
        let isJSON = json
        let count = calls
        do {
            let voices = try [WaveAudio(path: caller), WaveAudio(path: callee)]
            let campaign = try CallCampaign(try settings(), voices: voices)
            _ = OpenFileLimit.raise()
            let report = try await CommandInterruption.watching {
                try await campaign.run { if !isJSON { Self.tell($0, calls: count) } }
            }
            report.failureLines.forEach(Self.warn)
            StandardOutput.line(isJSON ? report.json : report.text)
            if !report.isGood { throw ExitCode(1) }
        } catch let error as WaveError {
            throw Failure("earshot call: \(error)")
        } catch let error as CampaignError {
            throw Failure("earshot call: \(error)")
        } catch let error as PacedSenderError {
            throw Failure("earshot call: \(error)")
        }
    }

    private func target() throws -> SIPURI {
        let text = to.hasPrefix("sip:") || to.hasPrefix("sips:") ? to : "sip:" + to
        do {
            return try SIPURI(parsing: text)
        } catch {
            throw ValidationError("--to \(to) is no SIP URI: \(error)")
        }
    }

    private func settings() throws -> CampaignSettings {
        var settings = CampaignSettings(target: try target())
        if tls, settings.target.transport != "tls" {
            settings.target.parameters.removeAll { $0.name.lowercased() == "transport" }
            settings.target.parameters.append(Parameter("transport", "tls"))
        }
        settings.proxy = proxy
        settings.usesTLS = tls
        settings.verification = insecure ? .none : trust.map { .trusting(certificatePath: $0) } ?? .full
        settings.dialect = dialect
        settings.caller = .init(number: from, name: fromName)
        settings.callee = .init(number: calleeNumber)
        settings.calls = calls
        settings.rate = rate
        settings.duration = seconds.map { .seconds($0) }
        settings.codec = codec
        settings.suite = srtp
        settings.packetTime = ptime
        settings.localAddress = localAddress
        if let user {
            guard let password = ProcessInfo.processInfo.environment["EARSHOT_CALL_PASSWORD"] else {
                throw Failure(
                    "earshot call: --user needs the password in the environment variable EARSHOT_CALL_PASSWORD")
            }
            settings.credentials = .init(username: user, password: password)
        }
        return settings
    }

    private static func tell(_ event: CampaignEvent, calls: Int) {
        switch event {
        case .starting(let endpoint, let seconds):
            let what = calls == 1 ? "a call" : "\(calls) calls"
            StandardOutput.line("placing \(what) of \(seconds) s to \(endpoint)")
        case .answered(_, let milliseconds, let receivers):
            guard calls == 1 else { return }
            let time = Double(Int(milliseconds * 10)) / 10
            StandardOutput.line("answered in \(time) ms; audio goes to \(receivers.joined(separator: " and "))")
        }
    }

    private static func warn(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}

extension SIPRECDialect: ExpressibleByArgument {}
extension SpeechCodec: ExpressibleByArgument {}
extension CryptoSuite: ExpressibleByArgument {
    /// By the name that `a=crypto` has for it, in any case of letters.
    public init?(argument: String) { self.init(sdpName: argument) }
}
