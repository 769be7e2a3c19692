import HTTPTypes
import Hummingbird
import Logging

/// Around every route: request identifiers, errors in AWS's form, counters.
struct ErrorAnswering: RouterMiddleware {
    typealias Context = InterfaceContext
    let counters: HTTPCounters

    func handle(
        _ request: Request, context: InterfaceContext, next: (Request, InterfaceContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await withTaskExecutorPreference(FileReadingExecutor.shared) {
                try await next(request, context)
            }
        } catch let error as HTTPError {
            // Hummingbird's own: no route, or a body that grew too large.
            let isUnknown = error.status == .notFound || error.status == .methodNotAllowed
            let type = isUnknown ? "UnknownOperationException" : "ValidationException"
            let asked = "\(request.method.rawValue) \(Self.path(request))"
            let text = isUnknown ? "There is no operation \(asked)." : "\(asked): \(error.status.reasonPhrase)."
            response = ServiceError(status: error.status.code, type: type, message: text)
                .response(requestID: context.requestID)
        } catch {
            if ServiceError.from(error) == nil {
                context.logger.error(
                    "HTTP request failed",
                    metadata: ["path": "\(Self.path(request))", "error": "\(error)", "request": "\(context.requestID)"])
            }
            response = (ServiceError.from(error) ?? .internalFailure).response(requestID: context.requestID)
        }
        response.headers[.amznRequestID] = context.requestID
        response.headers[.amzRequestID] = context.requestID
        counters.countAnswer(status: response.status.code)
        context.logger.debug(
            "HTTP request",
            metadata: [
                "method": "\(request.method.rawValue)", "path": "\(Self.path(request))",
                "status": "\(response.status.code)", "key": "\(context.caller?.accessKeyID ?? "-")",
            ])
        return response
    }

    /// The path without its query: presigned signatures and session tokens belong in no log.
    private static func path(_ request: Request) -> String { String(request.uri.path.prefix(200)) }
}
