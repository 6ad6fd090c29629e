/// One instant, read from two clocks at once.
///
/// Units: milliseconds. The wall clock says what people read and may be stepped; the monotonic clock says how much
/// time has passed and never goes back. Ages and silences are differences of the monotonic clock, so that
/// a step of the wall clock makes no sensor fall silent.
///
/// Whoever reads the clocks makes a moment: the daemon from the kernel's, a replay from the recording,
/// a test from a literal.
public struct Moment: Equatable, Sendable, BitwiseCopyable {
    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX time).
    public var wallMilliseconds: Int64

    /// Milliseconds since an arbitrary start that never changes while the process lives.
    public var monotonicMilliseconds: Int64

    /// A moment of both clocks.
    public init(wallMilliseconds: Int64, monotonicMilliseconds: Int64) {
        self.wallMilliseconds = wallMilliseconds
        self.monotonicMilliseconds = monotonicMilliseconds
    }

    /// How far ahead of the wall clock a time may be and still be believed, in milliseconds: clocks differ a little.
    public static let futureTolerance: Int64 = 5 * 60_000

    /// A time that is kept of something known, or 0 where it lies ahead of this moment.
    ///
    /// Then our own clock was ahead when it was taken, and has been mended since. Whatever is compared with it would be too old until
    /// that time has come.
    ///
    /// - Parameter known: Milliseconds since 1970; 0 is nothing, and so is whatever a damaged store has below it.
    public func believed(_ known: Int64) -> Int64 {
        known > 0 && known - Self.futureTolerance <= wallMilliseconds ? known : 0
    }

    /// A moment of a recording, where both clocks are the recorded one.
    public init(recordedMilliseconds: Int64) {
        self.init(
            wallMilliseconds: recordedMilliseconds,
            monotonicMilliseconds: recordedMilliseconds
        )
    }
}

extension Duration {
    /// The whole milliseconds of this duration, rounded towards zero; the type's bounds where it exceeds them.
    public var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        return product + attoseconds / 1_000_000_000_000_000
    }
}
