public import Parking

/// What the operator asked for: the whole of `carparkd.yaml`, checked.
///
/// A value of this type is consistent: identifiers are unique, every facility that a rule names exists, every
/// number is within its range, and paths are absolute. Secrets are named here and never held.
public struct Configuration: Sendable, Equatable {
    /// The brokers to listen to; at least one.
    public let brokers: [Broker]

    /// Where the daemon keeps what must survive a restart; absolute.
    public let stateDirectory: String

    /// Where the daemon says how it is while it runs; absolute; nil means where the service manager says.
    public let runtimeDirectory: String?

    /// The published files.
    public let feed: Feed

    /// What is remembered of each facility.
    public let history: History

    /// What is refused.
    public let limits: Limits

    /// The facilities, in the order of the feed; at least one.
    public let facilities: [Facility]

    /// The devices that the operator listed; nil where there is no list.
    public let devices: DeviceRegistry?

    /// The rules, in the order in which they are tried; at least one.
    public let rules: [Rule]

    /// The topic filters that the rules need, without those that another one covers.
    ///
    /// Two filters may still overlap in part; MQTT 5.0 (3.3.4) lets a broker deliver such a message twice.
    public var topicFilters: [String] { subscribedPatterns.map(\.filter) }

    /// The patterns of the filters that are subscribed to.
    var subscribedPatterns: [TopicPattern] {
        var kept: [TopicPattern] = []
        for topic in rules.map(\.topic) where !kept.contains(where: { $0.covers(topic) }) {
            kept.removeAll { topic.covers($0) }
            kept.append(topic)
        }
        return kept
    }
}

extension Configuration {
    /// A broker, under the one name that our session has there.
    public struct Broker: Sendable, Equatable {
        /// What the log calls it; unique.
        public let name: String

        /// Its addresses, tried in this order; at least one.
        public let urls: [BrokerURL]

        /// The name under which the broker keeps our session.
        public let clientIdentifier: String

        /// The user, if the broker asks for one.
        public let username: String?

        /// Where the password is; never without a user.
        public let password: Secret?

        /// How TLS is done, where the system's defaults don't do.
        public let tls: TLS?

        /// The longest silence on the connection: 5 to 65,535 whole seconds.
        public let keepAlive: Duration

        /// How long the broker keeps our session without us: 1 to 4,294,967,295 whole seconds.
        public let sessionExpiry: Duration

        /// How many messages may be unacknowledged at a time: 1 to 32,767.
        ///
        /// Half of the packet identifiers, so that one tells a message that is under way from one that was.
        public let receiveMaximum: Int
    }

    /// The address of a broker.
    public struct BrokerURL: Sendable, Hashable, CustomStringConvertible {
        /// How the broker is spoken to.
        public enum Scheme: String, Sendable, CaseIterable {
            /// MQTT over TCP, for everybody to read; port 1883 if none is named.
            case mqtt
            /// MQTT over TLS; port 8883 if none is named.
            case mqtts
        }

        /// How it is spoken to.
        public let scheme: Scheme

        /// A host name or an address; an IPv6 address without its brackets.
        public let host: String

        /// The TCP port, 1 to 65,535.
        public let port: Int

        /// The URL, with its port.
        public var description: String {
            host.contains(":")
                ? "\(scheme.rawValue)://[\(host)]:\(port)" : "\(scheme.rawValue)://\(host):\(port)"
        }
    }

    /// Where something is that the configuration must not hold, or need not.
    public enum Secret: Sendable, Hashable {
        /// A file of this name in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`).
        case credential(String)
        /// A file at this absolute path.
        case file(String)
    }

    /// How a TLS connection is made; what is nil is left to the system.
    public struct TLS: Sendable, Equatable {
        /// The certificates of the authorities that we trust (PEM); nil means the system's.
        public let ca: Secret?

        /// Our own certificate (PEM), if the broker asks for one; together with ``key``.
        public let certificate: Secret?

        /// The private key of our certificate (PEM).
        public let key: Secret?
    }

    /// The published files and their rhythm.
    public struct Feed: Sendable, Equatable {
        /// What the web host serves; absolute.
        public let directory: String

        /// Where files grow before they are published: absolute, on the same file system, not served.
        public let temporaryDirectory: String

        /// How often a snapshot is taken; at least a second.
        public let interval: Duration

        /// How long an unchanged feed is left alone; at least the interval.
        public let heartbeat: Duration

        /// Who publishes, as the feed says it.
        public let publisher: Publisher
    }

    /// Who publishes the feed, and under which terms.
    ///
    /// Any text: it is escaped wherever it ends up.
    public struct Publisher: Sendable, Equatable {
        /// The publisher's name.
        public let name: String?

        /// Where the publisher tells more; `http` or `https`.
        public let url: String?

        /// The licence of the data, preferably an SPDX identifier.
        public let licence: String?

        /// What those who use the data have to say.
        public let attribution: String?
    }

    /// What is remembered of each facility, in fixed steps of time.
    public struct History: Sendable, Equatable {
        /// How far back the history goes; a multiple of the step.
        public let span: Duration

        /// How long one step is; at least a second.
        public let step: Duration

        /// How far back a trend looks; at least a step, at most the span.
        public let trendWindow: Duration

        /// The number of steps: 1 to 100,000.
        public var stepCount: Int {
            Int(span.wholeMilliseconds / step.wholeMilliseconds)
        }
    }

    /// What is refused, so that nobody on the broker can exhaust us.
    public struct Limits: Sendable, Equatable {
        /// The longest payload in bytes: 1 to 268,435,455 (MQTT's own bound).
        public let payloadBytes: Int

        /// The deepest nesting of a JSON payload: 1 to 1,024.
        public let jsonDepth: Int

        /// The longest topic name in bytes: 1 to 4,096, since topics are kept as the names of sensors.
        public let topicBytes: Int

        /// The most distinct bays of one facility.
        public let bays: Int

        /// The most distinct sensors in all: of those that count, that number their messages and that are watched, each.
        public let sensors: Int

        /// The most devices that are kept of those that the registry does not have.
        public let unknownDevices: Int
    }
}
