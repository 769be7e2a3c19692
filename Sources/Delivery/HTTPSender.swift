import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import RequestSigning

/// A request that is small or comes from a file.
struct OutgoingRequest: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        case upload(UploadBody)
    }

    var method = "POST"
    var url: EndpointURL
    /// Without `Host` and `Content-Length`.
    var headers: [(name: String, value: String)] = []
    var body: Body

    var target: String {
        (url.path.isEmpty ? "/" : url.path) + (url.query.isEmpty ? "" : "?" + url.query)
    }

    /// Adds the signature's fields.
    mutating func sign(with signer: AWSRequestSigner, body hash: PayloadHash, at epochSeconds: Int64) {
        let head = SignedRequestHead(
            method: method, path: url.path.isEmpty ? "/" : url.path, query: url.query,
            headers: [("Host", url.authority)] + headers)
        headers += signer.headers(for: head, body: hash, at: epochSeconds)
    }
}

/// An answer, as far as it is of interest.
struct HTTPAnswer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    /// At most ``HTTPSender/longestAnswer`` bytes.
    var body: [UInt8]

    func header(_ name: String) -> String? { headers.first(name: name) }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Sends requests and reads their answers, both bounded in time and size. Redirects are answers like any other.
struct HTTPSender: Sendable {
    /// What is read of an answer.
    static let longestAnswer = 256 << 10

    let client: HTTPClient
    var timeout: Duration = .seconds(30)

    /// A client as this module needs it: certificates are verified, no redirects, HTTP/1.1 (PutMedia needs both directions at once), no retries of
    /// its own. The number of connections is bounded by the requests that the targets make at the same time; a lower limit
    /// here would make live legs wait for each other.
    static func makeClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.timeout.connect = .seconds(10)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(20)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 8192
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Sends it.
    /// - Parameter timeout: for everything; the sender's own when nil.
    func send(_ request: OutgoingRequest, timeout: Duration? = nil) async throws(DeliveryFailure) -> HTTPAnswer {
        let limit = timeout ?? self.timeout
        do {
            return try await withThrowingTaskGroup(of: HTTPAnswer?.self) { group in
                group.addTask { try await perform(request, limit: limit) }
                group.addTask {
                    try await Task.sleep(for: limit)
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let answer = first else {
                    throw DeliveryFailure(.target, "\(request.url.origin) did not answer within \(limit)")
                }
                return answer
            }
        } catch let failure as DeliveryFailure {
            throw failure
        } catch let error as UploadError {
            throw DeliveryFailure(.message, "\(error)")
        } catch {
            throw DeliveryFailure(.target, "\(request.url.origin) cannot be reached: \(Self.reason(error))")
        }
    }

    private func perform(_ request: OutgoingRequest, limit: Duration) async throws -> HTTPAnswer {
        let scheme = request.url.isSecure ? "https" : "http"
        var outgoing = HTTPClientRequest(url: "\(scheme)://\(request.url.authority)\(request.target)")
        outgoing.method = HTTPMethod(rawValue: request.method)
        for header in request.headers { outgoing.headers.add(name: header.name, value: header.value) }
        if !outgoing.headers.contains(name: "User-Agent") { outgoing.headers.add(name: "User-Agent", value: "earshot") }
        switch request.body {
        case .bytes(let bytes): outgoing.body = .bytes(bytes)
        case .upload(let body): outgoing.body = .stream(body.chunks, length: .known(body.length))
        }
        let response = try await client.execute(
            outgoing, deadline: .now() + .milliseconds(min(limit.inMilliseconds, 1 << 40)))
        return try await Self.answer(response)
    }

    /// The answer with as much of its body as is of interest.
    static func answer(_ response: HTTPClientResponse) async throws -> HTTPAnswer {
        var body: [UInt8] = []
        for try await part in response.body {
            body += Array(part.readableBytesView.prefix(longestAnswer - body.count))
            // Nobody needs the rest; dropping the body closes the connection.
            if body.count >= longestAnswer { break }
        }
        return HTTPAnswer(status: Int(response.status.code), headers: response.headers, body: body)
    }

    /// An error's text, without the addresses and types that some descriptions carry.
    static func reason(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return error.shortDescription }
        return String("\(error)".prefix(200))
    }
}
