import TestSupport
import Testing

@testable import MQTT

/// Connecting, being refused, subscribing and leaving, as a broker sees it: a test plays the
/// broker.
struct Greeting {
    @Test func `The CONNECT says what the session needs`() throws {
        let listener = try Listener()
        var configuration = configuration(ports: listener.port, statusTopic: "status/me")
        configuration.userName = "user"
        configuration.password = Array("secret".utf8)
        configuration.keepAlive = .seconds(45)
        configuration.sessionExpiry = .seconds(0x0102_0304)
        configuration.receiveMaximum = 0x0506
        configuration.maximumPacketBytes = 0x0708_090A
        let running = try RunningSession(configuration)
        defer { running.stop() }
        let connect = try listener.accept().expect(.connect).body
        // User name, password, will retained at QoS 1, and no clean start.
        #expect(connect[7] == 0b1110_1100)
        #expect(connect[8...9] == [0, 45])
        let properties = Array(connect[11..<11 + Int(connect[10])])
        #expect(properties.contains([0x11, 1, 2, 3, 4]), "session expiry")
        #expect(properties.contains([0x21, 5, 6]), "receive maximum")
        #expect(properties.contains([0x27, 7, 8, 9, 10]), "maximum packet size")
        for text in ["carparkd-test", "status/me", "offline", "user", "secret"] {
            #expect(connect.contains(bytes(UInt16(text.utf8.count)) + Array(text.utf8)), "\(text)")
        }
    }

    @Test func `Filters are subscribed at QoS 1, with retained messages, on every connection`()
        throws
    {
        let listener = try Listener()
        let running = try RunningSession(
            configuration(ports: listener.port, filters: ["a/+", "b/#"])
        )
        defer { running.stop() }
        for sessionPresent in [false, true] {
            let peer = try listener.accept()
            _ = try peer.expect(.connect)
            try peer.accept(sessionPresent: sessionPresent)
            let body = try peer.expect(.subscribe).body
            let filters = [0, 3] + Array("a/+".utf8) + [1, 0, 3] + Array("b/#".utf8) + [1]
            #expect(Array(body[3...]) == filters)
            try peer.send(.suback, Array(body[..<2]) + [0, 1, 1])
            try running.recorder.expect("the session's presence") {
                if case .connected(_, .version5, sessionPresent) = $0 { true } else { false }
            }
        }
    }

