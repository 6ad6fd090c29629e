import FaultProxy
import TestSupport
import Testing

/// Each fault does what it says to one connection, and nothing else.
@Suite struct `The fault proxy` {
    private let listener: WireListener
    private let proxy: FaultProxy
    private let client: Wire
    private let server: Wire

    init() async throws {
        listener = try WireListener()
        proxy = try FaultProxy(forwardingTo: listener.port)
        client = try Wire(to: proxy.port)
        server = try await listener.accept()
    }

    /// The ends that bytes of a direction come from and go to.
    private func ends(_ direction: FaultProxy.Direction) -> (source: Wire, sink: Wire) {
        switch direction {
        case .toServer: (client, server)
        case .toClient: (server, client)
        }
    }

    /// Waits until a byte went the whole way: what was sent before it in this direction has passed, too.
    private func passes(_ direction: FaultProxy.Direction) async throws {
        let (source, sink) = ends(direction)
        let before = sink.received.count
        source.send([0])
        try await sink.hears(count: before + 1)
        #expect(sink.end == nil)
    }

    @Test(arguments: FaultProxy.Direction.allCases)
    func `forwards every byte in order, and the end behind the last`(
        direction: FaultProxy.Direction
    ) async throws {
        let (source, sink) = ends(direction)
        let bytes = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        // More than the sockets take: neither may wait for the other.
        source.send(bytes)
        let isForwarded = try await eventually {
            source.look()
            sink.look()
            return sink.received.count >= bytes.count || sink.end != nil
        }
        #expect(isForwarded)
        source.finish()
        #expect(try await sink.ends() == .closed)
        #expect(sink.received == bytes)
        #expect(proxy.traffic(direction).bytes == bytes.count)
        // The other direction is open as long as its own source.
        sink.send([7])
        try await source.hears(count: 1)
        #expect(source.received == [7])
        sink.finish()
        #expect(try await source.ends() == .closed)
        let isGone = try await eventually { proxy.open == 0 }
        #expect(isGone)
    }

    @Test(arguments: FaultProxy.Direction.allCases)
    func `passes a reset on`(direction: FaultProxy.Direction) async throws {
        let (source, sink) = ends(direction)
        source.reset()
        #expect(try await sink.ends() == .reset)
    }

    @Test(arguments: FaultProxy.Direction.allCases)
    func `keeps each byte for its latency, in one direction`(
        direction: FaultProxy.Direction
    ) async throws {
        let (source, sink) = ends(direction)
        let latency = Duration.milliseconds(40)
        proxy.set(.init(latency: latency), direction)
        for count in 1...3 {
            let begin = ContinuousClock.now
            source.send([UInt8(count)])
            try await sink.hears(count: count)
            #expect(ContinuousClock.now - begin >= latency)
        }
        // An hour's latency holds up nobody else.
        proxy.set(.init(latency: .seconds(3600)), direction)
        source.send([4])
        try await passes(direction == .toServer ? .toClient : .toServer)
        sink.look()
        #expect(sink.received == [1, 2, 3])
    }

    @Test(arguments: FaultProxy.Direction.allCases, [1, 7])
    func `cuts the bytes into pieces`(
        direction: FaultProxy.Direction,
        size: Int
    ) async throws {
        let (source, sink) = ends(direction)
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        proxy.set(.init(pieceBytes: size), direction)
        source.send(bytes)
        try await sink.hears(count: bytes.count)
        #expect(sink.received == bytes)
        let traffic = proxy.traffic(direction)
        #expect(traffic.bytes == bytes.count)
        #expect(traffic.pieces >= (bytes.count + size - 1) / size)
    }

    @Test(arguments: FaultProxy.Direction.allCases)
    func `stalls one direction, the end included, and lets it all through afterwards`(
        direction: FaultProxy.Direction
    ) async throws {
        let (source, sink) = ends(direction)
        let other: FaultProxy.Direction = direction == .toServer ? .toClient : .toServer
        proxy.set(.init(isStalled: true), direction)
        source.send([1, 2, 3])
        source.finish()
        for _ in 0..<3 { try await passes(other) }
        sink.look()
        #expect(sink.received.isEmpty)
        #expect(sink.end == nil)
        proxy.heal()
        #expect(try await sink.ends() == .closed)
        #expect(sink.received == [1, 2, 3])
    }

