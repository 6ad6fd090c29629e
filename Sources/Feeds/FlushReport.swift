public import LinuxSystem

/// What a flush did, for the log and for benchmarks.
public struct FlushReport: Sendable {
    /// Whether `parking.json` was published.
    public internal(set) var isFeedPublished = false

    /// The files that were replaced, compressed siblings included.
    public internal(set) var files = 0

    /// Their bytes.
    public internal(set) var bytes = 0

    /// The time it took to put documents together, in nanoseconds.
    ///
    /// That of single facilities is spent in ``FeedPublisher/update(_:status:)``.
    public internal(set) var renderNanoseconds: Int64 = 0

    /// The time it took to compress, in nanoseconds.
    public internal(set) var compressNanoseconds: Int64 = 0

    /// The time it took to write, synchronise and rename, in nanoseconds.
    public internal(set) var writeNanoseconds: Int64 = 0

    /// What failed; all of it is tried again at the next flush.
    public internal(set) var problems: [FileError] = []

    /// How long until the rest of the feed may be published, or nil where nothing waits.
    ///
    /// Before the process ends, wait this long and flush again, or the last change is lost.
    public internal(set) var waitMilliseconds: Int64?
}
