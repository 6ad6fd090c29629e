/// What a flush did, for the log and the measurements.
public struct FlushReport: Equatable, Sendable {
    /// The files that were replaced, the compressed ones among them.
    public internal(set) var files = 0

    /// The bytes written.
    public internal(set) var bytes = 0

    /// The time spent on rendering.
    public internal(set) var rendering: Duration = .zero

    /// The time spent on deflating.
    public internal(set) var deflating: Duration = .zero

    /// The time spent on writing and syncing.
    public internal(set) var writing: Duration = .zero

    /// Whether something is left that the next flush will publish.
    public internal(set) var isPending = false
}
