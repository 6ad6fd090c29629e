import Glibc
import TestSupport
import Testing

@testable import MQTT

/// Which messages may be redeliveries, however their bytes arrive.
struct Redeliveries {
    private static let dup: UInt8 = 0b1000

    /// What a test sends of a message, and expects to hear.
    private struct Sent {
        var payload: [UInt8]
        var isDuplicate: Bool
    }

    private static func expect(_ sent: [Sent], from broker: ScriptedBroker) throws {
        try eventually("\(sent.count) messages") {
            broker.recorder.messages.count >= sent.count
        }
        let messages = broker.recorder.messages
        #expect(messages.map(\.payload) == sent.map(\.payload))
        #expect(messages.map(\.delivery.mayBeRedelivery) == sent.map(\.isDuplicate))
    }

    private static func bytes(_ sent: [Sent], _ peer: Peer) -> [UInt8] {
        sent.enumerated().flatMap { index, message in
            peer.publication(
                "test/x",
                message.payload,
                identifier: UInt16(index + 1),
                flags: message.isDuplicate ? dup : 0
            )
        }
    }

    @Test(arguments: Wire.allCases)
    func `A message is a possible redelivery if and only if DUP is set`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire)
        let sent = [false, true, true, false, false, true].enumerated().map {
            Sent(payload: [UInt8($0)], isDuplicate: $1)
        }
        for (index, message) in sent.enumerated() {
            try broker.peer.publish(
                "test/x",
                message.payload,
                identifier: UInt16(index + 1),
                flags: message.isDuplicate ? Self.dup : 0
            )
            #expect(try broker.peer.expect(.puback).number(at: 0) == index + 1)
        }
        try Self.expect(sent, from: broker)
    }

    @Test func `Neither other flags nor other QoS make a redelivery`() throws {
        let broker = try ScriptedBroker(.tcp)
        let peer = broker.peer
        // QoS 0 with the DUP flag, which a broker must not send.
        try peer.publish("test/x", [1], flags: Self.dup)
        try peer.publish("test/x", [2], identifier: 1, flags: 0b0001)
        _ = try peer.expect(.puback)
        let topic = MQTTTests.bytes(6) + Array("test/x".utf8)
        try peer.send(.publish, flags: Self.dup | 0b0100, topic + MQTTTests.bytes(9) + [0, 3])
        _ = try peer.expect(.pubrec)
        try peer.send(.pubrel, flags: 0b0010, MQTTTests.bytes(9))
        _ = try peer.expect(.pubcomp)
        try Self.expect(
            [1, 2, 3].map { Sent(payload: [$0], isDuplicate: false) },
            from: broker
        )
    }

    @Test(arguments: Wire.allCases)
    func `The flag is the message's own where data are cut into single bytes`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire)
        let sent = [true, false, true].map {
            Sent(payload: Array("in small pieces".utf8), isDuplicate: $0)
        }
        for byte in Self.bytes(sent, broker.peer) {
            try broker.peer.send([byte])
            usleep(1_000)
        }
        try Self.expect(sent, from: broker)
    }

    @Test(arguments: Wire.allCases)
    func `The flag is the message's own among many packets in one piece`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire)
        let sent = (0..<500).map { Sent(payload: [UInt8($0 & 0xFF)], isDuplicate: $0 % 3 == 0) }
        // In between what has no rest, and answers that nobody asked for.
        let others =
            Peer.encoded(.pingresp, []) + Peer.encoded(.puback, [0, 77])
            + Peer.encoded(.unsuback, [0, 77, 0, 0])
        var flood: [UInt8] = []
        for (index, message) in sent.enumerated() {
            let flags = message.isDuplicate ? Self.dup : 0
            let identifier = UInt16(index + 1)
            flood += broker.peer.publication(
                "test/x",
                message.payload,
                identifier: identifier,
                flags: flags
            )
            if index % 7 == 0 { flood += others }
        }
        try broker.peer.send(flood)
        try Self.expect(sent, from: broker)
    }

    @Test(arguments: Wire.allCases)
    func `The flag is the message's own around those larger than the read-ahead`(
        wire: Wire
    ) throws {
        let broker = try ScriptedBroker(wire)
        let sizes = [10, 100_000, 0, 65_536, 100_000, 1]
        for isDuplicate in [false, true] {
            let earlier = broker.recorder.messages.count
            let sent = sizes.enumerated().map { index, size in
                Sent(
                    payload: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) },
                    isDuplicate: (index % 2 == 0) == isDuplicate
                )
            }
            try broker.peer.send(Self.bytes(sent, broker.peer))
            try eventually("the messages") {
                broker.recorder.messages.count == earlier + sent.count
            }
            let messages = broker.recorder.messages.dropFirst(earlier)
            #expect(messages.map(\.payload) == sent.map(\.payload))
            #expect(messages.map(\.delivery.mayBeRedelivery) == sent.map(\.isDuplicate))
        }
    }

    @Test(arguments: Wire.allCases, [UInt64(1), 2, 3])
    func `However data are cut, each message has its own flag`(wire: Wire, seed: UInt64) throws {
        let broker = try ScriptedBroker(wire)
        var chance = Chance(seed)
        // With 11 bytes of topic, identifier and properties: around each size of the length.
        let sizes = [0, 1, 115, 116, 117, 118, 16_370, 16_371, 16_372, 16_373, 16_374, 40_000]
        let sent = (0..<60).map { _ in
            Sent(
                payload: Array(repeating: UInt8(chance.below(256)), count: sizes[chance.below(12)]),
                isDuplicate: chance.below(2) == 0
            )
        }
        var rest = Self.bytes(sent, broker.peer)[...]
        while !rest.isEmpty {
            let count = 1 + chance.below(chance.below(2) == 0 ? 4 : 100_000)
            try broker.peer.send(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
            if chance.below(4) == 0 { usleep(1_000) }
        }
        try Self.expect(sent, from: broker)
    }

    @Test(arguments: Wire.allCases)
    func `What mosquitto got no acknowledgement for comes again with DUP, in order`(
        wire: Wire
    ) throws {
        let certificates = try Certificates()
        try certificates.issue("broker")
        let broker = try Mosquitto(
            wire == .tls ? certificates.broker("broker") : ["allow_anonymous true"]
        )
        var configuration = configuration()
        configuration.endpoints = [
            Endpoint(scheme: wire == .tls ? .mqtts : .mqtt, host: "127.0.0.1", port: broker.port)
        ]
        configuration.tls.authorities = certificates.file("authority.pem")
        let publisher = try Publisher(PublisherConfiguration(configuration))
        let first = try RunningSession(configuration, Recorder(isHeld: true))
        try first.recorder.expectSubscribed()
        for index in 0..<5 as Range<UInt8> {
            try publisher.publish(
                topic: "test/x",
                payload: [index],
                qos: .atLeastOnce,
                retain: false
            )
        }
        try publisher.flush()
        try eventually("the commit") { first.recorder.commits == 1 }
        let unacknowledged = first.recorder.messages
        #expect(unacknowledged.allSatisfy { !$0.delivery.mayBeRedelivery })

        // It takes the session over while the first one still commits.
        let second = try RunningSession(configuration)
        defer { second.stop() }
        try eventually("the messages again") { second.recorder.messages.count == 5 }
        first.session.stop()
        first.recorder.release()
        first.stop()
        let again = second.recorder.messages
        #expect(again.map(\.payload) == (0..<5).map { [$0] })
        #expect(again.allSatisfy { $0.delivery.mayBeRedelivery })
        let identifiers = again.map(\.delivery.packetIdentifier)
        #expect(
            unacknowledged.map(\.delivery.packetIdentifier)
                == Array(identifiers.prefix(unacknowledged.count))
        )
        try publisher.publish(topic: "test/x", payload: [5], qos: .atLeastOnce, retain: false)
        try publisher.flush()
        try eventually("a new message") { second.recorder.messages.count == 6 }
        #expect(second.recorder.messages.last?.delivery.mayBeRedelivery == false)
        publisher.close()
    }

    @Test func `After mosquitto's orderly restart, too`() throws {
        let directory = ScratchDirectory()
        let broker = try Mosquitto(
            [
                "allow_anonymous true", "persistence true",
                "persistence_location \(directory.path)/",
            ],
            in: directory
        )
        let first = try RunningSession(configuration(ports: broker.port), Recorder(isHeld: true))
        try first.recorder.expectSubscribed()
        try broker.publish("test/x", "unacknowledged")
        try eventually("the commit") { first.recorder.commits == 1 }
        broker.end()
        first.session.stop()
        first.recorder.release()
        first.stop()
        try broker.start()
        let second = try RunningSession(configuration(ports: broker.port))
        defer { second.stop() }
        try eventually("the message again") { second.recorder.messages.count == 1 }
        let again = try #require(second.recorder.messages.first)
        #expect(again.text == "unacknowledged")
        #expect(again.delivery.mayBeRedelivery)
        let identifiers = [first, second].map { $0.recorder.messages[0].delivery.packetIdentifier }
        #expect(identifiers[0] == identifiers[1])
    }
}

