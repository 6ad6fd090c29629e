import Testing

@testable import MQTT

/// Subscriptions of earlier runs that nobody wants any more.
struct Unsubscriptions {
    private static let former = ["old/+", "old/a/#", "older"]

    /// A broker that has our session and granted the subscription.
    private static func broker(
        _ wire: Wire = .tcp,
        sessionPresent: Bool = true,
        former: [String] = former
    ) throws -> ScriptedBroker {
        try ScriptedBroker(wire, sessionPresent: sessionPresent) { $0.formerTopicFilters = former }
    }

    /// The filters of an UNSUBSCRIBE of MQTT 5.0.
    private static func filters(of packet: Packet) -> [String] {
        var rest = packet.body.dropFirst(3)
        var filters: [String] = []
        while rest.count >= 2 {
            let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            filters.append(String(decoding: rest.dropFirst(2).prefix(count), as: UTF8.self))
            rest = rest.dropFirst(2 + count)
        }
        return filters
    }

    private static func unsubscribed(_ recorder: Recorder) -> [[String]] {
        recorder.events.compactMap {
            if case .unsubscribed(let filters) = $0 { filters } else { nil }
        }
    }

    @Test(arguments: Wire.allCases)
    func `Former filters are unsubscribed, and the session says when they are gone`(
        wire: Wire
    ) throws {
        let broker = try Self.broker(wire)
        let unsubscribe = try broker.peer.expect(.unsubscribe)
        #expect(unsubscribe.flags == 0b0010)
        #expect(Self.filters(of: unsubscribe) == Self.former)
        #expect(Self.unsubscribed(broker.recorder).isEmpty)
        let answer = Array(unsubscribe.body[..<2]) + [0, 0x00, 0x11, 0x00]
        try broker.peer.send(.unsuback, answer)
        try eventually("the event") { Self.unsubscribed(broker.recorder) == [Self.former] }
        // Nothing else was asked for, and the connection goes on.
        try broker.peer.publish("test/x", [1], identifier: 1)
        #expect(try broker.peer.expect(.puback).body == [0, 1])
    }

    @Test func `Nothing is unsubscribed before the new subscriptions are answered`() throws {
        let listener = try Listener()
        var configuration = configuration(ports: listener.port)
        configuration.formerTopicFilters = Self.former
        let running = try RunningSession(configuration)
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.accept(sessionPresent: true)
        let subscribe = try peer.expect(.subscribe)
        #expect(!peer.hasInput(within: .milliseconds(300)))
        try peer.send(.suback, Array(subscribe.body[..<2]) + [0, 1])
        _ = try peer.expect(.unsubscribe)
    }

    @Test func `Without new filters the former ones are unsubscribed at once`() throws {
        let listener = try Listener()
        var configuration = configuration(ports: listener.port, filters: [])
        configuration.formerTopicFilters = Self.former
        let running = try RunningSession(configuration)
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        try peer.accept(sessionPresent: true)
        #expect(try Self.filters(of: peer.expect(.unsubscribe)) == Self.former)
    }

    @Test func `A broker without our session has none of them`() throws {
        let broker = try Self.broker(sessionPresent: false)
        try eventually("the event") { Self.unsubscribed(broker.recorder) == [Self.former] }
        let events = broker.recorder.events
        #expect(events.suffix(2) == [.subscribed(granted: 1), .unsubscribed(filters: Self.former)])
        #expect(!broker.peer.hasInput(within: .milliseconds(300)))
    }

    @Test(arguments: [true, false])
    func `Without former filters nothing is asked and nothing said`(sessionPresent: Bool) throws {
        let broker = try Self.broker(sessionPresent: sessionPresent, former: [])
        #expect(!broker.peer.hasInput(within: .milliseconds(300)))
        #expect(Self.unsubscribed(broker.recorder).isEmpty)
    }

