import Glibc
import TestSupport
import Testing

@testable import MQTT

/// Sessions and publishers against a real mosquitto.
struct `Session with mosquitto` {
    private static let persistent = ["allow_anonymous true", "persistence true"]

    private static func persistence(in directory: ScratchDirectory) -> [String] {
        persistent + ["persistence_location \(directory.path)/", "autosave_interval 1"]
    }

    @Test func `Our transport is in use in this program`() {
        #expect(Session.isTransportInterposed)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `A message arrives as it was sent`(qos: QoS) throws {
        let broker = try Mosquitto()
        let running = try RunningSession(configuration(ports: broker.port))
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        try broker.publish("test/a", "hello", qos: Int(qos.rawValue))
        try eventually("the message") { !running.recorder.messages.isEmpty }
        let message = try #require(running.recorder.messages.first)
        #expect(message.topic == "test/a")
        #expect(message.text == "hello")
        let delivery = message.delivery
        #expect(delivery.qos == qos)
        #expect(!delivery.isRetained)
        #expect(!delivery.mayBeRedelivery)
        #expect((delivery.packetIdentifier == 0) == (qos == .atMostOnce))
    }

    @Test func `Retained messages come with the subscription`() throws {
        let broker = try Mosquitto()
        try broker.publish("test/kept", "now", more: ["-r"])
        let running = try RunningSession(configuration(ports: broker.port))
        defer { running.stop() }
        try eventually("the message") { !running.recorder.messages.isEmpty }
        #expect(running.recorder.messages.map(\.delivery.isRetained) == [true])
    }

    @Test func `What was acknowledged does not come again`() throws {
        let broker = try Mosquitto()
        let first = try RunningSession(configuration(ports: broker.port))
        try first.recorder.expectSubscribed()
        try broker.publish("test/x", "once")
        try eventually("the message") { first.recorder.messages.count == 1 }
        first.stop()
        try broker.publish("test/x", "while away")
        let second = try RunningSession(configuration(ports: broker.port))
        defer { second.stop() }
        try second.recorder.expectSubscribed()
        try broker.publish("test/x", "last")
        try eventually("the messages") { second.recorder.messages.last?.text == "last" }
        #expect(second.recorder.messages.map(\.text) == ["while away", "last"])
        try second.recorder.expect("the session that was kept") {
            if case .connected(_, _, sessionPresent: true) = $0 { true } else { false }
        }
    }

    @Test func `The first session is new`() throws {
        let broker = try Mosquitto()
        let running = try RunningSession(configuration(ports: broker.port))
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        let endpoint = Endpoint(scheme: .mqtt, host: "127.0.0.1", port: broker.port)
        #expect(
            running.recorder.events.prefix(2) == [
                .connecting(endpoint, .version5),
                .connected(endpoint, .version5, sessionPresent: false),
            ]
        )
    }

    @Test func `After the broker's restart the session goes on`() throws {
        let directory = ScratchDirectory()
        let broker = try Mosquitto(Self.persistence(in: directory), in: directory)
        let running = try RunningSession(configuration(ports: broker.port))
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        broker.end()
        try running.recorder.expect("the broker's goodbye") {
            guard case .disconnected(_, let failure) = $0 else { return false }
            return failure == .dismissed(.serverShuttingDown) || failure == .closed
        }
        try broker.start()
        try running.recorder.expectSubscribed(times: 2)
        try broker.publish("test/x", "back")
        try eventually("the message") { running.recorder.messages.map(\.text) == ["back"] }
        try running.recorder.expect("the session that was kept") {
            if case .connected(_, _, sessionPresent: true) = $0 { true } else { false }
        }
    }

    @Test func `After the broker lost its sessions we subscribe anew`() throws {
        let broker = try Mosquitto()
        let running = try RunningSession(configuration(ports: broker.port))
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        broker.end()
        try broker.start()
        try running.recorder.expectSubscribed(times: 2)
        try broker.publish("test/x", "back")
        try eventually("the message") { running.recorder.messages.map(\.text) == ["back"] }
    }

    @Test func `A wrong password is reported with advice, and tried again`() throws {
        let directory = ScratchDirectory()
        let file = directory.write("user:right\n", to: "passwords")
        try run(["mosquitto_passwd", "-U", file])
        let lines = ["allow_anonymous false", "password_file \(file)"]
        let broker = try Mosquitto(lines, in: directory)
        var wrong = configuration(ports: broker.port)
        wrong.userName = "user"
        wrong.password = Array("wrong".utf8)
        let refused = try RunningSession(wrong)
        defer { refused.stop() }
        let failure = try refused.recorder.firstFailure()
        #expect(failure == .refused(.notAuthorized) || failure == .refused(.badUserNameOrPassword))
        #expect(failure.advice != nil)
        try refused.recorder.expect("another try") {
            if case .willRetry = $0 { true } else { false }
        }
        var right = wrong
        right.clientIdentifier = "another"
        right.password = Array("right".utf8)
        let accepted = try RunningSession(right)
        defer { accepted.stop() }
        try accepted.recorder.expectSubscribed()
    }

    @Test func `Two programs with one client identifier do not storm`() throws {
        let broker = try Mosquitto()
        var timing = SessionStateMachine.Timing.hasty
        timing.shortestPause = .milliseconds(200)
        let one = try RunningSession(configuration(ports: broker.port), timing: timing)
        let other = try RunningSession(configuration(ports: broker.port), timing: timing)
        usleep(2_000_000)
        one.stop()
        other.stop()
        let events = one.recorder.events + other.recorder.events
        let takeOvers = events.count {
            // mosquitto 2.0.11 hangs up without a word.
            if case .disconnected(_, .closed) = $0 { true } else { false }
        }
        let connections = events.count {
            if case .connecting = $0 { true } else { false }
        }
        #expect(takeOvers > 0, "\(events)")
        // Each waits 0.2 s at least after each loss.
        #expect(connections <= takeOvers + 2)
        let pauses = events.count { if case .willRetry = $0 { true } else { false } }
        #expect(pauses >= takeOvers - 2)
    }

    @Test func `Others see us online, then offline`() throws {
        let broker = try Mosquitto()
        var watching = configuration(ports: broker.port, filters: ["status/#"])
        watching.clientIdentifier = "watcher"
        let watcher = try RunningSession(watching)
        defer { watcher.stop() }
        try watcher.recorder.expectSubscribed()
        let watched = try RunningSession(
            configuration(ports: broker.port, statusTopic: "status/carparkd")
        )
        try eventually("online") { watcher.recorder.messages.map(\.text) == ["online"] }
        watched.stop()
        #expect(watched.recorder.events.last == .stopped(gracefully: true))
        try eventually("offline") {
            watcher.recorder.messages.map(\.text) == ["online", "offline"]
        }
    }
}

