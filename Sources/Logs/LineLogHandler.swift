import Glibc
public import Logging

/// Writes each event as one line: the message, then its metadata as `key=value`, sorted by key.
///
/// Give it constant messages and put values into the metadata: a reader can then search for the message,
/// and a value can't pass for one.
///
/// Threads: any; a line is handed over in one piece.
public struct LineLogHandler: LogHandler {
    /// Takes one line, its line feed included.
    public typealias Sink = @Sendable (_ line: [UInt8]) -> Void

    /// The lowest level that is written.
    public var logLevel: Logger.Level

    /// Metadata of every event; that of the provider and of the event itself go before.
    public var metadata: Logger.Metadata = [:]

    /// Metadata that depends on the task.
    public var metadataProvider: Logger.MetadataProvider?

    private let style: LogStyle
    private let sink: Sink
    private let wallMilliseconds: @Sendable () -> Int64

    /// A handler that writes to standard error, in the style that fits it.
    ///
    /// - Parameters:
    ///   - level: The lowest level that is written.
    ///   - style: How a line begins.
    public static func standardError(
        level: Logger.Level = .info,
        style: LogStyle = .ofStandardError()
    ) -> LineLogHandler {
        LineLogHandler(level: level, style: style, sink: writeToStandardError)
    }

    /// A handler that gives its lines to a sink.
    public init(
        level: Logger.Level = .info,
        style: LogStyle,
        metadataProvider: Logger.MetadataProvider? = nil,
        wallMilliseconds: @escaping @Sendable () -> Int64 = Self.clock,
        sink: @escaping Sink
    ) {
        logLevel = level
        self.style = style
        self.metadataProvider = metadataProvider
        self.wallMilliseconds = wallMilliseconds
        self.sink = sink
    }

    /// Metadata of every event, by key.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one event; the logger has checked its level.
    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() {
            fields.merge(provided) { _, provided in provided }
        }
        if let own = event.metadata { fields.merge(own) { _, own in own } }
        if let error = event.error, fields["error"] == nil { fields["error"] = "\(error)" }

        var line = LogLine(
            prefix: style.prefix(level: event.level, wallMilliseconds: wallMilliseconds())
        )
        line.append(message: event.message.description)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.append(key: key, value: value.description)
        }
        sink(line.finished())
    }

    /// The wall clock, in milliseconds since 1970 (UTC).
    public static let clock: @Sendable () -> Int64 = {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// One write(2) a line, so that lines of several threads don't mix.
    ///
    /// Where it fails there is nobody left to tell: a closed standard error ends in nothing, and a reader that is
    /// too slow for a non-blocking pipe loses the line rather than stop the ingest.
    private static let writeToStandardError: Sink = { line in
        var written = 0
        while written < line.count {
            let result = unsafe line.withUnsafeBytes { bytes in
                unsafe write(
                    STDERR_FILENO,
                    bytes.baseAddress?.advanced(by: written),
                    bytes.count - written
                )
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return }
            written += result
        }
    }
}