/// The bound on what a broker may send.
struct `Size of packets` {
    /// A packet of MQTT 5.0 whose remaining length is so large, all of it or its first bytes.
    private static func packet(remainingLength: Int, _ peer: Peer) -> [UInt8] {
        let without = 2 + 6 + 2 + 1
        let payload = [UInt8](repeating: 7, count: remainingLength - without)
        return peer.publication("test/x", payload, identifier: 1)
    }

    @Test(arguments: Wire.allCases)
    func `A packet as large as agreed arrives`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire) { $0.maximumPacketBytes = 2_000 }
        try broker.peer.send(Self.packet(remainingLength: 2_000, broker.peer))
        #expect(try broker.peer.expect(.puback).body == [0, 1])
        #expect(broker.recorder.messages.map(\.payload.count) == [1_989])
    }

    @Test(arguments: Wire.allCases)
    func `A larger one ends the connection as soon as its length is known`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire) { $0.maximumPacketBytes = 2_000 }
        let packet = Self.packet(remainingLength: 2_001, broker.peer)
        try broker.peer.send(Array(packet.prefix(3)))
        #expect(try broker.firstEnd() == .oversized)
        #expect(broker.recorder.messages.isEmpty)
    }

    @Test(arguments: Wire.allCases)
    func `A length of 100 MB ends the connection, and the session comes back`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire)
        try broker.peer.send([0x30, 0x80, 0xC2, 0xD7, 0x2F])
        #expect(try broker.firstEnd() == .oversized)
        try eventually("another connection") {
            broker.recorder.events.count { if case .connecting = $0 { true } else { false } } > 1
        }
    }

    @Test(arguments: Wire.allCases)
    func `No more messages at QoS 2 are held than were agreed`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire) { $0.receiveMaximum = 3 }
        let topic = [0, 1] + Array("t".utf8)
        // Those that are released are held no longer.
        for identifier in 1...10 as ClosedRange<UInt16> {
            try broker.peer.send(.publish, flags: 4, topic + bytes(identifier) + [0])
            #expect(try broker.peer.expect(.pubrec).number(at: 0) == identifier)
            try broker.peer.send(.pubrel, flags: 2, bytes(identifier))
            #expect(try broker.peer.expect(.pubcomp).number(at: 0) == identifier)
        }
        for identifier in 11...14 as ClosedRange<UInt16> {
            try broker.peer.send(.publish, flags: 4, topic + bytes(identifier) + [0])
            try broker.peer.send(.pubrel, flags: 2, bytes(999))
        }
        #expect(try broker.firstEnd() == .excessive)
        #expect(broker.recorder.messages.count == 10)
    }

    @Test(arguments: Wire.allCases)
    func `Answers that nobody asked for may have few words`(wire: Wire) throws {
        let broker = try ScriptedBroker(wire)
        let words = [0x1F, 0x01, 0x00] + [UInt8](repeating: 0x61, count: 256)
        let length: [UInt8] = [0x83, 0x02]
        // Fifteen of them are less than 4 KiB.
        for count in 1...16 {
            try broker.peer.send(.puback, [0, 77, 0] + length + words)
            guard count == 15 else { continue }
            try broker.peer.publish("test/x", [1], identifier: 1)
            #expect(try broker.peer.expect(.puback).body == [0, 1])
        }
        #expect(try broker.firstEnd() == .excessive)
    }

    @Test func `Around the agreed size mosquitto sends nothing that ends the connection`() throws {
        let broker = try Mosquitto()
        var configuration = configuration(ports: broker.port)
        configuration.maximumPacketBytes = 2_000
        let running = try RunningSession(configuration)
        defer { running.stop() }
        try running.recorder.expectSubscribed()
        let publisher = try Publisher(PublisherConfiguration(configuration))
        for size in 1_970...2_010 {
            try publisher.publish(
                topic: "test/x",
                payload: Array(repeating: 7, count: size),
                qos: .atLeastOnce,
                retain: false
            )
        }
        try publisher.publish(topic: "test/x", payload: [], qos: .atLeastOnce, retain: false)
        try publisher.flush()
        publisher.close()
        try eventually("the last one") { running.recorder.messages.last?.payload == [] }
        let events = running.recorder.events
        #expect(!events.contains { if case .disconnected = $0 { true } else { false } })
        // Its own bound is where the rest, with its length, has 2,000 bytes.
        let sizes = running.recorder.messages.dropLast().map(\.payload.count)
        #expect(sizes == Array(1_970...1_987))
    }

    @Test(
        arguments: Wire.allCases,
        [[0x30, 0xFF, 0xFF, 0xFF, 0xFF], [0x00], [0x0F]] as [[UInt8]]
    )
    func `What can't begin a packet ends the connection`(wire: Wire, bytes: [UInt8]) throws {
        let broker = try ScriptedBroker(wire)
        try broker.peer.send(bytes)
        #expect(try broker.firstEnd() == .malformed(.malformedPacket))
    }
}

/// Numbers from a seed, the same on every machine (SplitMix64).
private struct Chance {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((word ^ (word >> 31)) % UInt64(bound))
    }
}
