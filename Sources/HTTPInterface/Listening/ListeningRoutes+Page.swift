import HTTPTypes
import Hummingbird
import NIOCore

extension ListeningRoutes {
    /// The page and its two files. They say nothing of any call, so everybody may have them; what they show comes from
    /// the other routes.
    func registerPage(on router: Router<InterfaceContext>) {
        router.get("/listen/{transaction}") { _, _ in Self.file(ListeningPage.document, "text/html; charset=utf-8") }
        router.get("/assets/listen.css") { _, _ in Self.file(ListeningPage.style, "text/css; charset=utf-8") }
        router.get("/assets/listen.js") { _, _ in Self.file(ListeningPage.script, "text/javascript; charset=utf-8") }
    }

    /// Nothing from elsewhere is loaded, run or spoken to, and the page is in no other page's frame.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static func file(_ text: String, _ mediaType: String) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = mediaType
        headers[.contentSecurityPolicy] = policy
        headers[.referrerPolicy] = "no-referrer"
        headers[.xContentTypeOptions] = "nosniff"
        headers[.cacheControl] = "no-cache"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// The listening page: one document, one style sheet, one script, and nothing of anyone else's.
enum ListeningPage {}
