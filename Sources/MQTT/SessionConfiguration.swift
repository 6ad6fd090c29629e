internal import CMosquitto

/// Where a broker listens.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// How it is spoken to.
    public enum Scheme: String, Sendable {
        /// Plain TCP.
        case mqtt
        /// TLS 1.2 or later.
        case mqtts

        /// The port that IANA assigned.
        public var standardPort: UInt16 {
            switch self {
            case .mqtt: 1883
            case .mqtts: 8883
            }
        }
    }

    /// How it is spoken to.
    public var scheme: Scheme
    /// A name or an address; an IPv6 address without brackets.
    public var host: String
    /// The TCP port.
    public var port: UInt16

    /// A broker's place; the port is the scheme's own where none is given.
    public init(scheme: Scheme, host: String, port: UInt16? = nil) {
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.standardPort
    }

    /// The URL, such as `mqtts://broker.example:8883`.
    public var description: String {
        let host = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return "\(scheme.rawValue)://\(host):\(port)"
    }
}

/// Certificates and keys, as paths to PEM files.
///
/// They are read anew for every connection, so that a renewed certificate needs no restart.
public struct TLSFiles: Hashable, Sendable {
    /// The authorities that may vouch for the broker; the system's where there are none.
    public var authorities: String?
    /// Our certificate (with its chain), where the broker wants one.
    public var certificate: String?
    /// The key of our certificate, not encrypted.
    public var key: String?

    /// The files to use.
    public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }
}

/// A version of MQTT.
public enum ProtocolVersion: Int32, Sendable, CustomStringConvertible {
    /// MQTT 3.1.1.
    case version311 = 4
    /// MQTT 5.0.
    case version5 = 5

    /// The name, such as `MQTT 5.0`.
    public var description: String {
        switch self {
        case .version311: "MQTT 3.1.1"
        case .version5: "MQTT 5.0"
        }
    }
}

/// What the sender promised about a message's delivery.
///
/// Source: MQTT 5.0, section 4.3.
public enum QoS: Int32, Sendable {
    /// At most once: no promise.
    case atMostOnce = 0
    /// At least once: kept by the broker until it is acknowledged.
    case atLeastOnce = 1
    /// Exactly once; not used here, but a broker may disregard what was subscribed.
    case exactlyOnce = 2
}

/// Everything a session with one broker needs to know.
public struct SessionConfiguration: Sendable {
    /// Where the broker listens, tried in this order.
    public var endpoints: [Endpoint]
    /// The name under which the broker keeps the session.
    public var clientIdentifier: String
    /// Who we are for the broker's access control.
    public var userName: String?
    /// The password, without NUL; MQTT 3.1.1 allows one only with a user name.
    public var password: [UInt8]?
    /// Certificates and keys for endpoints with TLS.
    public var tls = TLSFiles()
    /// How often the connection is proven alive; 5 s to 65,535 s.
    public var keepAlive: Duration = .seconds(30)
    /// How long the broker keeps the session without us (MQTT 5.0 only; 3.1.1 leaves it to the
    /// broker).
    public var sessionExpiry: Duration = .seconds(7 * 86_400)
    /// How many unacknowledged messages the broker may have under way to us; 1 to 65,535.
    ///
    /// libmosquitto's own default of 20 makes every 20 messages wait for a round trip and a commit.
    public var receiveMaximum: UInt16 = 1_000
    /// The largest packet that the broker may send; it drops larger ones (MQTT 5.0).
    public var maximumPacketBytes: UInt32 = 128 * 1024
    /// What to subscribe to, at QoS 1.
    public var topicFilters: [String]
    /// What the session may still be subscribed to at the broker, and should not be any more.
    ///
    /// A session outlives its connections and programs, and so do its subscriptions. Only the owner
    /// can know the earlier ones: MQTT has no way to ask for them. ``SessionEvent/unsubscribed(filters:)``
    /// tells which are gone.
    public var formerTopicFilters: [String] = []
    /// Where `online` and `offline` are published, retained; none where nil.
    public var statusTopic: String?

