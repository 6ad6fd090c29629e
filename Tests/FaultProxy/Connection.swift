internal import Glibc

/// A pair of sockets and what is under way between them.
struct Connection {
    /// Nothing passes any more.
    var isAbandoned = false

    private var sockets: EachWay<Int32>
    private var streams = EachWay(repeating: Stream())

    /// A connection from a client, and the one to the server that goes with it.
    init(client: Int32, server: Int32) {
        sockets = EachWay(repeating: server)
        sockets[.toClient] = client
    }

    /// Whether both sockets are closed.
    private(set) var isClosed = false

    /// The events to wait for.
    func polled(under conditions: EachWay<FaultProxy.Conditions>) -> [pollfd] {
        guard !isClosed, !isAbandoned else { return [] }
        return FaultProxy.Direction.allCases.compactMap { side in
            // What goes to this side is written here; what comes from it goes the other way.
            var events: Int32 = 0
            let (incoming, outgoing) = (streams[side.opposite], streams[side])
            if incoming.hasRoom, !conditions[side.opposite].isStalled { events |= POLLIN }
            if outgoing.isBlocked, !conditions[side].isStalled { events |= POLLOUT }
            guard events != 0 else { return nil }
            return pollfd(fd: sockets[side], events: Int16(events), revents: 0)
        }
    }

    /// When there is something to do, if nothing happens before.
    func nextTurn(
        under conditions: EachWay<FaultProxy.Conditions>
    ) -> ContinuousClock.Instant? {
        guard !isClosed, !isAbandoned else { return nil }
        return FaultProxy.Direction.allCases.compactMap { direction in
            let stream = streams[direction]
            let waits = conditions[direction].isStalled || stream.isBlocked
            return waits ? nil : stream.due
        }.min()
    }

    /// Reads and writes what there is, without waiting.
    mutating func advance(in network: inout Network) {
        for direction in FaultProxy.Direction.allCases {
            guard !isClosed, !isAbandoned else { return }
            guard !network.conditions[direction].isStalled else { continue }
            let (source, sink) = (sockets[direction.opposite], sockets[direction])
            streams[direction].read(from: source, latency: network.conditions[direction].latency)
            switch streams[direction].write(to: sink, direction, in: &network) {
            case .goesOn: break
            case .isBroken: streams[direction.opposite].sourceIsBroken()
            case .isCut(let ending): end(by: ending)
            case .isOver(.close): shutdown(sink, Int32(SHUT_WR))
            case .isOver(.reset): end(by: .reset)
            }
        }
        if streams[.toServer].isOver, streams[.toClient].isOver { end(by: .close) }
    }

    /// Closes both sides.
    mutating func end(by ending: FaultProxy.Ending) {
        guard !isClosed else { return }
        isClosed = true
        for side in FaultProxy.Direction.allCases {
            if ending == .reset { resetOnClose(sockets[side]) }
            close(sockets[side])
        }
    }
}

/// What all connections share.
struct Network {
    var conditions = EachWay(repeating: FaultProxy.Conditions())
    var ambushes = EachWay<Ambush?>(repeating: nil)
    var traffic = EachWay(repeating: FaultProxy.Traffic())

    /// What these bytes set off; a stall has begun when this returns.
    mutating func ambush(_ direction: FaultProxy.Direction, after count: Int) -> Ambush.Outcome? {
        guard let ambush = ambushes[direction] else { return nil }
        guard ambush.remaining == count else {
            ambushes[direction]?.remaining -= count
            return nil
        }
        ambushes[direction] = nil
        if case .stall = ambush.outcome { conditions[direction].isStalled = true }
        return ambush.outcome
    }
}

/// The bytes of one direction that were read and not written yet.
private struct Stream {
    enum Progress {
        case goesOn
        /// The sink takes nothing any more.
        case isBroken
        case isCut(FaultProxy.Ending)
        /// All was written, and this is how the source ended.
        case isOver(FaultProxy.Ending)
    }

    private struct Segment {
        var bytes: ArraySlice<UInt8>
        let due: ContinuousClock.Instant
    }

    /// A reader that is further behind is waited for.
    private static let limit = 262_144

    private var segments: [Segment] = []
    private var byteCount = 0
    private var ending: FaultProxy.Ending?
    private(set) var isOver = false
    /// The sink's buffer is full.
    private(set) var isBlocked = false

    var hasRoom: Bool { !isOver && ending == nil && byteCount < Self.limit }

    /// When the next byte, or the end, may pass.
    var due: ContinuousClock.Instant? {
        guard !isOver else { return nil }
        return segments.first?.due ?? (ending == nil ? nil : .now)
    }

    mutating func read(from source: Int32, latency: Duration) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while hasRoom {
            let count = unsafe recv(source, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                let due = max(segments.last?.due ?? .now, .now + latency)
                segments.append(Segment(bytes: ArraySlice(buffer[..<count]), due: due))
                byteCount += count
            } else if count == 0 {
                ending = .close
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                sourceIsBroken()
            }
        }
    }

    /// A reset overtakes the bytes that are under way, as it does in a network.
    mutating func sourceIsBroken() {
        ending = .reset
        segments = []
        byteCount = 0
    }

    mutating func write(
        to sink: Int32,
        _ direction: FaultProxy.Direction,
        in network: inout Network
    ) -> Progress {
        guard !isOver else { return .goesOn }
        isBlocked = false
        while let segment = segments.first {
            guard segment.due <= .now else { return .goesOn }
            if let outcome = network.ambush(direction, after: 0) { return progress(outcome) }
            let limit = network.conditions[direction].pieceBytes
            let most = min(limit, network.ambushes[direction]?.remaining ?? .max)
            let count = send(segment.bytes.prefix(most), to: sink)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                isBlocked = true
                return .goesOn
            }
            guard count >= 0 else {
                isOver = true
                return .isBroken
            }
            network.traffic[direction].bytes += count
            network.traffic[direction].pieces += 1
            forget(count)
            if let outcome = network.ambush(direction, after: count) { return progress(outcome) }
            // One piece a turn: the receiver is to find it alone.
            if limit < .max { return .goesOn }
        }
        guard let ending else { return .goesOn }
        isOver = true
        return .isOver(ending)
    }

    private func progress(_ outcome: Ambush.Outcome) -> Progress {
        switch outcome {
        case .end(let ending): .isCut(ending)
        case .stall: .goesOn
        }
    }

    private mutating func forget(_ count: Int) {
        byteCount -= count
        segments[0].bytes = segments[0].bytes.dropFirst(count)
        if segments[0].bytes.isEmpty { segments.removeFirst() }
    }

    private func send(_ bytes: ArraySlice<UInt8>, to sink: Int32) -> Int {
        unsafe bytes.withUnsafeBytes { bytes in
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            return unsafe Glibc.send(sink, bytes.baseAddress, bytes.count, flags)
        }
    }
}

extension FaultProxy.Direction {
    fileprivate var opposite: Self {
        switch self {
        case .toServer: .toClient
        case .toClient: .toServer
        }
    }
}

/// Makes the next close of a socket a reset.
func resetOnClose(_ socket: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<Glibc.linger>.size)
    unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, size)
}