    @Test func `Many filters go out in several packets, and a refusal names its filter`() throws {
        let filters = (0..<250).map { "car-park-\($0)/#" }
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port, filters: filters))
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.accept()
        let subscriptions = try (0..<3).map { _ in try peer.expect(.subscribe) }
        for (subscribe, count) in zip(subscriptions, [100, 100, 50]) {
            var grants = [UInt8](repeating: 1, count: count)
            if count == 50 { grants[7] = 0x87 }
            if count == 50 { grants[8] = 0 }
            try peer.send(.suback, Array(subscribe.body[..<2]) + [0] + grants)
        }
        try running.recorder.expect("the count") { $0 == .subscribed(granted: 249) }
        let events = running.recorder.events
        #expect(
            events.contains(.subscriptionRefused(filter: "car-park-207/#", .notAuthorized))
        )
        #expect(events.contains(.subscriptionDowngraded(filter: "car-park-208/#")))
    }

    @Test func `A broker's small packets are respected when subscribing`() throws {
        let filters = (0..<10).map { String(repeating: "x", count: 100) + "\($0)" }
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port, filters: filters))
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        // Maximum Packet Size: 400 bytes.
        try peer.send(.connack, [0, 0, 5, 0x27, 0, 0, 1, 0x90])
        var answered = 0
        while answered < filters.count {
            let subscribe = try peer.expect(.subscribe)
            #expect(subscribe.body.count < 400)
            let count = subscribe.body.count(where: { $0 == 1 })
            let grants = (subscribe.body.count - 3) / 104
            #expect(count >= grants)
            try peer.send(
                .suback,
                Array(subscribe.body[..<2]) + [0] + Array(repeating: 1, count: grants)
            )
            answered += grants
        }
        try running.recorder.expect("all of them") { $0 == .subscribed(granted: filters.count) }
    }

    enum Refusal: String, CaseIterable, CustomTestStringConvertible {
        case connackOfVersion5, connackOfVersion311, hangUp
        var testDescription: String { rawValue }
    }

    @Test(arguments: Refusal.allCases)
    func `A broker that refuses MQTT 5 gets 3_1_1`(refusal: Refusal) throws {
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port))
        defer { running.stop() }
        do {
            let peer = try listener.accept()
            #expect(try peer.expect(.connect).body[6] == 5)
            switch refusal {
            case .connackOfVersion5: try peer.send(.connack, [0, 0x84, 0])
            case .connackOfVersion311: try peer.send(.connack, [0, 1])
            case .hangUp: break
            }
        }
        let peer = try listener.accept()
        try peer.welcome()
        #expect(peer.version == 4)
        try running.recorder.expectSubscribed()
        try peer.publish("test/old", [1, 2, 3], identifier: 9)
        #expect(try peer.expect(.puback).body == [0, 9])
        #expect(running.recorder.messages.map(\.payload) == [[1, 2, 3]])
    }

    @Test(
        arguments: [
            (UInt8(0x85), ReasonCode.clientIdentifierNotValid), (0x86, .badUserNameOrPassword),
            (0x87, .notAuthorized), (0x88, .serverUnavailable),
        ]
    )
    func `A refusal is reported with its reason and advice`(code: UInt8, reason: ReasonCode) throws
    {
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port))
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.send(.connack, [0, code, 0])
        let failure = try running.recorder.firstFailure()
        #expect(failure == .refused(reason))
        #expect(failure.advice != nil)
    }

    @Test func `A refusal in MQTT 3_1_1 is reported in the same words`() throws {
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port))
        defer { running.stop() }
        _ = try listener.accept().expect(.connect)
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.send(.connack, [0, 4])
        try running.recorder.expect("the reason") {
            if case .connectFailed(_, .refused(.badUserNameOrPassword)) = $0 { true } else { false }
        }
    }

    @Test func `A broker that takes the connection and says nothing is given up`() throws {
        let listener = try Listener()
        var timing = SessionStateMachine.Timing.hasty
        timing.greeting = .milliseconds(300)
        let running = try RunningSession(configuration(ports: listener.port), timing: timing)
        defer { running.stop() }
        let peer = try listener.accept()
        #expect(try running.recorder.firstFailure() == .timedOut(.greeting))
        #expect(try peer.expectEnd())
    }

    @Test func `A broker that never answers the SUBSCRIBE is given up`() throws {
        let listener = try Listener()
        var timing = SessionStateMachine.Timing.hasty
        timing.subscribing = .milliseconds(300)
        let running = try RunningSession(configuration(ports: listener.port), timing: timing)
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.accept()
        try running.recorder.expect("the failure") {
            if case .disconnected(_, .timedOut(.subscribing)) = $0 { true } else { false }
        }
    }

    @Test func `A dead endpoint is passed over at once`() throws {
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: freePort(), listener.port))
        defer { running.stop() }
        let peer = try listener.accept()
        try peer.welcome()
        try running.recorder.expectSubscribed()
        let events = running.recorder.events
        #expect(!events.contains { if case .willRetry = $0 { true } else { false } })
        guard case .connectFailed(_, .unreachable(let text)) = events[1] else {
            Issue.record("\(events)")
            return
        }
        #expect(text == "Connection refused")
    }

    @Test func `A name without an address is reported as such`() throws {
        var configuration = configuration()
        configuration.endpoints = [Endpoint(scheme: .mqtt, host: "no-such-host.invalid")]
        let running = try RunningSession(configuration)
        defer { running.stop() }
        guard
            case .unresolvable("no-such-host.invalid", let text) = try running.recorder
                .firstFailure()
        else {
            Issue.record("\(running.recorder.events)")
            return
        }
        #expect(!text.isEmpty)
    }
}

extension [UInt8] {
    /// Whether a sequence of bytes occurs.
    func contains(_ part: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: part) }
    }
}
