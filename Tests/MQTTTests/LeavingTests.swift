import Glibc
import TestSupport
import Testing

@testable import MQTT

/// The end of a session, and stopping it at bad moments.
struct Leaving {
    private static let status = "status/me"

    /// Takes everything up to the birth message.
    private func welcome(_ peer: Peer) throws {
        try peer.welcome()
        let birth = try peer.expect(.publish)
        #expect(birth.flags == 0b0011, "QoS 1, retained")
        #expect(birth.body.contains(Array("online".utf8)))
        try peer.send(.puback, Array(birth.body[11..<13]))
    }

    @Test func `The last words are offline, then a goodbye that keeps the session`() throws {
        let listener = try Listener()
        let running = try RunningSession(
            configuration(ports: listener.port, statusTopic: Self.status)
        )
        let peer = try listener.accept()
        try welcome(peer)
        try running.recorder.expectSubscribed()
        running.session.stop()
        let last = try peer.expect(.publish)
        #expect(last.flags == 0b0011, "QoS 1, retained")
        #expect(last.body.contains(Array("offline".utf8)))
        #expect(!peer.hasInput(within: .milliseconds(200)), "it waits for the acknowledgement")
        try peer.send(.puback, Array(last.body[11..<13]))
        // Normal Disconnection, and no other session expiry than the CONNECT's.
        let goodbye = try peer.expect(.disconnect)
        #expect(goodbye.body.allSatisfy { $0 == 0 })
        #expect(try peer.read() == nil)
        running.stop()
        #expect(running.recorder.events.last == .stopped(gracefully: true))
    }

    @Test func `A broker that doesn't acknowledge the last words can't hold up the stop`() throws {
        let listener = try Listener()
        let running = try RunningSession(
            configuration(ports: listener.port, statusTopic: Self.status)
        )
        let peer = try listener.accept()
        try welcome(peer)
        running.stop()
        _ = try peer.expect(.publish)
        _ = try peer.expect(.disconnect)
    }

    @Test func `What was committed is acknowledged before the goodbye`() throws {
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port))
        let peer = try listener.accept()
        try peer.welcome()
        for identifier in 1...100 as ClosedRange<UInt16> {
            try peer.publish("test/x", [1], identifier: identifier)
        }
        try eventually("all messages") { running.recorder.messages.count == 100 }
        running.stop()
        for identifier in 1...100 as ClosedRange<UInt16> {
            #expect(try peer.expect(.puback).number(at: 0) == identifier)
        }
        _ = try peer.expect(.disconnect)
    }

    @Test func `Stopping doesn't wait for a connection into the void`() throws {
        let listener = try Listener(backlog: 0)
        // Fill the queue: from then on the kernel drops what wants to connect.
        let fillers = (0..<8).map { _ in
            connect(to: listener.port, flags: Int32(SOCK_NONBLOCK.rawValue))
        }
        defer { fillers.forEach { close($0) } }
        let running = try RunningSession(configuration(ports: listener.port))
        usleep(300_000)
        running.stop()
        // A connection that had failed, or timed out, would have been reported.
        let endpoint = Endpoint(scheme: .mqtt, host: "127.0.0.1", port: listener.port)
        #expect(
            running.recorder.events == [
                .connecting(endpoint, .version5), .stopped(gracefully: true),
            ]
        )
    }

    @Test func `Stopping doesn't wait for the end of a pause`() throws {
        var timing = SessionStateMachine.Timing()
        timing.firstPause = .seconds(3_600)
        timing.longestPause = .seconds(3_600)
        timing.shortestPause = .seconds(3_600)
        let running = try RunningSession(configuration(ports: freePort()), timing: timing)
        try running.recorder.expect("a pause") { $0 == .willRetry(after: .seconds(3_600)) }
        try eventually("a sign") { running.recorder.signs.last == .seconds(3_600) }
        running.stop()
        #expect(running.recorder.events.last == .stopped(gracefully: true))
    }

    @Test func `Stopping doesn't wait for a broker's greeting`() throws {
        let listener = try Listener()
        let running = try RunningSession(configuration(ports: listener.port))
        let peer = try listener.accept()
        _ = try peer.expect(.connect)
        running.stop()
        #expect(running.recorder.events.count == 2, "nothing between connecting and stopped")
    }

    @Test func `Stopped before it ran, a session asks nobody`() throws {
        let listener = try Listener()
        let session = try Session(configuration(ports: listener.port))
        let recorder = Recorder()
        session.stop()
        session.run(recorder)
        #expect(recorder.events == [.stopped(gracefully: true)])
    }
}
