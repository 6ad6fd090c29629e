import Glibc
import TestSupport
import Testing

/// A mosquitto on a port of its own that keeps sessions through a restart and queues without a bound.
///
/// Threads: one test.
final class Broker {
    let port: UInt16

    private let directory: ScratchDirectory
    private var process: ChildProcess?

    /// A broker that isn't started yet.
    ///
    /// - Parameter port: Where it listens; nil is any free port.
    init(port: UInt16? = nil) throws {
        directory = ScratchDirectory()
        self.port = port ?? freePort()
        let port = self.port
        directory.write(
            """
            listener \(port) 127.0.0.1
            allow_anonymous true
            user root
            persistence true
            persistence_location \(directory.path)/
            max_queued_messages 0
            max_inflight_messages 1000
            log_dest stderr
            log_type all

            """,
            to: "mosquitto.conf"
        )
    }

    /// A broker that runs.
    static func started() async throws -> Broker {
        let broker = try Broker()
        try await broker.start()
        return broker
    }

    /// What it logged since it was started: every packet.
    var log: String { process?.errors ?? "" }

    /// Starts it; a second start finds what the first left behind.
    func start() async throws {
        let process = try ChildProcess("mosquitto", ["-c", directory.path("mosquitto.conf")])
        self.process = process
        let isOpen = try await eventually {
            Loopback.isOpen(port: port) || !process.isRunning
        }
        try #require(isOpen && process.isRunning, "\(process.errors)")
    }

    /// Ends it in an orderly way.
    func stop() async throws {
        process?.send(SIGTERM)
        #expect(try await process?.exit() == .status(0))
        process = nil
    }

    /// Kills it: the next start finds what was saved last.
    func kill() async throws {
        process?.send(SIGKILL)
        let killed = ChildProcess.Exit.signal(SIGKILL)
        #expect(try await process?.exit() == killed)
        process = nil
    }

    /// Has it save what it knows, and returns what it saved.
    func save() async throws -> BrokerStore {
        let path = directory.path("mosquitto.db")
        let former = Files.status(path)?.st_ino
        process?.send(SIGUSR1)
        // The file is replaced when it is complete; the former one is there until then.
        let isSaved = try await eventually {
            let current = Files.status(path)?.st_ino
            return current != nil && current != former
        }
        try #require(isSaved, "the broker doesn't save: \(log.suffix(1000))")
        return try #require(Files.read(path).flatMap(BrokerStore.init(bytes:)))
    }

    /// Publishes a message at QoS 1; it is with the broker when this returns.
    func publish(_ topic: String, _ payload: String, _ options: [String] = []) async throws {
        try await publishing(topic, payload, options)()
    }

    /// Begins to publish at QoS 1; what it returns waits until all is with the broker.
    func publishing(
        _ topic: String,
        _ payload: String,
        _ options: [String]
    ) throws -> () async throws -> Void {
        let words = ["-q", "1", "-t", topic, "-m", payload] + options
        let publisher = try client("mosquitto_pub", words)
        return {
            let exit = try await publisher.exit()
            try #require(exit == .status(0), "\(topic): \(publisher.errors)")
        }
    }

    /// Waits until a subscriber has acknowledged so many messages since the start.
    func wasAcknowledged(by client: String, count: Int) async throws {
        let isDone = try await eventually {
            log.split(separator: "\n").count { $0.contains("Received PUBACK from \(client) ") }
                >= count
        }
        try #require(isDone, "\(log)")
    }

    /// Starts a subscriber that prints what it hears and ends after so many messages.
    func listen(_ topic: String, count: Int, _ options: [String] = []) throws -> ChildProcess {
        try client(
            "mosquitto_sub",
            ["-q", "1", "-t", topic, "-C", "\(count)", "-W", "50"] + options
        )
    }

    /// The retained message of a topic.
    func retained(_ topic: String) async throws -> String {
        let listener = try listen(topic, count: 1)
        #expect(try await listener.exit() == .status(0))
        return listener.output
    }

    private func client(_ program: String, _ words: [String]) throws -> ChildProcess {
        try ChildProcess(program, ["-V", "mqttv5", "-h", "127.0.0.1", "-p", "\(port)"] + words)
    }
}

/// What the service manager would hear.
///
/// Threads: one test.
final class NotifySocket {
    let path: String

    private let directory: ScratchDirectory
    private let descriptor: Int32
    private var text = ""

    init() throws {
        directory = ScratchDirectory()
        path = directory.path("notify")
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let isBound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        try #require(isBound)
    }

    deinit { close(descriptor) }

    /// The assignments that it heard so far, in order.
    func heard() -> [Substring] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = unsafe recv(
            descriptor,
            &buffer,
            buffer.count,
            Int32(MSG_DONTWAIT)
        ),
            count > 0
        {
            text += String(decoding: buffer[..<count], as: UTF8.self) + "\n"
        }
        return text.split(separator: "\n")
    }

    /// Waits until it heard an assignment of which this is true.
    func hears(
        _ words: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        where condition: (Substring) -> Bool
    ) async throws {
        let isHeard = try await eventually { heard().contains(where: condition) }
        try #require(isHeard, "\(words) is not in \(text)", sourceLocation: sourceLocation)
    }
}
