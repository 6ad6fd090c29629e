/// What the operator decides about the feed.
public struct FeedSettings: Equatable, Sendable {
    /// The directory that the web host serves.
    public let directory: String

    /// How often the feed is flushed.
    public let interval: Duration

    /// The longest time for which an unchanged feed is left alone.
    public let heartbeat: Duration

    /// Who publishes.
    public let publisher: Publisher

    /// The step of the history, or nil where none is published.
    public let historyStep: Duration?

    /// Where files are written before they are renamed: not served, and on the file system of the directory.
    public let temporaryDirectory: String

    /// Settings of these values.
    ///
    /// - Parameter temporaryDirectory: By default beside the served directory, since a rename can't leave its file system.
    public init(
        directory: String,
        temporaryDirectory: String? = nil,
        interval: Duration = .seconds(1),
        heartbeat: Duration = .seconds(60),
        publisher: Publisher,
        historyStep: Duration?
    ) {
        let directory = Self.withoutSlashes(directory)
        self.directory = directory
        self.temporaryDirectory = temporaryDirectory ?? "\(directory).tmp"
        self.interval = interval
        self.heartbeat = heartbeat
        self.publisher = publisher
        self.historyStep = historyStep
    }

    /// A path whose last component can be told from its parent.
    private static func withoutSlashes(_ path: String) -> String {
        var path = path[...]
        while path.utf8.count > 1, path.last == "/" { path.removeLast() }
        return String(path)
    }
}
