import Addressing
import Testing

@testable import UserAgent

@Suite("Endpoints")
struct EndpointTests {
    @Test(
        "An endpoint survives the way through a socket address",
        arguments: ["192.0.2.7", "2001:db8::7", "::1", "127.0.0.1"])
    func socketAddress(text: String) throws {
        let endpoint = try #require(SIPEndpoint(ip: text, port: 5061, transport: .tls))
        #expect(SIPEndpoint(endpoint.socketAddress, transport: .tls) == endpoint)
    }
}
