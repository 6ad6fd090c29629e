import Glibc
import Testing

@testable import MQTT

/// Messages and their acknowledgements, as a broker sees them: a test plays the broker.
struct Deliveries {
    /// A session that is connected and subscribed, with the broker's end.
    private static func connected(
        _ recorder: Recorder = Recorder(),
        _ configuration: SessionConfiguration? = nil
    ) throws -> (running: RunningSession, peer: Peer, listener: Listener) {
        let listener = try Listener()
        var configuration = configuration ?? MQTTTests.configuration()
        configuration.endpoints = [
            Endpoint(scheme: .mqtt, host: "127.0.0.1", port: listener.port)
        ]
        let running = try RunningSession(configuration, recorder)
        let peer = try listener.accept()
        try peer.welcome()
        try recorder.expectSubscribed()
        return (running, peer, listener)
    }

    @Test func `Acknowledgements leave after the commit and not before, in order`() throws {
        let recorder = Recorder(isHeld: true)
        let (running, peer, _) = try Self.connected(recorder)
        defer { running.stop() }
        for identifier in [7, 3, 5] as [UInt16] {
            try peer.publish("test/x", [1], identifier: identifier)
        }
        try eventually("the commit") { recorder.commits > 0 }
        #expect(!peer.hasInput(within: .milliseconds(500)))
        recorder.release()
        let acknowledged = try (0..<3).map { _ in try peer.expect(.puback).number(at: 0) }
        #expect(acknowledged == [7, 3, 5])
        #expect(recorder.messages.map(\.delivery.packetIdentifier) == [7, 3, 5])
    }

    @Test func `The session's thread says that it comes round, and not while it hangs`() throws {
        let recorder = Recorder(isHeld: true)
        let (running, peer, _) = try Self.connected(recorder)
        defer { running.stop() }
        try eventually("a sign each second") {
            recorder.signs.count { $0 == .seconds(1) } >= 2
        }
        try peer.publish("test/x", [1], identifier: 1)
        try eventually("the commit") { recorder.commits > 0 }
        let signs = recorder.signs.count
        #expect(!peer.hasInput(within: .milliseconds(1500)))
        #expect(recorder.signs.count == signs)
        recorder.release()
        try eventually("another sign") { recorder.signs.count > signs }
    }

    @Test func `The handler is asked to commit once a batch, and not when nothing came`() throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        let before = running.recorder.commits
        let count = 20_000
        var flood: [UInt8] = []
        for index in 0..<count {
            let payload = Array("\(index)".utf8)
            flood += peer.publication("test/flood", payload)
        }
        try peer.send(flood)
        try eventually("all of them") { running.recorder.messages.count == count }
        let texts = running.recorder.messages.map(\.text)
        #expect(texts == (0..<count).map { "\($0)" })
        let commits = running.recorder.commits - before
        #expect((1...count / 10).contains(commits), "\(commits) commits")
        usleep(200_000)
        #expect(running.recorder.commits - before <= commits + 1)
    }

    @Test func `Thousands of acknowledgements reach a broker that is slow to read`() throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        let identifiers = (1...60_000).map { UInt16($0) }
        for chunk in stride(from: 0, to: identifiers.count, by: 1_000) {
            var bytes: [UInt8] = []
            for identifier in identifiers[chunk..<chunk + 1_000] {
                bytes += peer.publication("test/x", [1], identifier: identifier)
            }
            try peer.send(bytes)
            for identifier in identifiers[chunk..<chunk + 1_000] {
                try #require(try peer.expect(.puback).number(at: 0) == identifier)
            }
        }
        #expect(running.recorder.messages.count == identifiers.count)
    }

    @Test func `Data cut into single bytes are put together again`() throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        for byte in peer.publication("test/slow", Array("in small pieces".utf8), identifier: 4) {
            try peer.send([byte])
            usleep(1_000)
        }
        #expect(try peer.expect(.puback).body == [0, 4])
        #expect(running.recorder.messages.map(\.text) == ["in small pieces"])
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 100_000])
    func `A payload of any size that was agreed arrives whole`(count: Int) throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try peer.publish("test/size", payload, identifier: 1)
        _ = try peer.expect(.puback)
        #expect(running.recorder.messages.map(\.payload) == [payload])
    }

    @Test func `Odd topics arrive as they are`() throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        let topics = [
            "/", "a//b", "a/../../etc/passwd", "a/<script>", "a/\u{202E}b",
            String(repeating: "x", count: 3_000),
        ]
        for topic in topics { try peer.publish(topic, [1]) }
        try eventually("all of them") { running.recorder.messages.count == topics.count }
        #expect(running.recorder.messages.map(\.topic) == topics)
    }

    @Test func `Flags of retained and repeated messages are understood`() throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        try peer.publish("test/x", [1], flags: 0b0001)
        try peer.publish("test/x", [2], identifier: 5, flags: 0b1000)
        _ = try peer.expect(.puback)
        let messages = running.recorder.messages
        #expect(messages.map(\.delivery.isRetained) == [true, false])
        #expect(messages.map(\.delivery.mayBeRedelivery) == [false, true])
        #expect(messages.map(\.delivery.qos) == [.atMostOnce, .atLeastOnce])
    }

    @Test func `A broker that sends at QoS 2 all the same is served`() throws {
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        try peer.send(.publish, flags: 0b0100, bytes(1) + Array("t".utf8) + bytes(9) + [0, 42])
        #expect(try peer.expect(.pubrec).number(at: 0) == 9)
        try peer.send(.pubrel, flags: 0b0010, bytes(9))
        #expect(try peer.expect(.pubcomp).number(at: 0) == 9)
        #expect(running.recorder.messages.map(\.payload) == [[42]])
        #expect(running.recorder.messages.map(\.delivery.qos) == [.exactlyOnce])
    }

    @Test func `Descriptors above 1,023 work`() throws {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = max(limit.rlim_cur, min(4_096, limit.rlim_max))
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var taken: [Int32] = []
        defer { taken.forEach { close($0) } }
        while taken.last ?? 0 < 1_100 {
            let descriptor = dup(0)
            try #require(descriptor >= 0)
            taken.append(descriptor)
        }
        let (running, peer, _) = try Self.connected()
        defer { running.stop() }
        try peer.publish("test/x", [1], identifier: 1)
        _ = try peer.expect(.puback)
        #expect(running.recorder.messages.count == 1)
    }

    @Test func `Messages before the end of a connection are handed over and committed`() throws {
        let (running, peer, listener) = try Self.connected()
        defer { running.stop() }
        let before = running.recorder.commits
        try peer.publish("test/x", [1], identifier: 1)
        try peer.send(.disconnect, [0x8B])
        let next = try listener.accept()
        #expect(running.recorder.messages.count == 1)
        #expect(running.recorder.commits > before)
        // The acknowledgement was lost with the connection, so that the message comes again.
        try next.welcome(sessionPresent: true)
        try next.publish("test/x", [1], identifier: 1, flags: 0b1000)
        #expect(try next.expect(.puback).body == [0, 1])
        #expect(running.recorder.messages.count == 2)
    }
}
