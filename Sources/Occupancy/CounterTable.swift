import Synchronization

/// The last totals of a counting sensor.
///
/// Units: vehicles since the sensor was born, and milliseconds since 1970 (UTC).
public struct CounterTotals: Equatable, Sendable, BitwiseCopyable {
    /// The vehicles that came in; at most ``maximum``.
    public var arrivals: Int

    /// The vehicles that went out; at most ``maximum``.
    public var departures: Int

    /// When the sensor said so; at least 1.
    public var observedMilliseconds: Int64

    /// The largest total: 32 bits, the widest counter of any sensor known.
    public static let maximum = Int(UInt32.max)

    /// Totals of this time.
    public init(arrivals: Int, departures: Int, observedMilliseconds: Int64) {
        self.arrivals = arrivals
        self.departures = departures
        self.observedMilliseconds = observedMilliseconds
    }
}

/// The last totals of every counting sensor.
///
/// **Shape.** Two 64-bit words a sensor: arrivals and departures in 32 bits each, and the time of observation, 0 where
/// nothing is known.
///
/// **Threads.** Any, without waiting; only a sensor's first message takes ``NameTable``'s lock.
public final class CounterTable: @unchecked Sendable {
    let table: SensorTable

    /// A table for at most so many sensors.
    public init(capacity: Int) {
        table = SensorTable(capacity: capacity)
    }

    /// The number of sensors.
    public var count: Int { table.names.count }

    /// The number of the sensor of this name, which is made if it is new; nil where the table is full.
    public func insert(_ name: Span<UInt8>, facility: Int) -> Int? {
        table.insert(name, scope: facility)
    }

    /// Replaces the totals of a sensor by what `next` makes of the known ones.
    ///
    /// - Parameter next: From the known totals (nil at first) to the new ones and a result; nil totals leave the
    ///   known ones alone. Called again where another thread came between: it must have no effect of its own.
    /// - Returns: The result of the call of `next` that counted.
    public func update<Result>(
        _ sensor: Int,
        _ next: (_ known: CounterTotals?) -> (totals: CounterTotals?, result: Result)
    ) -> Result {
        table.update(sensor) { words in
            let (totals, result) = next(Self.totals(words))
            return (totals.map(Self.words), result)
        }
    }

    private static func totals(_ words: WordPair) -> CounterTotals? {
        guard words.second != 0 else { return nil }
        return CounterTotals(
            arrivals: Int(words.first >> 32),
            departures: Int(words.first & 0xFFFF_FFFF),
            observedMilliseconds: Int64(clamping: words.second)
        )
    }

    private static func words(_ totals: CounterTotals) -> WordPair {
        WordPair(
            first: UInt(totals.arrivals) << 32 | UInt(totals.departures),
            second: UInt(max(1, totals.observedMilliseconds))
        )
    }
}
