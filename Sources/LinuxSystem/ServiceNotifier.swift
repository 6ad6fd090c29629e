import CLinux
import Glibc

/// Tells the service manager how the service is.
///
/// Without `$NOTIFY_SOCKET` nobody wants to know, and nothing is sent.
///
/// Threads: any.
/// Source: sd_notify(3), sd_watchdog_enabled(3) of systemd 252.
public struct ServiceNotifier: Sendable {
    /// Something to tell.
    public enum Message: Equatable, Sendable {
        /// The start or the reload is complete.
        case ready
        /// One line for `systemctl status`; line feeds become spaces.
        case status(String)
        /// The configuration is read again; `ready` follows.
        case reloading
        /// The service is shutting down.
        case stopping
        /// The service is alive.
        case watchdog
    }

    /// Why a message did not arrive.
    public enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        /// `$NOTIFY_SOCKET` is neither a path nor an abstract name (`@…`) that fits an address.
        case unusableAddress(String)
        /// The kernel refused it.
        case system(address: String, SystemErrorCode)

        /// One line for the log.
        public var description: String {
            switch self {
            case .unusableAddress(let address):
                "NOTIFY_SOCKET='\(address)' is no path and no abstract name; start the service through systemd"
            case .system(let address, let code):
                "cannot notify the service manager at \(address): \(code)"
            }
        }
    }

    /// How often the service manager wants to hear ``Message/watchdog``; nil means never.
    ///
    /// Half of the unit's `WatchdogSec=`, as sd_watchdog_enabled(3) recommends.
    public let watchdogInterval: Duration?

    private let address: String?

    /// A notifier with the process's environment.
    public init() {
        self.init(environment: Environment.value)
    }

    /// A notifier with these variables.
    public init(environment: (String) -> String?) {
        let address = environment("NOTIFY_SOCKET")
        self.address = address == "" ? nil : address
        let isForUs = environment("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        if isForUs, let microseconds = environment("WATCHDOG_USEC").flatMap(Int64.init),
            microseconds > 0
        {
            watchdogInterval = .microseconds(microseconds) / 2
        } else {
            watchdogInterval = nil
        }
    }

    /// Sends messages in one datagram.
    ///
    /// - Throws: A ``Problem``; log it once and go on: the service works without its manager.
    public func send(_ messages: [Message]) throws(Problem) {
        guard let address else { return }
        let bytes = Array(address.utf8)
        guard bytes.first == UInt8(ascii: "/") || bytes.first == UInt8(ascii: "@"),
            (2..<108).contains(bytes.count)
        else { throw .unusableAddress(address) }
        let text = Array(Self.text(messages).utf8)
        let code = unsafe clinux_send_datagram(bytes, bytes.count, text, text.count)
        guard code == 0 else {
            throw .system(address: address, SystemErrorCode(rawValue: code))
        }
    }

    /// Sends one message.
    ///
    /// - Throws: A ``Problem``; log it once and go on.
    public func send(_ message: Message) throws(Problem) {
        try send([message])
    }

    static func text(_ messages: [Message]) -> String {
        messages.map { message in
            switch message {
            case .ready: "READY=1"
            case .status(let words): "STATUS=" + line(words)
            case .reloading:
                "RELOADING=1\nMONOTONIC_USEC=\(SystemClock.serviceNanoseconds() / 1000)"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            }
        }.joined(separator: "\n")
    }

    private static func line(_ words: String) -> String {
        String(String.UnicodeScalarView(words.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    }
}
