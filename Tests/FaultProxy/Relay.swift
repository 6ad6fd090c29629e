internal import Glibc
internal import Synchronization

/// The proxy's thread and what it shares with those who change the weather.
///
/// Threads: `run` on one; the rest from any. The lock is held while bytes move, so that a change holds as soon as the
/// function that makes it has returned; nobody waits for a socket under it.
final class Relay: Sendable {
    let port: UInt16

    struct State {
        var network = Network()
        var connections: [Connection] = []
        var isRefusing = false
        var accepted = 0
        fileprivate var isStopped = false

        var conditions: EachWay<FaultProxy.Conditions> {
            get { network.conditions }
            set { network.conditions = newValue }
        }
        var ambushes: EachWay<Ambush?> {
            get { network.ambushes }
            set { network.ambushes = newValue }
        }
        var traffic: EachWay<FaultProxy.Traffic> { network.traffic }
    }

    private let server: UInt16
    private let listener: Int32
    private let wakeUp: (reading: Int32, writing: Int32)
    private let state = Mutex(State())

    init(server: UInt16) throws(FaultProxy.Failure) {
        self.server = server
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw FaultProxy.Failure(attempt: "make a pipe", code: errno)
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeUp = (ends[0], ends[1])
        do throws(FaultProxy.Failure) {
            (listener, port) = try Self.listen()
        } catch {
            ends.forEach { _ = close($0) }
            throw error
        }
    }

    deinit {
        close(listener)
        close(wakeUp.reading)
        close(wakeUp.writing)
    }

    /// Looks at the state or changes it; the thread takes it from there.
    func change<Result>(_ body: (inout State) -> Result) -> Result {
        defer { wake() }
        return state.withLock { body(&$0) }
    }

    func stop() { change { $0.isStopped = true } }

    /// Forwards until it is stopped.
    func run() {
        while true {
            let wait = state.withLock { state in
                state.isStopped ? nil : self.wait(for: state)
            }
            guard var wait else { break }
            _ = unsafe poll(&wait.polled, nfds_t(wait.polled.count), wait.milliseconds)
            drainWakeUp()
            // What poll said is of no use: a change may have closed a socket since. Trying costs little.
            state.withLock { state in
                accept(into: &state)
                for index in state.connections.indices {
                    state.connections[index].advance(in: &state.network)
                }
                state.connections.removeAll { $0.isClosed }
            }
        }
        state.withLock { state in
            for index in state.connections.indices { state.connections[index].end(by: .reset) }
            state.connections = []
        }
    }

    private struct Wait {
        var polled: [pollfd]
        var milliseconds: Int32
    }

    private func wait(for state: State) -> Wait {
        var polled = [listener, wakeUp.reading].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        var longest = Duration.seconds(60)
        for connection in state.connections {
            polled += connection.polled(under: state.conditions)
            guard let due = connection.nextTurn(under: state.conditions) else { continue }
            longest = min(longest, max(.zero, due - .now))
        }
        let (seconds, attoseconds) = longest.components
        let rest = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Wait(polled: polled, milliseconds: Int32(seconds * 1000 + rest))
    }

    private func accept(into state: inout State) {
        while case let client = Glibc.accept(listener, nil, nil), client >= 0 {
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            guard !state.isRefusing, let server = connect() else {
                resetOnClose(client)
                close(client)
                continue
            }
            sendAtOnce(client)
            sendAtOnce(server)
            state.connections.append(Connection(client: client, server: server))
            state.accepted += 1
        }
    }

    /// A connection to the server, maybe not established yet; nil where nobody listens.
    private func connect() -> Int32? {
        let socket = Self.socket()
        guard socket >= 0 else { return nil }
        let isUnderWay = unsafe Self.withAddress(port: server) { address, size in
            unsafe Glibc.connect(socket, address, size) == 0 || errno == EINPROGRESS
        }
        if isUnderWay { return socket }
        close(socket)
        return nil
    }

    private func wake() {
        var byte: UInt8 = 0
        // A full pipe wakes as well.
        _ = unsafe write(wakeUp.writing, &byte, 1)
    }

    private func drainWakeUp() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while unsafe read(wakeUp.reading, &bytes, bytes.count) > 0 {}
    }

    // MARK: Sockets

    private static func socket() -> Int32 {
        let flags = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return Glibc.socket(AF_INET, Int32(flags), 0)
    }

    private static func listen() throws(FaultProxy.Failure) -> (Int32, UInt16) {
        let socket = socket()
        guard socket >= 0 else { throw FaultProxy.Failure(attempt: "open a socket", code: errno) }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withAddress(port: 0) { unsafe bind(socket, $0, $1) == 0 }
        let isNamed = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound, isNamed, Glibc.listen(socket, 64) == 0 else {
            let code = errno
            close(socket)
            throw FaultProxy.Failure(attempt: "listen", code: code)
        }
        return (socket, UInt16(bigEndian: address.sin_port))
    }

    private static func withAddress(
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private func sendAtOnce(_ socket: Int32) {
        var on: Int32 = 1
        unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
    }
}
