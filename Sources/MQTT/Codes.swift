internal import CMosquitto

/// What a function of libmosquitto returned.
///
/// Source: `enum mosq_err_t` in `<mosquitto.h>`, https://mosquitto.org/api/files/mosquitto-h.html.
public struct ResultCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number in C.
    public let rawValue: Int32

    /// A result by its number in C.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `MOSQ_ERR_SUCCESS`.
    public static let success = ResultCode(MOSQ_ERR_SUCCESS)
    /// `MOSQ_ERR_NOMEM`.
    public static let noMemory = ResultCode(MOSQ_ERR_NOMEM)
    /// `MOSQ_ERR_PROTOCOL`.
    public static let protocolError = ResultCode(MOSQ_ERR_PROTOCOL)
    /// `MOSQ_ERR_INVAL`.
    public static let invalid = ResultCode(MOSQ_ERR_INVAL)
    /// `MOSQ_ERR_NO_CONN`.
    public static let noConnection = ResultCode(MOSQ_ERR_NO_CONN)
    /// `MOSQ_ERR_CONN_REFUSED`.
    public static let connectionRefused = ResultCode(MOSQ_ERR_CONN_REFUSED)
    /// `MOSQ_ERR_CONN_LOST`.
    public static let connectionLost = ResultCode(MOSQ_ERR_CONN_LOST)
    /// `MOSQ_ERR_TLS`.
    public static let tls = ResultCode(MOSQ_ERR_TLS)
    /// `MOSQ_ERR_PAYLOAD_SIZE`.
    public static let payloadSize = ResultCode(MOSQ_ERR_PAYLOAD_SIZE)
    /// `MOSQ_ERR_ERRNO`.
    public static let systemError = ResultCode(MOSQ_ERR_ERRNO)
    /// `MOSQ_ERR_EAI`.
    public static let nameResolution = ResultCode(MOSQ_ERR_EAI)
    /// `MOSQ_ERR_MALFORMED_UTF8`.
    public static let malformedText = ResultCode(MOSQ_ERR_MALFORMED_UTF8)
    /// `MOSQ_ERR_KEEPALIVE`.
    public static let keepAlive = ResultCode(MOSQ_ERR_KEEPALIVE)
    /// `MOSQ_ERR_MALFORMED_PACKET`.
    public static let malformedPacket = ResultCode(MOSQ_ERR_MALFORMED_PACKET)
    /// `MOSQ_ERR_OVERSIZE_PACKET`.
    public static let oversizePacket = ResultCode(MOSQ_ERR_OVERSIZE_PACKET)

    /// `MOSQ_ERR_DUPLICATE_PROPERTY`.
    public static let duplicateProperty = ResultCode(MOSQ_ERR_DUPLICATE_PROPERTY)

    private init(_ code: mosq_err_t) { self.init(rawValue: Int32(code.rawValue)) }

    /// The C name and what it means.
    ///
    /// Such as `MOSQ_ERR_CONN_LOST: The connection was lost.`
    public var description: String {
        let text = unsafe mosquitto_strerror(rawValue).map { unsafe String(cString: $0) }
        return "\(name): \(text ?? "unknown")"
    }

    /// The name in C.
    public var name: String {
        Self.names[self] ?? "mosq_err_t(\(rawValue))"
    }

    private static let names: [ResultCode: String] = [
        .success: "MOSQ_ERR_SUCCESS", .noMemory: "MOSQ_ERR_NOMEM",
        .protocolError: "MOSQ_ERR_PROTOCOL", .invalid: "MOSQ_ERR_INVAL",
        .noConnection: "MOSQ_ERR_NO_CONN", .connectionRefused: "MOSQ_ERR_CONN_REFUSED",
        .connectionLost: "MOSQ_ERR_CONN_LOST", .tls: "MOSQ_ERR_TLS",
        .payloadSize: "MOSQ_ERR_PAYLOAD_SIZE", .systemError: "MOSQ_ERR_ERRNO",
        .nameResolution: "MOSQ_ERR_EAI", .malformedText: "MOSQ_ERR_MALFORMED_UTF8",
        .keepAlive: "MOSQ_ERR_KEEPALIVE", .malformedPacket: "MOSQ_ERR_MALFORMED_PACKET",
        .oversizePacket: "MOSQ_ERR_OVERSIZE_PACKET",
        .duplicateProperty: "MOSQ_ERR_DUPLICATE_PROPERTY",
        ResultCode(MOSQ_ERR_NOT_FOUND): "MOSQ_ERR_NOT_FOUND",
        ResultCode(MOSQ_ERR_NOT_SUPPORTED): "MOSQ_ERR_NOT_SUPPORTED",
        ResultCode(MOSQ_ERR_AUTH): "MOSQ_ERR_AUTH",
        ResultCode(MOSQ_ERR_ACL_DENIED): "MOSQ_ERR_ACL_DENIED",
        ResultCode(MOSQ_ERR_UNKNOWN): "MOSQ_ERR_UNKNOWN",
        ResultCode(MOSQ_ERR_PROXY): "MOSQ_ERR_PROXY",
        ResultCode(MOSQ_ERR_QOS_NOT_SUPPORTED): "MOSQ_ERR_QOS_NOT_SUPPORTED",
        ResultCode(MOSQ_ERR_RETAIN_NOT_SUPPORTED): "MOSQ_ERR_RETAIN_NOT_SUPPORTED",
    ]
}

