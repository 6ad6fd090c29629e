import Glibc
import TestSupport
import Testing

@testable import MQTT

/// Endpoints with TLS: who is accepted, and what is said of those who are not.
struct TLS {
    private static func configuration(
        _ port: UInt16,
        _ certificates: Certificates,
        host: String = "127.0.0.1"
    ) -> SessionConfiguration {
        var configuration = MQTTTests.configuration()
        configuration.endpoints = [Endpoint(scheme: .mqtts, host: host, port: port)]
        configuration.tls.authorities = certificates.file("authority.pem")
        return configuration
    }

    /// How the first connection fails.
    private static func failure(_ configuration: SessionConfiguration) throws -> ConnectionFailure {
        let running = try RunningSession(configuration)
        defer { running.stop() }
        return try running.recorder.firstFailure()
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func `A broker with a good certificate is accepted, by name and by address`(host: String) throws
    {
        let certificates = try Certificates()
        try certificates.issue("broker")
        let broker = try Mosquitto(certificates.broker("broker"))
        let running = try RunningSession(
            Self.configuration(broker.port, certificates, host: host)
        )
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        let publisher = try Publisher(
            PublisherConfiguration(Self.configuration(broker.port, certificates, host: host))
        )
        let payload = [UInt8](repeating: 42, count: 40_000)
        for _ in 0..<100 {
            try publisher.publish(
                topic: "test/x",
                payload: payload,
                qos: .atLeastOnce,
                retain: false
            )
        }
        try publisher.flush()
        try eventually("all of them") { running.recorder.messages.count == 100 }
        #expect(running.recorder.messages.allSatisfy { $0.payload == payload })
        #expect(running.stop() < patience)
        #expect(running.recorder.events.last == .stopped(gracefully: true))
    }

    enum Flaw: String, CaseIterable, CustomTestStringConvertible {
        case wrongName, wrongAddress, expired, notYetValid, selfSigned, unknownIssuer
        var testDescription: String { rawValue }
    }

    @Test(arguments: Flaw.allCases)
    func `A bad certificate is refused, and the report says why`(flaw: Flaw) throws {
        let certificates = try Certificates()
        var host = "127.0.0.1"
        var expected: TLSFailure
        switch flaw {
        case .wrongName:
            host = "localhost"
            try certificates.issue("broker", for: "DNS:elsewhere.example")
            expected = .wrongName
        case .wrongAddress:
            try certificates.issue("broker", for: "IP:192.0.2.1,DNS:127.0.0.1")
            expected = .wrongName
        case .expired:
            try certificates.issue("broker", until: "20210101000000Z")
            expected = .expired
        case .notYetValid:
            try certificates.issue("broker", from: "20890101000000Z")
            expected = .notYetValid
        case .selfSigned:
            try certificates.issueSelfSigned("broker")
            expected = .selfSigned
        case .unknownIssuer:
            try certificates.issue("broker")
            expected = .unknownIssuer
        }
        let broker = try Mosquitto(certificates.broker("broker"))
        var configuration = Self.configuration(broker.port, certificates, host: host)
        if flaw == .unknownIssuer {
            configuration.tls.authorities = certificates.file("stranger.pem")
        }
        let failure = try Self.failure(configuration)
        #expect(failure == .tls(expected))
        #expect(failure.advice?.isEmpty == false)
    }

    @Test func `Without authorities of our own the system's decide`() throws {
        let certificates = try Certificates()
        try certificates.issue("broker")
        let broker = try Mosquitto(certificates.broker("broker"))
        var configuration = Self.configuration(broker.port, certificates)
        configuration.tls.authorities = nil
        #expect(try Self.failure(configuration) == .tls(.unknownIssuer))
    }

    @Test func `A broker of TLS 1_1 is refused as such`() throws {
        let certificates = try Certificates()
        try certificates.issue("broker")
        let port = freePort()
        let server = try ChildProcess(
            ["openssl", "s_server", "-quiet", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
                + ["-accept", "127.0.0.1:\(port)", "-cert", certificates.file("broker.pem")]
                + ["-key", certificates.file("broker.key")]
        )
        defer { server.end() }
        try eventually("the server listens") { isOpen(port) }
        let failure = try Self.failure(Self.configuration(port, certificates))
        #expect(failure == .tls(.protocolVersion))
    }

    @Test func `A broker that wants a client certificate gets ours`() throws {
        let certificates = try Certificates()
        try certificates.issue("broker")
        try certificates.issue("client")
        let authorities = "cafile \(certificates.file("authority.pem"))"
        let broker = try Mosquitto(
            certificates.broker("broker", more: [authorities, "require_certificate true"])
        )
        var configuration = Self.configuration(broker.port, certificates)
        configuration.tls.certificate = certificates.file("client.pem")
        configuration.tls.key = certificates.file("client.key")
        let running = try RunningSession(configuration)
        defer { running.stop() }
        try running.recorder.expectSubscribed()
    }

    @Test(arguments: [true, false])
    func `A broker that refuses our client certificate, or misses it, is understood`(
        hasOne: Bool
    ) throws {
        let certificates = try Certificates()
        try certificates.issue("broker")
        try certificates.issueSelfSigned("client")
        let authorities = "cafile \(certificates.file("authority.pem"))"
        let broker = try Mosquitto(
            certificates.broker("broker", more: [authorities, "require_certificate true"])
        )
        var configuration = Self.configuration(broker.port, certificates)
        if hasOne {
            configuration.tls.certificate = certificates.file("client.pem")
            configuration.tls.key = certificates.file("client.key")
        }
        guard case .tls(.clientCertificate(let words)) = try Self.failure(configuration) else {
            Issue.record("\(try Self.failure(configuration))")
            return
        }
        #expect(!words.isEmpty)
    }

    @Test func `Files that can't be used are named`() throws {
        let certificates = try Certificates()
        try certificates.issue("one")
        try certificates.issue("other")
        var missing = Self.configuration(1, certificates)
        missing.tls.authorities = "/no/such/file"
        var mixed = Self.configuration(1, certificates)
        mixed.tls.certificate = certificates.file("one.pem")
        mixed.tls.key = certificates.file("other.key")
        for (configuration, file) in [(missing, "/no/such/file"), (mixed, mixed.tls.key ?? "")] {
            guard case .tls(.file(let text)) = try Self.failure(configuration) else {
                Issue.record("\(try Self.failure(configuration))")
                return
            }
            #expect(text.contains(file))
        }
    }

    @Test func `A port without TLS is reported as such`() throws {
        let certificates = try Certificates()
        let broker = try Mosquitto()
        #expect(
            try Self.failure(Self.configuration(broker.port, certificates)) == .tls(.handshake)
        )
    }

    @Test(arguments: [false, true])
    func `A broker that hangs up before the handshake makes nobody spin`(resets: Bool) throws {
        let certificates = try Certificates()
        let listener = try Listener()
        var timing = SessionStateMachine.Timing.hasty
        timing.shortestPause = .milliseconds(200)
        let running = try RunningSession(
            Self.configuration(listener.port, certificates),
            timing: timing
        )
        defer { running.stop() }
        let end = ContinuousClock.now + .seconds(2)
        var times = 0
        while ContinuousClock.now < end {
            guard let peer = try listener.accept(within: .milliseconds(500)) else { continue }
            usleep(50_000)
            if resets { peer.reset() }
            times += 1
        }
        #expect(try running.recorder.firstFailure() == .tls(.handshake))
        #expect(times > 1, "it comes back")
        #expect(running.processorTime < .milliseconds(1_000), "half of the time")
    }

    @Test func `A broker that never answers the handshake is given up, and nobody spins`() throws {
        let certificates = try Certificates()
        let listener = try Listener()
        var timing = SessionStateMachine.Timing.hasty
        timing.greeting = .seconds(1)
        let running = try RunningSession(
            Self.configuration(listener.port, certificates),
            timing: timing
        )
        defer { running.stop() }
        let peer = try listener.accept()
        #expect(try running.recorder.firstFailure() == .timedOut(.greeting))
        #expect(running.processorTime < .milliseconds(500), "half of the time")
        #expect(peer.hasInput(within: .zero))
    }
}
