import Glibc
import TestSupport
import Testing

@testable import MQTT

/// Brokers that go away, break the protocol, or are hostile: a test plays the broker.
struct Faults {
    private static func connected(
        _ configure: (inout SessionConfiguration) -> Void = { _ in }
    ) throws -> (running: RunningSession, peer: Peer, listener: Listener) {
        let listener = try Listener()
        var configuration = configuration(ports: listener.port)
        configure(&configuration)
        let running = try RunningSession(configuration)
        let peer = try listener.accept()
        try peer.welcome()
        try running.recorder.expectSubscribed()
        return (running, peer, listener)
    }

    /// The first end of an accepted connection.
    private static func firstEnd(_ recorder: Recorder) throws -> ConnectionFailure {
        var failure: ConnectionFailure?
        try eventually("the end of the connection; there were \(recorder.events)") {
            for case .disconnected(_, let found) in recorder.events where failure == nil {
                failure = found
            }
            return failure != nil
        }
        return try #require(failure)
    }

    @Test(
        arguments: [
            (UInt8(0x8B), ReasonCode.serverShuttingDown), (0x8E, .sessionTakenOver),
            (0x80, .unspecified),
        ]
    )
    func `A DISCONNECT is reported with its reason, and the session comes back`(
        code: UInt8,
        reason: ReasonCode
    ) throws {
        let (running, peer, listener) = try Self.connected()
        defer { running.stop() }
        try peer.send(.disconnect, [code])
        #expect(try Self.firstEnd(running.recorder) == .dismissed(reason))
        let next = try listener.accept()
        try next.welcome()
        try running.recorder.expectSubscribed(times: 2)
    }

    @Test func `Taken over again and again, the session pauses every time`() throws {
        let (running, first, listener) = try Self.connected()
        defer { running.stop() }
        var peer = first
        for _ in 0..<4 {
            try peer.send(.disconnect, [0x8E])
            peer = try listener.accept()
            try peer.welcome()
        }
        try running.recorder.expectSubscribed(times: 5)
        let pauses = running.recorder.events.count {
            if case .willRetry = $0 { true } else { false }
        }
        #expect(pauses == 4)
    }

    enum End: String, CaseIterable, CustomTestStringConvertible {
        case close, reset, inTheMiddleOfAPacket
        var testDescription: String { rawValue }
    }

    @Test(arguments: End.allCases)
    func `When the connection breaks the session comes back`(end: End) throws {
        let (running, listener) = try {
            let (running, peer, listener) = try Self.connected()
            switch end {
            case .close: break
            case .reset: peer.reset()
            case .inTheMiddleOfAPacket:
                try peer.send(Array(peer.publication("test/half", [1, 2, 3]).dropLast(2)))
            }
            return (running, listener)
        }()
        defer { running.stop() }
        #expect(try Self.firstEnd(running.recorder) == .closed)
        let peer = try listener.accept()
        try peer.welcome(sessionPresent: true)
        // Half a packet of the last connection must not stand before this one's.
        try peer.publish("test/whole", [9], identifier: 1)
        #expect(try peer.expect(.puback).body == [0, 1])
        #expect(running.recorder.messages.map(\.topic) == ["test/whole"])
    }

    @Test(
        arguments: [
            ("a length of five bytes", [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F] as [UInt8]),
            ("a message without a topic", [0x30, 0x03, 0, 0, 0]),
            ("a topic longer than its packet", [0x30, 0x03, 0xFF, 0xFF, 0x61]),
            ("a topic of bad UTF-8", [0x30, 0x05, 0, 2, 0xC0, 0x80, 0]),
            ("a topic with NUL", [0x30, 0x05, 0, 2, 0x61, 0x00, 0]),
            ("QoS 3", [0x36, 0x06, 0, 1, 0x61, 0, 1, 0]),
            ("packet identifier 0", [0x32, 0x06, 0, 1, 0x61, 0, 0, 0]),
            ("an unknown property", [0x30, 0x06, 0, 1, 0x61, 2, 0x7E, 0]),
            ("properties longer than their packet", [0x30, 0x05, 0, 1, 0x61, 0x7F, 1]),
            ("a packet of type 0", [0x00, 0x00]),
            ("a CONNECT", [0x10, 0x00]),
            ("a SUBSCRIBE", [0x82, 0x00]),
            ("a PINGREQ", [0xC0, 0x00]),
            ("a short PUBACK", [0x40, 0x01, 0]),
            ("a short SUBACK", [0x90, 0x01, 0]),
            (
                "HTTP",
                Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) + Array(repeating: 0x20, count: 84)
            ),
        ]
    )
    func `Whatever the broker sends, the session lives on`(what: String, bytes: [UInt8]) throws {
        let (running, first, listener) = try Self.connected()
        defer { running.stop() }
        try first.send(bytes)
        // Either the session ends the connection, or it overlooks the packet.
        var peer = first
        if let next = try listener.accept(within: .milliseconds(700)) {
            peer = next
            try peer.welcome()
        }
        try peer.publish("test/after", [1], identifier: 1)
        while try peer.read()?.kind != .puback {}
        #expect(running.recorder.messages.last?.topic == "test/after")
    }

    @Test(arguments: [Packet.Kind.puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback])
    func `An answer that nobody asked for does no harm`(kind: Packet.Kind) throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        let body: [UInt8] = kind == .suback || kind == .unsuback ? [0, 77, 0, 0] : [0, 77]
        try peer.send(kind, flags: kind == .pubrel ? 2 : 0, body)
        try peer.publish("test/after", [1], identifier: 1)
        while try peer.read()?.kind != .puback {}
        #expect(running.recorder.messages.map(\.topic) == ["test/after"])
    }

    @Test func `A broker that falls silent is given up after the keep alive`() throws {
        let (running, peer, _) = try Self.connected { $0.keepAlive = .seconds(5) }
        defer { running.stop() }
        #expect(try peer.read()?.kind == .pingreq)
        #expect(try Self.firstEnd(running.recorder) == .silent)
    }

    @Test func `A broker that answers pings is kept`() throws {
        let (running, peer, _) = try Self.connected { $0.keepAlive = .seconds(5) }
        defer { running.stop() }
        for _ in 0..<2 {
            #expect(try peer.read()?.kind == .pingreq)
            try peer.send(.pingresp, [])
        }
        try peer.publish("test/x", [1], identifier: 1)
        #expect(try peer.expect(.puback).body == [0, 1])
    }

    @Test func `While the broker is away the thread sleeps`() throws {
        let running = try RunningSession(configuration(ports: freePort()))
        defer { running.stop() }
        try running.recorder.expect("a first pause") {
            if case .willRetry = $0 { true } else { false }
        }
        let begin = running.processorTime
        usleep(1_500_000)
        #expect(running.processorTime - begin < .milliseconds(300), "a fifth of the time")
    }

    @Test func `While nothing happens the thread sleeps`() throws {
        let (running, _, _) = try Self.connected()
        defer { running.stop() }
        let begin = running.processorTime
        usleep(1_500_000)
        #expect(running.processorTime - begin < .milliseconds(300), "a fifth of the time")
    }
}
