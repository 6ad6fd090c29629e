import Glibc
import Synchronization

/// A TCP port of 127.0.0.1 where nobody listens, which this process gives out once and the system to nobody by itself.
///
/// Whoever listens there may begin later, go away and come back: meanwhile no connection of another process begins at
/// this port, no test that asks the system for any port gets it, and no other test asks for it.
/// Threads: any.
public func freePort() -> UInt16 {
    for _ in 0..<Ports.count {
        let number = Ports.next.wrappingAdd(1, ordering: .relaxed).oldValue
        let port = UInt16(Ports.first + number % Ports.count)
        if isFree(port) { return port }
    }
    preconditionFailure("every port from \(Ports.first) on is in use")
}

/// The ports below those that Linux chooses from for whoever doesn't name one.
private enum Ports {
    static let first = 10_000
    static let count = 20_000
    /// Begins anywhere: two processes that test at once should rarely ask for the same port.
    static let next = Atomic(Int.random(in: 0..<count))
}

private func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    precondition(descriptor >= 0, "no socket can be made")
    defer { close(descriptor) }
    // A process that another test starts at this moment holds a copy until it has become its program: with this, whoever
    // listens here with the same option, as brokers do, need not wait for that.
    var yes: Int32 = 1
    unsafe setsockopt(
        descriptor,
        SOL_SOCKET,
        SO_REUSEADDR,
        &yes,
        socklen_t(MemoryLayout<Int32>.size)
    )
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            unsafe bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
