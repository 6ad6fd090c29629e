import Configuration
import LinuxSystem
import MQTT

extension SessionConfiguration {
    /// What a session with a configured broker needs, its secrets read.
    ///
    /// - Throws: ``CredentialError``, for the operator: the secret is not where the configuration says.
    init(
        _ broker: Configuration.Broker,
        filters: [String],
        limits: Configuration.Limits
    ) throws(CredentialError) {
        self.init(
            endpoints: broker.urls.map(Endpoint.init),
            clientIdentifier: broker.clientIdentifier,
            topicFilters: filters
        )
        userName = broker.username
        if let password = broker.password { self.password = try Credential(password).read() }
        if let files = broker.tls {
            tls = TLSFiles(
                authorities: try files.ca.map(Self.path),
                certificate: try files.certificate.map(Self.path),
                key: try files.key.map(Self.path)
            )
        }
        keepAlive = broker.keepAlive
        sessionExpiry = broker.sessionExpiry
        receiveMaximum = UInt16(clamping: broker.receiveMaximum)
        // The largest PUBLISH that we would read, and room for its header and properties.
        let largest = limits.payloadBytes + limits.topicBytes + 1024
        maximumPacketBytes = UInt32(clamping: largest)
    }

    private static func path(
        _ secret: Configuration.Secret
    ) throws(CredentialError) -> String {
        try Credential(secret).path()
    }
}

extension Endpoint {
    /// The place that a configured URL names.
    init(_ url: Configuration.BrokerURL) {
        let scheme: Scheme =
            switch url.scheme {
            case .mqtt: .mqtt
            case .mqtts: .mqtts
            }
        self.init(scheme: scheme, host: url.host, port: UInt16(clamping: url.port))
    }
}

extension Credential {
    /// The place that a configured secret names.
    init(_ secret: Configuration.Secret) {
        switch secret {
        case .credential(let name): self = .named(name)
        case .file(let path): self = .file(path)
        }
    }
}
