import Glibc
import Testing

/// Times within which everything here happens on the slowest machine.
let patience = Duration.seconds(60)

/// Waits until a condition holds.
func eventually(
    _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + patience
    while try !condition() {
        try #require(ContinuousClock.now < deadline, what, sourceLocation: sourceLocation)
        usleep(5_000)
    }
}

/// A listening TCP socket on 127.0.0.1.
final class Listener {
    let descriptor: Int32
    let port: UInt16

    init(port: UInt16 = 0, backlog: Int32 = 16) throws {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        self.descriptor = descriptor
        try #require(descriptor >= 0)
        var on: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(4))
        var address = loopback(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let bound = unsafe bind(descriptor, address, size)
                return unsafe bound == 0 ? getsockname(descriptor, address, &size) : bound
            }
        }
        try #require(result == 0)
        self.port = UInt16(bigEndian: address.sin_port)
        try #require(listen(descriptor, backlog) == 0)
    }

    /// The next connection.
    func accept() throws -> Peer {
        try #require(isReadable(descriptor, within: patience), "nobody connects")
        let peer = Glibc.accept(descriptor, nil, nil)
        try #require(peer >= 0)
        return Peer(peer)
    }

    /// The next connection, if it comes within a time.
    func accept(within duration: Duration) throws -> Peer? {
        isReadable(descriptor, within: duration) ? try accept() : nil
    }

    deinit { close(descriptor) }
}

/// Whether somebody accepts connections at a port of 127.0.0.1.
func isOpen(_ port: UInt16) -> Bool {
    let descriptor = connect(to: port)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return true
}

/// A new connection to a port of 127.0.0.1, or -1.
func connect(to port: UInt16, flags: Int32 = 0) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags
    let descriptor = socket(AF_INET, type, 0)
    var address = loopback(port)
    let result = unsafe withUnsafeMutablePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            unsafe Glibc.connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    if result == 0 || errno == EINPROGRESS { return descriptor }
    close(descriptor)
    return -1
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return address
}

/// Whether a descriptor becomes readable within a time.
func isReadable(_ descriptor: Int32, within duration: Duration) -> Bool {
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let (seconds, attoseconds) = duration.components
    let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    return unsafe poll(&wait, 1, Int32(milliseconds)) > 0
}
