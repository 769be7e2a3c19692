import AccessKeys
import HTTPTypes
import Hummingbird

/// Who may hear a call: the bearer of a link to it, or a signed request.
struct ListeningAccess: Sendable {
    let gate: RequestGate
    let keys: AccessKeyStore?
    let clock: InterfaceClock

    /// Lets a request in, or throws the answer.
    ///
    /// A link is presented as `Authorization: Bearer <token>`; it opens one call, for reading, and nothing else.
    /// Without one the request goes through the gate as any other.
    func admit(_ request: Request, transactionID: String, context: inout InterfaceContext) async throws {
        let prefix = "Bearer "
        let presented = request.headers[values: .authorization]
        guard presented.count == 1, let field = presented.first, field.hasPrefix(prefix) else {
            _ = try await gate.admit(request, for: .readMedia, context: &context)
            return
        }
        let link: ListeningLink
        do throws(ListeningLinkError) {
            link = try ListeningLink(
                verifying: String(field.dropFirst(prefix.count)), transactionID: transactionID,
                nowSeconds: clock.milliseconds() / 1000, secret: { keys?.secret(for: $0) })
        } catch {
            throw error.answer
        }
        // The key may have been made a lesser one, or revoked, since.
        guard keys?.role(for: link.accessKeyID)?.allows(.readMedia) == true else {
            throw ListeningLinkError.wrong.answer
        }
        context.caller = Caller(accessKeyID: link.accessKeyID)
        context.permission = Permission(keys: keys, accessKeyID: link.accessKeyID, action: .readMedia)
    }
}
