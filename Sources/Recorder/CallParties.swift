import SIP
import SIPREC

/// Who called whom, in the words of the records: never empty, because consumers store the numbers as keys.
struct CallParties: Equatable {
    var from: String
    var to: String
    var fromName: String?
    var toName: String?

    /// By the metadata's participants on the legs; a side that nobody is known for follows the INVITE's header.
    init(request: SIPRequest, media: [RecordedMedia]) {
        let caller = media.first { $0.role.isCaller && $0.role.participant != nil }?.role.participant
        let callee = media.first { !$0.role.isCaller && $0.role.participant != nil }?.role.participant
        from = Self.number(of: caller) ?? Self.user(request.from) ?? "anonymous"
        to = Self.number(of: callee) ?? Self.user(request.to) ?? "unknown"
        fromName = caller?.name
        toName = callee?.name
    }

    private static func number(of participant: RecordingMetadata.Participant?) -> String? {
        guard let text = participant?.number ?? participant?.user ?? participant?.aor, !text.isEmpty else { return nil }
        return text
    }

    private static func user(_ address: NameAddress?) -> String? {
        guard let address else { return nil }
        if let user = address.sipURI?.user, !user.isEmpty { return user }
        return address.uri.isEmpty ? nil : address.uri
    }
}

extension SIPRequest {
    /// The headers for the event, names in lower case, repeated ones joined. Credentials stay out.
    var eventHeaders: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        for field in headers.fields where field.name != .authorization && field.name != "Proxy-Authorization" {
            let name = field.name.description.lowercased()
            if let index = result.firstIndex(where: { $0.name == name }) {
                result[index].value += ", " + field.value
            } else {
                result.append((name, field.value))
            }
        }
        return result
    }

    /// Cisco's network-based recording: an ordinary call that is recorded and never routed. As header or as a parameter
    /// of the Request-URI.
    var isRecordOnly: Bool {
        let name = "X-Voice-Connector-Record-Only"
        if headers[HeaderName(name)]?.lowercased() == "true" { return true }
        return requestURI?.parameters.contains {
            $0.name.lowercased() == name.lowercased() && $0.value?.lowercased() == "true"
        } ?? false
    }

    var sessionBody: SessionBody {
        SessionBody(body, contentType: headers[.contentType], contentDisposition: headers[.contentDisposition])
    }
}
