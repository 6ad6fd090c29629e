import Synchronization

/// Which of a sensor's numbered messages have been received.
///
/// **Shape.** The newest number, and a bit for it and for each of the 63 before it, as the anti-replay window of
/// RFC 4303 (3.4.3) has them: a message that comes late is told from one that comes twice.
public struct SequenceWindow: Equatable, Sendable, BitwiseCopyable {
    /// The newest number; at most ``maximum``.
    public var newest: Int

    /// Bit n is set if the number n before the newest was received; bit 0 always is.
    public var received: UInt64

    /// The messages that were never received, as far as the numbers tell; at most 65,535 are remembered.
    public var missing: Int

    /// What else told the newest message from others, or its sensor's session from others: a digest, 0 where nothing did.
    public var identity: UInt16

    /// The largest number: 32 bits, LoRaWAN's full frame counter.
    public static let maximum = Int(UInt32.max)

    /// A window after these messages.
    public init(newest: Int, received: UInt64 = 1, missing: Int = 0, identity: UInt16 = 0) {
        self.newest = newest
        self.received = received
        self.missing = missing
        self.identity = identity
    }
}

/// The numbers that sensors gave their messages.
///
/// **Shape.** Two 64-bit words a sensor: the newest number (bits 0 to 31), the missing messages (32 to 47) and the identity (48 to
/// 63); and the bits of the window, 0 where nothing is known.
///
/// **Threads.** Any, without waiting; only a sensor's first message takes ``NameTable``'s lock.
public final class SequenceTable: @unchecked Sendable {
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

    /// What was received of a sensor; nil before its first message.
    public func window(of sensor: Int) -> SequenceWindow? { Self.window(table.load(sensor)) }

    /// Hands over the topic of a sensor and its facility.
    public func withName<Result>(
        of sensor: Int,
        _ body: (_ name: Span<UInt8>, _ facility: Int) -> Result
    ) -> Result {
        table.names.withName(sensor) { body($0, Int($1)) }
    }

    /// Replaces the window of a sensor by what `next` makes of the known one.
    ///
    /// - Parameter next: From the known window (nil at first) to the new one and a result; nil leaves the known one
    ///   alone. Called again where another thread came between: it must have no effect of its own.
    public func update<Result>(
        _ sensor: Int,
        _ next: (_ known: SequenceWindow?) -> (window: SequenceWindow?, result: Result)
    ) -> Result {
        table.update(sensor) { words in
            let (window, result) = next(Self.window(words))
            return (window.map(Self.words), result)
        }
    }

    private static func window(_ words: WordPair) -> SequenceWindow? {
        guard words.second != 0 else { return nil }
        return SequenceWindow(
            newest: Int(words.first & 0xFFFF_FFFF),
            received: UInt64(words.second),
            missing: Int(words.first >> 32 & 0xFFFF),
            identity: UInt16(truncatingIfNeeded: words.first >> 48)
        )
    }

    private static func words(_ window: SequenceWindow) -> WordPair {
        WordPair(
            first: UInt(window.identity) << 48
                | UInt(min(max(0, window.missing), Int(UInt16.max))) << 32 | UInt(window.newest),
            second: UInt(window.received)
        )
    }
}
