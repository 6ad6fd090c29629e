import Glibc
import TestSupport
import Testing

/// A real mosquitto on a free port of 127.0.0.1.
final class Mosquitto {
    let port: UInt16
    let directory: ScratchDirectory
    private var process: ChildProcess?
    private let file: String

    /// Starts a broker; `lines` join its configuration.
    init(_ lines: [String] = ["allow_anonymous true"], in directory: ScratchDirectory? = nil)
        throws
    {
        port = freePort()
        self.directory = directory ?? ScratchDirectory()
        let own = [
            "listener \(port) 127.0.0.1", "log_dest stderr", "user root", "max_queued_messages 0",
            "set_tcp_nodelay true",
        ]
        file = self.directory.write(
            (own + lines).joined(separator: "\n") + "\n",
            to: "mosquitto.conf"
        )
        try start()
    }

    /// Starts it, again.
    func start() throws {
        process = try ChildProcess(["mosquitto", "-c", file], output: directory.path + "/log")
        let port = port
        try eventually("mosquitto listens") { isOpen(port) }
    }

    /// Ends it.
    func end() { process?.end() }

    /// Publishes a message.
    func publish(_ topic: String, _ payload: String, qos: Int = 1, more: [String] = []) throws {
        try run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", "\(port)", "-q", "\(qos)"]
                + ["-t", topic, "-m", payload] + more
        )
    }
}
