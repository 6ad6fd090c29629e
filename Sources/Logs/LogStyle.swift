import Glibc
import Logging

/// How a line begins, which depends on who reads it.
public enum LogStyle: Equatable, Sendable {
    /// The journal: `<priority>` and no time, since it has its own.
    case journal
    /// A terminal: the time of day (UTC) and the level's word.
    case terminal(isColoured: Bool)
    /// A pipe or a file: the date and time (RFC 3339, UTC) and the level's word.
    case plain

    /// The style that fits standard error.
    ///
    /// Source: systemd.exec(5), `$JOURNAL_STREAM`: device and inode of the stream to the journal, since a
    /// redirected stream must not get priorities; no-color.org, `NO_COLOR`.
    public static func ofStandardError() -> LogStyle {
        var status = stat()
        let isOpen = unsafe fstat(STDERR_FILENO, &status) == 0
        return style(
            stream: isOpen ? (UInt64(status.st_dev), UInt64(status.st_ino)) : nil,
            isTerminal: isatty(STDERR_FILENO) == 1,
            environment: { name in
                guard let value = unsafe getenv(name) else { return nil }
                return unsafe String(cString: value)
            }
        )
    }

    static func style(
        stream: (device: UInt64, inode: UInt64)?,
        isTerminal: Bool,
        environment: (String) -> String?
    ) -> LogStyle {
        if let stream, environment("JOURNAL_STREAM") == "\(stream.device):\(stream.inode)" {
            return .journal
        }
        guard isTerminal else { return .plain }
        let isColourUnwanted =
            environment("NO_COLOR").map { !$0.isEmpty } ?? false || environment("TERM") == "dumb"
        return .terminal(isColoured: !isColourUnwanted)
    }

    /// What stands before the message.
    func prefix(level: Logger.Level, wallMilliseconds: Int64) -> String {
        switch self {
        case .journal:
            return "<\(Self.priority(of: level))>"
        case .terminal(let isColoured):
            let time = Self.clock(wallMilliseconds)
            let word = Self.word(of: level)
            guard isColoured, let colour = Self.colour(of: level) else { return "\(time) \(word) " }
            return "\(time) \u{1B}[\(colour)m\(word)\u{1B}[0m "
        case .plain:
            return "\(Self.date(wallMilliseconds))T\(Self.clock(wallMilliseconds))Z "
                + "\(Self.word(of: level)) "
        }
    }

    /// Source: syslog(3); sd-daemon(3).
    private static func priority(of level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// The level's name, filled up so that messages stand below each other.
    private static func word(of level: Logger.Level) -> String {
        let name = level.rawValue
        return name + String(repeating: " ", count: max(0, 8 - name.utf8.count))
    }

    private static func colour(of level: Logger.Level) -> Int? {
        switch level {
        case .trace, .debug: 2
        case .info: nil
        case .notice: 36
        case .warning: 33
        case .error, .critical: 31
        }
    }

    private static func clock(_ wallMilliseconds: Int64) -> String {
        let time = unsafe calendar(wallMilliseconds)
        return unsafe "\(digits(time.tm_hour)):\(digits(time.tm_min)):\(digits(time.tm_sec))"
    }

    private static func date(_ wallMilliseconds: Int64) -> String {
        let time = unsafe calendar(wallMilliseconds)
        return
            unsafe "\(Int(time.tm_year) + 1900)-\(digits(time.tm_mon + 1))-\(digits(time.tm_mday))"
    }

    private static func calendar(_ wallMilliseconds: Int64) -> tm {
        var seconds = time_t(wallMilliseconds / 1000)
        var time = unsafe tm()
        unsafe gmtime_r(&seconds, &time)
        return unsafe time
    }

    private static func digits(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