    @Test(
        arguments: FaultProxy.Direction.allCases.flatMap { direction in
            [(direction, FaultProxy.Ending.close), (direction, .reset)]
        },
        [0, 1, 1000]
    )
    func `cuts a connection after so many bytes`(
        way: (direction: FaultProxy.Direction, ending: FaultProxy.Ending),
        count: Int
    ) async throws {
        let (source, sink) = ends(way.direction)
        proxy.cut(after: count, way.direction, by: way.ending)
        if count > 1 { source.send([UInt8](repeating: 1, count: count / 2)) }
        #expect(proxy.isArmed(way.direction))
        source.send([UInt8](repeating: 1, count: count - count / 2 + 10))
        let (sourceEnd, sinkEnd) = (try await source.ends(), try await sink.ends())
        #expect(!proxy.isArmed(way.direction))
        #expect(proxy.traffic(way.direction).bytes == count)
        switch way.ending {
        case .close:
            #expect(sinkEnd == .closed)
            #expect(sink.received.count == count)
        case .reset:
            #expect((sourceEnd, sinkEnd) == (.reset, .reset))
            #expect(sink.received.count <= count)
        }
        // It was for one connection.
        let next = try Wire(to: proxy.port)
        next.send([UInt8](repeating: 2, count: count + 10))
        try await listener.accept().hears(count: count + 10)
    }

    @Test(arguments: FaultProxy.Direction.allCases, [0, 1, 1000])
    func `stalls one direction after so many bytes`(
        direction: FaultProxy.Direction,
        count: Int
    ) async throws {
        let (source, sink) = ends(direction)
        proxy.stall(after: count, direction)
        source.send([UInt8](repeating: 1, count: count + 10))
        try await sink.hears(count: count)
        let isStalled = try await eventually { !proxy.isArmed(direction) }
        #expect(isStalled)
        try await passes(direction == .toServer ? .toClient : .toServer)
        sink.look()
        #expect(sink.received.count == count)
        proxy.heal()
        try await sink.hears(count: count + 10)
        #expect(sink.end == nil)
    }

    @Test(arguments: [(FaultProxy.Ending.close, Wire.End.closed), (.reset, .reset)])
    func `ends a connection on both sides`(ending: FaultProxy.Ending, end: Wire.End) async throws {
        try await passes(.toServer)
        try await passes(.toClient)
        proxy.end(by: ending)
        #expect(try await client.ends() == end)
        #expect(try await server.ends() == end)
        #expect(proxy.open == 0)
    }

    @Test func `abandons a connection for good, and forwards the next`() async throws {
        proxy.abandon()
        client.send([1])
        server.send([2])
        client.finish()
        let next = try Wire(to: proxy.port)
        let nextServer = try await listener.accept()
        next.send([3])
        try await nextServer.hears(count: 1)
        proxy.end(by: .reset)
        #expect(try await next.ends() == .reset)
        client.look()
        server.look()
        #expect(client.received.isEmpty && server.received.isEmpty)
        #expect(client.end == nil && server.end == nil)
    }

    @Test func `refuses who connects while it is to, and harms no other`() async throws {
        proxy.isRefusing = true
        #expect(try await Wire(to: proxy.port).ends() == .reset)
        try await passes(.toServer)
        proxy.isRefusing = false
        #expect(proxy.accepted == 1)
        let next = try Wire(to: proxy.port)
        next.send([1])
        try await listener.accept().hears(count: 1)
        #expect(proxy.accepted == 2)
    }

    @Test func `resets who connects where there is no server`() async throws {
        let port = freePort()
        let lonely = try FaultProxy(forwardingTo: port)
        #expect(try await Wire(to: lonely.port).ends() == .reset)
    }

    @Test func `takes its connections with it`() async throws {
        try await passes(.toServer)
        var mortal: FaultProxy? = try FaultProxy(forwardingTo: listener.port)
        let port = try #require(mortal?.port)
        let wire = try Wire(to: port)
        _ = try await listener.accept()
        mortal = nil
        _ = try await wire.ends()
        #expect(!Loopback.isOpen(port: port))
    }
}