    @Test(arguments: Wire.allCases)
    func `A filter that the broker keeps is named, and is not among those that are gone`(
        wire: Wire
    ) throws {
        let broker = try Self.broker(wire)
        let unsubscribe = try broker.peer.expect(.unsubscribe)
        // With a Reason String.
        let reasons: [UInt8] = [0x00, 0x87, 0x11]
        let properties: [UInt8] = [7, 0x1F, 0, 4] + Array("why!".utf8)
        try broker.peer.send(.unsuback, Array(unsubscribe.body[..<2]) + properties + reasons)
        try eventually("the event") {
            Self.unsubscribed(broker.recorder) == [["old/+", "older"]]
        }
        #expect(
            broker.recorder.events.contains(
                .unsubscriptionRefused(filter: "old/a/#", .notAuthorized)
            )
        )
    }

    @Test func `Where all are kept, none is said to be gone`() throws {
        let broker = try Self.broker()
        let unsubscribe = try broker.peer.expect(.unsubscribe)
        try broker.peer.send(.unsuback, Array(unsubscribe.body[..<2]) + [0, 0x80, 0x83, 0x87])
        try eventually("the refusals") {
            broker.recorder.events.count {
                if case .unsubscriptionRefused = $0 { true } else { false }
            } == 3
        }
        #expect(Self.unsubscribed(broker.recorder).isEmpty)
    }

    @Test func `An answer longer than is kept claims nothing`() throws {
        let broker = try Self.broker()
        let unsubscribe = try broker.peer.expect(.unsubscribe)
        // A Reason String of 5,000 bytes: 5,003 bytes of properties.
        let text = Array(repeating: UInt8(ascii: "x"), count: 5_000)
        let properties: [UInt8] = [0x8B, 0x27, 0x1F] + bytes(5_000) + text
        try broker.peer.send(.unsuback, Array(unsubscribe.body[..<2]) + properties + [0, 0, 0])
        try broker.peer.publish("test/x", [1], identifier: 1)
        #expect(try broker.peer.expect(.puback).body == [0, 1])
        #expect(Self.unsubscribed(broker.recorder).isEmpty)
    }

    @Test func `Many filters go out in several packets, and are said together`() throws {
        let former = (0..<250).map { "old-\($0)/#" }
        let broker = try Self.broker(former: former)
        let packets = try (0..<3).map { _ in try broker.peer.expect(.unsubscribe) }
        #expect(packets.map { Self.filters(of: $0).count } == [100, 100, 50])
        for (packet, count) in zip(packets, [100, 100, 50]).reversed() {
            #expect(Self.unsubscribed(broker.recorder).isEmpty)
            let reasons = [UInt8](repeating: 0, count: count)
            try broker.peer.send(.unsuback, Array(packet.body[..<2]) + [0] + reasons)
        }
        try eventually("the event") { !Self.unsubscribed(broker.recorder).isEmpty }
        #expect(Self.unsubscribed(broker.recorder).map(Set.init) == [Set(former)])
    }

    @Test func `A filter too long for the broker's packets is named, the others go out`() throws {
        let listener = try Listener()
        let long = String(repeating: "x", count: 500)
        var configuration = configuration(ports: listener.port)
        configuration.formerTopicFilters = ["old/+", long, "older"]
        let running = try RunningSession(configuration)
        defer { running.stop() }
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        // Maximum Packet Size: 400 bytes.
        try peer.send(.connack, [1, 0, 5, 0x27, 0, 0, 1, 0x90])
        let subscribe = try peer.expect(.subscribe)
        try peer.send(.suback, Array(subscribe.body[..<2]) + [0, 1])
        for _ in 0..<2 {
            let packet = try peer.expect(.unsubscribe)
            try peer.send(.unsuback, Array(packet.body[..<2]) + [0, 0])
        }
        try eventually("the event") { Self.unsubscribed(running.recorder) == [["old/+", "older"]] }
        #expect(
            running.recorder.events.contains(.unsubscriptionRefused(filter: long, .packetTooLarge))
        )
    }

    @Test func `A broker that never answers keeps its connection, and the next one tries again`()
        throws
    {
        let listener = try Listener()
        var configuration = configuration(ports: listener.port)
        configuration.formerTopicFilters = Self.former
        var timing = SessionStateMachine.Timing.hasty
        timing.subscribing = .milliseconds(300)
        let running = try RunningSession(configuration, timing: timing)
        defer { running.stop() }
        do {
            let peer = try listener.accept()
            try peer.welcome(sessionPresent: true)
            _ = try peer.expect(.unsubscribe)
            #expect(!peer.hasInput(within: .seconds(2)), "the end would be input, too")
            try peer.publish("test/x", [1], identifier: 1)
            #expect(try peer.expect(.puback).body == [0, 1])
        }
        let peer = try listener.accept()
        try peer.welcome(sessionPresent: true)
        let unsubscribe = try peer.expect(.unsubscribe)
        #expect(Self.filters(of: unsubscribe) == Self.former)
        try peer.send(.unsuback, Array(unsubscribe.body[..<2]) + [0, 0, 0, 0])
        try eventually("the event") { Self.unsubscribed(running.recorder) == [Self.former] }
    }

    @Test func `A broker of MQTT 3_1_1 unsubscribes without reasons`() throws {
        let listener = try Listener()
        var configuration = configuration(ports: listener.port)
        configuration.formerTopicFilters = Self.former
        let running = try RunningSession(configuration)
        defer { running.stop() }
        do {
            let peer = try listener.accept()
            _ = try peer.expect(.connect)
            try peer.send(.connack, [0, 1])
        }
        let peer = try listener.accept()
        try peer.welcome(sessionPresent: true)
        #expect(peer.version == 4)
        let unsubscribe = try peer.expect(.unsubscribe)
        try peer.send(.unsuback, Array(unsubscribe.body[..<2]))
        try eventually("the event") { Self.unsubscribed(running.recorder) == [Self.former] }
    }

    @Test func `At mosquitto a former filter is gone, and its messages don't come`() throws {
        let broker = try Mosquitto()
        let earlier = try RunningSession(
            configuration(ports: broker.port, filters: ["old/#", "test/#"])
        )
        try earlier.recorder.expectSubscribed()
        earlier.stop()

        // A session that doesn't know of it still gets its messages.
        let unaware = try RunningSession(configuration(ports: broker.port))
        try unaware.recorder.expectSubscribed()
        try broker.publish("old/x", "still")
        try eventually("the message") { unaware.recorder.messages.map(\.text) == ["still"] }
        unaware.stop()

        var configuration = configuration(ports: broker.port)
        configuration.formerTopicFilters = ["old/#"]
        for text in ["first", "again"] {
            let running = try RunningSession(configuration)
            try eventually("the event") { Self.unsubscribed(running.recorder) == [["old/#"]] }
            try broker.publish("old/x", "gone")
            try broker.publish("test/x", text)
            try eventually("the message") { !running.recorder.messages.isEmpty }
            #expect(running.recorder.messages.map(\.text) == [text])
            running.stop()
        }
    }
}
