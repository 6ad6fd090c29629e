import Glibc
import LinuxSystem
import Synchronization
import Testing

/// A broker on a port of 127.0.0.1 that misbehaves as a script says, and then behaves.
///
/// The script is for the first connections; what it leaves of a connection, and every later one, is served as it should be.
///
/// Threads: any may ask it; one of its own serves one connection after the other.
final class RogueBroker: Sendable {
    /// The packet identifiers of its messages: each is one car into the facility of its name.
    static let messages: [UInt16] = [1, 2]

    let attack: Attack
    let port: UInt16
    let record = RogueRecord()

    private let listener: Int32
    /// A pipe: once something is in it, it is readable for all who wait.
    private let stop: Int32
    private let stopper: Int32
    private let thread: NamedThread

    init(_ attack: Attack) throws {
        self.attack = attack
        let socket = try ListeningSocket()
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let stop = ends[0]
        (listener, port) = (socket.descriptor, socket.port)
        (self.stop, stopper) = (stop, ends[1])
        let record = record
        thread = try NamedThread(name: "rogue") {
            Self.run(attack, socket.descriptor, stop, record)
        }
    }

    deinit {
        // Closing it would say the same, unless a process that was started meanwhile has inherited it.
        let byte: UInt8 = 0
        _ = unsafe withUnsafeBytes(of: byte) { unsafe write(stopper, $0.baseAddress, 1) }
        thread.join()
        close(stopper)
        close(listener)
        close(stop)
    }

    private static func run(
        _ attack: Attack,
        _ listener: Int32,
        _ stop: Int32,
        _ record: RogueRecord
    ) {
        while true {
            var waits = [
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
            ]
            guard unsafe poll(&waits, 2, -1) > 0 else { continue }
            if waits[1].revents != 0 { return }
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let peer = RoguePeer(
                number: record.connects(),
                descriptor: descriptor,
                stop: stop,
                facility: attack.name,
                record: record
            )
            do throws(RogueEnd) {
                if peer.number <= attack.times {
                    try attack.script(peer)
                } else {
                    try peer.greet()
                }
                try peer.serve()
            } catch {
                switch error {
                case .clientLeft: continue
                case .stopped: return
                case .failed(let problem): record.failed(problem)
                }
            }
        }
    }
}

/// What a rogue has seen, over all connections.
///
/// Threads: any; a lock, since the test looks while the rogue writes, and nothing here is hot.
final class RogueRecord: Sendable {
    private struct Record {
        var attempts: [ContinuousClock.Instant] = []
        var sent: [UInt16: Int] = [:]
        var acknowledged: Set<UInt16> = []
        var heard: [ControlPacket.Kind: Int] = [:]
        var problems: [String] = []
        var isKnown = false
    }

    private let record = Mutex(Record())

    /// When each connection came.
    var attempts: [ContinuousClock.Instant] { record.withLock { $0.attempts } }

    /// What went otherwise than the script expects.
    var problems: [String] { record.withLock { $0.problems } }

    /// Whether the client has all messages.
    var isSettled: Bool {
        record.withLock { record in RogueBroker.messages.allSatisfy(record.acknowledged.contains) }
    }

    /// How often the client said such a packet.
    func count(_ kind: ControlPacket.Kind) -> Int { record.withLock { $0.heard[kind] ?? 0 } }

    /// Whether the client has acknowledged a message.
    func isAcknowledged(_ message: UInt16) -> Bool {
        record.withLock { $0.acknowledged.contains(message) }
    }

    fileprivate func connects() -> Int {
        record.withLock { record in
            record.attempts.append(.now)
            return record.attempts.count
        }
    }

    fileprivate func failed(_ problem: String) { record.withLock { $0.problems.append(problem) } }

    /// Takes note of the client's session; whether it was there.
    func isKnown() -> Bool {
        record.withLock { record in
            defer { record.isKnown = true }
            return record.isKnown
        }
    }

    /// Whether a message wasn't delivered on a connection yet.
    func isDue(_ message: UInt16, on connection: Int) -> Bool {
        record.withLock { $0.sent[message] != connection }
    }

    /// Takes note that a message is delivered; whether it was before.
    func sends(_ message: UInt16, on connection: Int) -> Bool {
        record.withLock { record in
            // On a new connection nothing counts that was acknowledged on an old one.
            record.acknowledged.remove(message)
            return record.sent.updateValue(connection, forKey: message) != nil
        }
    }

    func acknowledged(_ message: UInt16) {
        record.withLock { record in _ = record.acknowledged.insert(message) }
    }

    func heard(_ kind: ControlPacket.Kind) {
        record.withLock { $0.heard[kind, default: 0] += 1 }
    }
}

/// A port of 127.0.0.1 where connections wait to be accepted.
private struct ListeningSocket {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, size) == 0
                    && getsockname(descriptor, pointer, &size) == 0
            }
        }
        try #require(isBound && listen(descriptor, 64) == 0)
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }
}