/// Why a broker accepted or refused something, in one byte.
///
/// The return codes of MQTT 3.1.1 are translated to those of MQTT 5.0 that say the same.
/// Source: MQTT 5.0, section 2.4; MQTT 3.1.1, sections 3.2.2.3 and 3.9.3.
public struct ReasonCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The byte on the wire.
    public let rawValue: UInt8

    /// A reason by its byte on the wire.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Success, or a normal disconnection, or QoS 0 granted.
    public static let success = ReasonCode(rawValue: 0x00)
    /// Nothing was subscribed that could be unsubscribed.
    public static let noSubscriptionExisted = ReasonCode(rawValue: 0x11)
    /// No reason that the specification has a name for.
    public static let unspecified = ReasonCode(rawValue: 0x80)
    /// The broker does not speak this version of MQTT.
    public static let unsupportedProtocolVersion = ReasonCode(rawValue: 0x84)
    /// The client identifier is not allowed.
    public static let clientIdentifierNotValid = ReasonCode(rawValue: 0x85)
    /// The user name or the password is wrong.
    public static let badUserNameOrPassword = ReasonCode(rawValue: 0x86)
    /// This client may not do that.
    public static let notAuthorized = ReasonCode(rawValue: 0x87)
    /// The broker does not take connections now.
    public static let serverUnavailable = ReasonCode(rawValue: 0x88)
    /// The broker ends.
    public static let serverShuttingDown = ReasonCode(rawValue: 0x8B)
    /// Another connection uses the same client identifier.
    public static let sessionTakenOver = ReasonCode(rawValue: 0x8E)
    /// The packet is larger than its receiver takes.
    public static let packetTooLarge = ReasonCode(rawValue: 0x95)

    /// Whether it is a refusal or a failure.
    public var isFailure: Bool { rawValue >= 0x80 }

    /// The code and its name, such as `0x87 Not authorized`.
    public var description: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return
            "0x\(digits.count < 2 ? "0" : "")\(digits) \(Self.texts[rawValue]?.name ?? "Unknown")"
    }

    /// What the operator should look at; every failure has something.
    public var advice: String? {
        Self.texts[rawValue]?.advice ?? (isFailure ? "look into the broker's log" : nil)
    }

    /// The reason that MQTT 3.1.1 says with this return code of a CONNACK.
    static func version311(connack code: Int32) -> ReasonCode {
        switch code {
        case 0: .success
        case 1: .unsupportedProtocolVersion
        case 2: .clientIdentifierNotValid
        case 3: .serverUnavailable
        case 4: .badUserNameOrPassword
        case 5: .notAuthorized
        default: ReasonCode(rawValue: UInt8(truncatingIfNeeded: code) | 0x80)
        }
    }

    private static let texts: [UInt8: (name: String, advice: String?)] = [
        0x00: ("Success", nil),
        0x04: ("Disconnect with Will Message", nil),
        0x10: ("No matching subscribers", nil),
        0x11: ("No subscription existed", nil),
        0x80: ("Unspecified error", nil),
        0x81: ("Malformed Packet", nil),
        0x82: ("Protocol Error", nil),
        0x83: ("Implementation specific error", nil),
        0x84: ("Unsupported Protocol Version", "the broker must speak MQTT 5.0 or 3.1.1"),
        0x85: (
            "Client Identifier not valid", "choose another client_id, or allow it at the broker"
        ),
        0x86: ("Bad User Name or Password", "check the user name and the password's file"),
        0x87: (
            "Not authorized", "allow this user at the broker (password file, access control list)"
        ),
        0x88: ("Server unavailable", nil),
        0x89: ("Server busy", "if this goes on, look for what keeps the broker busy"),
        0x8A: ("Banned", "ask the broker's administrator"),
        0x8B: ("Server shutting down", "start the broker again, if nobody else does"),
        0x8C: ("Bad authentication method", "the broker wants another way to log in"),
        0x8D: ("Keep Alive timeout", "the machine or the network was too slow"),
        0x8E: (
            "Session taken over",
            "another program uses the same client_id: give each its own"
        ),
        0x8F: ("Topic Filter invalid", "correct the rule's topic"),
        0x90: ("Topic Name invalid", "allow the topic carparkd/CLIENT_ID/status at the broker"),
        0x91: ("Packet Identifier in use", nil),
        0x93: ("Receive Maximum exceeded", nil),
        0x94: ("Topic Alias invalid", nil),
        0x95: ("Packet too large", "raise the broker's limits"),
        0x96: ("Message rate too high", "raise the broker's limits"),
        0x97: ("Quota exceeded", "raise the broker's limits"),
        0x98: ("Administrative action", "ask the broker's administrator"),
        0x99: ("Payload format invalid", nil),
        0x9A: ("Retain not supported", "the broker must allow retained messages"),
        0x9B: ("QoS not supported", "the broker must allow QoS 1"),
        0x9C: ("Use another server", "correct the broker's url"),
        0x9D: ("Server moved", "correct the broker's url"),
        0x9E: ("Shared Subscriptions not supported", nil),
        0x9F: ("Connection rate exceeded", "raise the broker's limits"),
        0xA0: ("Maximum connect time", "raise the broker's limits"),
        0xA1: ("Subscription Identifiers not supported", nil),
        0xA2: ("Wildcard Subscriptions not supported", "the broker must allow wildcards"),
    ]
}
