/// What is wrong with TLS.
public enum TLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The broker's certificate is for another name.
    case wrongName
    /// The broker's certificate has expired.
    case expired
    /// The broker's certificate is not valid yet.
    case notYetValid
    /// The broker's certificate is signed by itself, not by an authority that we trust.
    case selfSigned
    /// The broker's certificate is signed by an authority that we don't trust.
    case unknownIssuer
    /// The broker's certificate fails in another way, in OpenSSL's words.
    case certificate(String)
    /// The broker and we have no version of TLS in common.
    case protocolVersion
    /// The broker refuses our certificate, or misses one, in OpenSSL's words.
    case clientCertificate(String)
    /// The broker ended the handshake with this alert, in OpenSSL's words.
    case alert(String)
    /// A file can't be used, in words.
    case file(String)
    /// The broker does not seem to speak TLS, or not as we do.
    case handshake

    /// What is wrong, in a phrase.
    public var description: String {
        switch self {
        case .wrongName: "the broker's certificate is for another name"
        case .expired: "the broker's certificate has expired"
        case .notYetValid: "the broker's certificate is not valid yet"
        case .selfSigned: "the broker's certificate is self-signed"
        case .unknownIssuer: "the broker's certificate is from an unknown issuer"
        case .certificate(let text): "the broker's certificate is refused: \(text)"
        case .protocolVersion: "the broker does not offer TLS 1.2 or later"
        case .clientCertificate(let text): "the broker refuses our certificate: \(text)"
        case .alert(let text): "the broker ended the TLS handshake: \(text)"
        case .file(let text): text
        case .handshake: "the TLS handshake failed"
        }
    }

    /// What the operator should look at.
    public var advice: String {
        switch self {
        case .wrongName: "use a host name that stands in the certificate"
        case .expired: "renew it"
        case .notYetValid: "check the clocks of both machines"
        case .selfSigned, .unknownIssuer: "name its authority's file in tls.ca"
        case .certificate: "check the certificate with 'openssl verify'"
        case .protocolVersion: "enable TLS 1.2 or later at the broker"
        case .clientCertificate: "check tls.certificate and tls.key, and the broker's authorities"
        case .alert: "look into the broker's log"
        case .file: "check the file and who may read it"
        case .handshake: "check that this port speaks TLS"
        }
    }
}

/// Why a connection could not be made, or was lost.
public enum ConnectionFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What took too long.
    public enum Stage: String, Sendable {
        /// Making the TCP connection.
        case connecting = "connecting"
        /// The TLS handshake or the broker's CONNACK.
        case greeting = "waiting for the broker's answer"
        /// The broker's SUBACK.
        case subscribing = "waiting for the subscriptions"
    }

    /// The host's name has no address, in the resolver's words.
    case unresolvable(host: String, String)
    /// The system refused the connection, or it broke, in its words.
    case unreachable(String)
    /// Something took too long.
    case timedOut(Stage)
    /// TLS failed.
    case tls(TLSFailure)
    /// The broker refused us.
    case refused(ReasonCode)
    /// The broker hung up.
    case closed
    /// The broker said goodbye, with a reason (MQTT 5.0).
    case dismissed(ReasonCode)
    /// The broker sent what is not MQTT.
    case malformed(ResultCode)
    /// The broker sent a packet that is larger than we asked for.
    case oversized
    /// The broker sent more than was agreed: QoS 2 messages that it doesn't release, or wordy answers
    /// that nobody asked for.
    case excessive
    /// The broker was silent for longer than the keep alive.
    case silent
    /// We were asked to stop.
    case cancelled
    /// Something else went wrong in libmosquitto.
    case library(ResultCode)

    /// What happened, in a phrase.
    public var description: String {
        switch self {
        case .unresolvable(let host, let text): "no address for \(host): \(text)"
        case .unreachable(let text): text
        case .timedOut(let stage): "timed out \(stage.rawValue)"
        case .tls(let failure): failure.description
        case .refused(let reason): "the broker refuses us: \(reason)"
        case .closed: "the broker hung up"
        case .dismissed(let reason): "the broker ended the connection: \(reason)"
        case .malformed(let code): "the broker sent a malformed packet (\(code))"
        case .oversized: "the broker sent a packet larger than we accept"
        case .excessive: "the broker sent more than was agreed"
        case .silent: "the broker is silent"
        case .cancelled: "stopped"
        case .library(let code): code.description
        }
    }

    /// What the operator should look at, where there is something.
    public var advice: String? {
        switch self {
        case .unresolvable: "check the host's name in the broker's url"
        case .unreachable: "check that the broker runs and that nothing blocks its port"
        case .timedOut(.connecting): "check the address, and firewalls on the way"
        case .timedOut: "look into the broker's log"
        case .tls(let failure): failure.advice
        case .refused(let reason): reason.advice
        case .dismissed(let reason): reason.advice ?? "look into the broker's log"
        case .malformed: "check that this port speaks MQTT, and whether it wants TLS"
        case .oversized: "look for the publisher of such messages"
        // mosquitto 2.0.11 gives no other sign when somebody takes over our session.
        case .closed:
            "look into the broker's log, and whether another program uses the same client_id"
        case .excessive: "check what listens at this address, and look into the broker's log"
        case .silent: "look at the broker's load, and at the network on the way"
        case .library(.oversizePacket): "raise the broker's limit of the size of packets"
        case .cancelled, .library: nil
        }
    }

    /// Whether an older version of MQTT is worth a try if this came in answer to our CONNECT.
    var suggestsOlderVersion: Bool {
        switch self {
        case .refused(let reason): reason == .unsupportedProtocolVersion
        // Old brokers hang up on a version that they don't know, or refuse it in their own format.
        case .closed, .malformed: true
        case .unreachable, .unresolvable, .timedOut, .tls, .dismissed, .oversized,
            .excessive, .silent,
            .cancelled, .library:
            false
        }
    }
}
