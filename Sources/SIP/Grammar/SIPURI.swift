/// A `sip:` or `sips:` URI (RFC 3261 §19.1), its parts unescaped exactly once.
///
/// `==` compares part by part; ``isEquivalent(to:)`` follows the rules of §19.1.4.
public struct SIPURI: Sendable, Equatable, CustomStringConvertible {
    /// The two schemes of RFC 3261.
    public enum Scheme: String, Sendable {
        /// `sip:`
        case sip
        /// `sips:`
        case sips
    }

    /// The scheme.
    public var scheme: Scheme
    /// The user part, unescaped; may hold any character, NUL too.
    public var user: String?
    /// The password, unescaped. Never used for authentication.
    public var password: String?
    /// Host name or address in lower case; IPv6 without brackets.
    public var host: String
    /// The port when written.
    public var port: UInt16?
    /// URI parameters, names and values unescaped.
    public var parameters: [Parameter]
    /// The headers after `?`, names and values unescaped.
    public var headers: [Parameter] = []

    /// Makes a URI from unescaped parts.
    public init(
        user: String? = nil, host: String, port: UInt16? = nil, scheme: Scheme = .sip, parameters: [Parameter] = []
    ) {
        self.scheme = scheme
        self.user = user
        self.host = host.lowercasedASCII
        self.port = port
        self.parameters = parameters
    }

    /// The value of a parameter: nil when it is absent, `.some(nil)` when it has no value.
    public func parameter(_ name: String) -> String?? {
        parameters.first(named: name).map(\.value)
    }

    /// Whether a parameter is present, with or without a value.
    public func has(_ name: String) -> Bool { parameters.first(named: name) != nil }

    /// The `transport` parameter in lower case.
    public var transport: String? { parameters.first(named: "transport")?.value?.lowercasedASCII }

    /// The URI as text, with every character escaped that must be.
    public var description: String {
        var text = "\(scheme.rawValue):"
        if let user {
            text += PercentEncoding.encode(user, plain: PercentEncoding.isPlainInUser)
            if let password {
                text += ":" + PercentEncoding.encode(password, plain: PercentEncoding.isPlainInPassword)
            }
            text += "@"
        }
        text += HostText.written(host, port: port)
        for parameter in parameters {
            text += ";" + Self.pair(parameter, plain: PercentEncoding.isPlainInParameter)
        }
        for (index, header) in headers.enumerated() {
            text += (index == 0 ? "?" : "&") + Self.pair(header, plain: PercentEncoding.isPlainInHeader)
        }
        return text
    }

    private static func pair(_ parameter: Parameter, plain: (UInt8) -> Bool) -> String {
        let name = PercentEncoding.encode(parameter.name, plain: plain)
        guard let value = parameter.value else { return name }
        return name + "=" + PercentEncoding.encode(value, plain: plain)
    }
}
