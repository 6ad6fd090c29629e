import Glibc
import Testing

/// One end of a TCP connection on 127.0.0.1 that never waits in the kernel.
///
/// Threads: one test.
final class Wire {
    /// How the other side left.
    enum End {
        case closed
        case reset
    }

    /// What came so far and wasn't taken.
    private(set) var received: [UInt8] = []
    /// How the connection ended, if it did.
    private(set) var end: End?

    /// What the other side has not taken yet.
    private(set) var unsent: [UInt8] = []

    private let descriptor: Int32

    /// Connects to a port where somebody listens.
    init(to port: UInt16) throws {
        let descriptor = Self.socket()
        self.descriptor = descriptor
        try #require(descriptor >= 0)
        let isConnected = unsafe Self.withAddress(port) { address, size in
            unsafe connect(descriptor, address, size) == 0
        }
        try #require(isConnected, "connect to port \(port): error \(errno)")
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var on: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
    }

    fileprivate init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// Sends as much as the other side takes; the rest follows with every ``look()``.
    func send(_ bytes: [UInt8]) {
        unsent += bytes
        look()
    }

    /// Reads what is there, and sends what waits.
    func look() {
        flush()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while end == nil {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received.append(contentsOf: buffer[..<count])
            } else if count == 0 {
                end = .closed
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                end = .reset
            }
        }
    }

    private func flush() {
        while !unsent.isEmpty {
            let count = unsafe unsent.withUnsafeBytes { bytes in
                unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            // Whoever reads hears how a connection ended that takes nothing any more.
            guard count >= 0 else { return }
            unsent.removeFirst(count)
        }
    }

    /// Takes so many of the bytes that came.
    func take(_ count: Int) { received.removeFirst(count) }

    /// Waits until so many bytes are there, or the connection has ended.
    func hears(
        count: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let isHeard = try await eventually {
            look()
            return received.count >= count || end != nil
        }
        try #require(
            isHeard,
            "\(received.count) bytes of \(count) came",
            sourceLocation: sourceLocation
        )
    }

    /// Waits until the connection has ended.
    func ends(sourceLocation: SourceLocation = #_sourceLocation) async throws -> End {
        let isOver = try await eventually {
            look()
            return end != nil
        }
        try #require(isOver, "the connection goes on", sourceLocation: sourceLocation)
        return try #require(end)
    }

    /// Ends the connection without a word of goodbye.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<Glibc.linger>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
        // Disconnecting resets, and leaves the number of the descriptor ours.
        shutdownAll()
    }

    /// Says that nothing more is to come.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    private func shutdownAll() {
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNSPEC)
        _ = unsafe connect(descriptor, &address, socklen_t(MemoryLayout<sockaddr>.size))
    }

    fileprivate static func socket() -> Int32 {
        Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    fileprivate static func withAddress<Result>(
        _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
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
}

/// A port of 127.0.0.1 where a test accepts.
///
/// Threads: one test.
final class WireListener {
    let port: UInt16

    private let descriptor: Int32

    init() throws {
        let descriptor = Wire.socket()
        self.descriptor = descriptor
        try #require(descriptor >= 0)
        let isBound = unsafe Wire.withAddress(0) { unsafe bind(descriptor, $0, $1) == 0 }
        try #require(isBound && listen(descriptor, 16) == 0)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isNamed)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// The next connection.
    func accept() async throws -> Wire {
        var accepted: Int32 = -1
        let isAccepted = try await eventually {
            accepted = Glibc.accept(descriptor, nil, nil)
            return accepted >= 0
        }
        try #require(isAccepted, "nobody connects to port \(port)")
        return Wire(descriptor: accepted)
    }
}
