import Glibc
import Hummingbird
import Logging
import NIOCore

/// The floor of `catch-up`: one file, read from its start to its end and sent by the HTTP server that Earshot uses, with
/// nothing of Earshot in between.
///
/// It does what GetMedia must do at least: pieces of the same size, read where the task runs, in an answer whose length is not said.
///
/// `file-server FILE` serves `GET /` on a free port of 127.0.0.1, which is printed, until it is ended by a signal.
@main
struct FileServer {
    /// As much as GetMedia hands to the server at once.
    private static let pieceBytes = 128 * 1024

    static func main() async throws {
        guard CommandLine.arguments.count == 2 else {
            print("usage: file-server FILE")
            exit(2)
        }
        let path = CommandLine.arguments[1]
        let router = Router()
        router.get("/") { _, _ in
            Response(
                status: .ok, body: ResponseBody { writer in try await Self.send(path, to: &writer) })
        }
        var logger = Logger(label: "file-server")
        logger.logLevel = .error
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                print("listening \(channel.localAddress?.port ?? 0)")
                fflush(nil)
            }, logger: logger)
        try await application.runService()
    }

    private static func send(_ path: String, to writer: inout any ResponseBodyWriter) async throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Unreadable() }
        defer { close(file) }
        while true {
            var piece = ByteBuffer()
            let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: pieceBytes) { space in
                max(0, read(file, space.baseAddress, pieceBytes))
            }
            guard count > 0 else { break }
            try await writer.write(piece)
        }
        try await writer.finish(nil)
    }

    private struct Unreadable: Error {}
}