/// A publisher against a real mosquitto, and against brokers that go away.
struct Publishing {
    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `Everything arrives in order`(qos: QoS) throws {
        let broker = try Mosquitto()
        let running = try RunningSession(configuration(ports: broker.port))
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        let publisher = try Publisher(PublisherConfiguration(configuration(ports: broker.port)))
        let count = 5_000
        for index in 0..<count {
            let payload = Array("\(index)".utf8)
            try publisher.publish(topic: "test/n", payload: payload, qos: qos, retain: false)
        }
        try publisher.flush()
        try eventually("all of them") { running.recorder.messages.count == count }
        #expect(running.recorder.messages.map(\.text) == (0..<count).map { "\($0)" })
        #expect(publisher.refused == 0)
        #expect(publisher.close())
    }

    @Test func `No more than a window of messages is under way`() throws {
        let listener = try Listener()
        var configuration = PublisherConfiguration(configuration(ports: listener.port))
        configuration.window = 3
        let thread = start { [configuration] in
            guard let publisher = try? Publisher(configuration) else { return }
            for index in 0..<6 as Range<UInt8> {
                try? publisher.publish(
                    topic: "t",
                    payload: [index],
                    qos: .atLeastOnce,
                    retain: false
                )
            }
            try? publisher.flush()
            publisher.close()
        }
        defer { pthread_join(thread, nil) }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.accept()
        var identifiers = try (0..<3).map { _ in try peer.expect(.publish).number(at: 3) }
        #expect(!peer.hasInput(within: .milliseconds(200)))
        for identifier in identifiers { try peer.send(.puback, bytes(identifier)) }
        identifiers = try (0..<3).map { _ in try peer.expect(.publish).number(at: 3) }
        for identifier in identifiers { try peer.send(.puback, bytes(identifier)) }
        _ = try peer.expect(.disconnect)
    }

    @Test func `A refused message is counted`() throws {
        let directory = ScratchDirectory()
        let rules = directory.write("topic read #\n", to: "acl")
        let broker = try Mosquitto(["allow_anonymous true", "acl_file \(rules)"], in: directory)
        let publisher = try Publisher(PublisherConfiguration(configuration(ports: broker.port)))
        try publisher.publish(topic: "test/x", payload: [1], qos: .atLeastOnce, retain: false)
        try publisher.flush()
        #expect(publisher.refused == 1)
        #expect(publisher.close())
    }

    @Test func `Nobody there is an error`() throws {
        let port = freePort()
        #expect(throws: ConnectionFailure.unreachable("Connection refused")) {
            try Publisher(PublisherConfiguration(configuration(ports: port)))
        }
    }

    @Test func `A broker that goes away is an error`() throws {
        let broker = try Mosquitto()
        let publisher = try Publisher(PublisherConfiguration(configuration(ports: broker.port)))
        broker.end()
        #expect(throws: ConnectionFailure.self) {
            for _ in 0..<1_000 {
                try publisher.publish(
                    topic: "test/x",
                    payload: [1],
                    qos: .atLeastOnce,
                    retain: false
                )
                try publisher.flush()
            }
        }
    }

    @Test(arguments: ["", "a/+/b", "#", "a\u{0}b"])
    func `A topic that is none is an error`(topic: String) throws {
        let broker = try Mosquitto()
        let publisher = try Publisher(PublisherConfiguration(configuration(ports: broker.port)))
        #expect(throws: ConnectionFailure.library(.invalid)) {
            try publisher.publish(topic: topic, payload: [1], qos: .atMostOnce, retain: false)
        }
        // That says nothing about the connection.
        try publisher.publish(topic: "test/x", payload: [], qos: .atLeastOnce, retain: false)
        try publisher.flush()
    }
}