    /// A session with the defaults of this house.
    ///
    /// The status topic is `carparkd/<client identifier>/status`.
    public init(endpoints: [Endpoint], clientIdentifier: String, topicFilters: [String]) {
        self.endpoints = endpoints
        self.clientIdentifier = clientIdentifier
        self.topicFilters = topicFilters
        statusTopic = "carparkd/\(clientIdentifier)/status"
    }

    /// Why a configuration can't be used.
    public enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        /// There is nowhere to connect to.
        case noEndpoint
        /// A host is empty, or a text contains NUL, or is longer than 65,535 bytes.
        case unrepresentable(field: String)
        /// A number is out of its range.
        case outOfRange(field: String, range: ClosedRange<Int>)
        /// A password without a user name.
        case passwordWithoutUserName
        /// A certificate without its key, or the reverse.
        case incompleteCertificate
        /// Not a topic filter.
        case invalidFilter(String)
        /// A filter is wanted, and not wanted any more.
        case contradictoryFilter(String)
        /// Not a topic name.
        case invalidStatusTopic(String)

        /// What is wrong, in a sentence.
        public var description: String {
            switch self {
            case .noEndpoint: "no broker url is given"
            case .unrepresentable(let field):
                "\(field) must have 1 to 65,535 bytes of text without NUL"
            case .outOfRange(let field, let range):
                "\(field) must be between \(range.lowerBound) and \(range.upperBound)"
            case .passwordWithoutUserName: "a password needs a user name"
            case .incompleteCertificate: "a client certificate and its key must be given together"
            case .invalidFilter(let filter): "\(filter.debugDescription) is no topic filter"
            case .contradictoryFilter(let filter):
                "\(filter.debugDescription) is both a topic filter and a former one: name it once"
            case .invalidStatusTopic(let topic): "\(topic.debugDescription) is no topic name"
            }
        }
    }

    /// Checks everything that can be checked without a broker.
    ///
    /// - Throws: The first ``Problem``.
    public func check() throws(Problem) {
        guard !endpoints.isEmpty else { throw .noEndpoint }
        for endpoint in endpoints { try checkText(endpoint.host, "a broker's host") }
        try checkText(clientIdentifier, "client identifier")
        if let userName { try checkText(userName, "user name") }
        if let password {
            guard userName != nil else { throw .passwordWithoutUserName }
            guard password.count <= 65_535, !password.contains(0) else {
                throw .unrepresentable(field: "password")
            }
        }
        guard (tls.certificate == nil) == (tls.key == nil) else { throw .incompleteCertificate }
        let keepAliveRange = 5...65_535
        guard keepAliveRange.contains(Int(clamping: keepAlive.components.seconds)) else {
            throw .outOfRange(field: "keep alive (seconds)", range: keepAliveRange)
        }
        guard receiveMaximum > 0 else {
            throw .outOfRange(field: "receive maximum", range: 1...65_535)
        }
        // Smaller ones could not even hold a SUBACK of all filters.
        guard maximumPacketBytes >= 1_024 else {
            throw .outOfRange(field: "maximum packet bytes", range: 1_024...Int(UInt32.max))
        }
        for filter in topicFilters + formerTopicFilters {
            try checkText(filter, "a topic filter")
            guard unsafe mosquitto_sub_topic_check(filter) == MOSQ_ERR_SUCCESS.result else {
                throw .invalidFilter(filter)
            }
        }
        let wanted = Set(topicFilters)
        if let filter = formerTopicFilters.first(where: wanted.contains) {
            throw .contradictoryFilter(filter)
        }
        if let statusTopic {
            try checkText(statusTopic, "status topic")
            guard unsafe mosquitto_pub_topic_check(statusTopic) == MOSQ_ERR_SUCCESS.result else {
                throw .invalidStatusTopic(statusTopic)
            }
        }
    }

    private func checkText(_ text: String, _ field: String) throws(Problem) {
        guard (1...65_535).contains(text.utf8.count), !text.utf8.contains(0) else {
            throw .unrepresentable(field: field)
        }
    }
}

extension mosq_err_t {
    /// The number as functions return it.
    var result: Int32 { Int32(rawValue) }
}
