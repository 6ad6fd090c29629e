import Parking

/// What is known of a bay, in the 64 bits of its word.
///
/// **Shape.**
///
/// | bits | meaning |
/// | --- | --- |
/// | 0 | occupied |
/// | 1…42 | the newest observation in milliseconds since 1970 (UTC), at least 1, until 2109 |
/// | 43…45 | the number of its class (``Parking/BayClass/number``), 0 for none |
/// | 46…61 | how much later than that we heard of it, rounded up |
/// | 62 | whether that is in days rather than in minutes |
/// | 63 | silent: counted as unknown since a sweep found it so |
///
/// The word 0 means that nothing is known. Silence counts from when we heard of a bay, and not by the sensor's clock, which
/// may be wrong by years; only where the facility has a `bay_silence` are the two told apart.
struct BayWord: Equatable, BitwiseCopyable {
    /// The bits.
    private(set) var bits: UInt64

    /// What one reading says of a bay.
    struct Observation {
        var occupied: Bool
        /// The number of its class.
        var bayClass: UInt8
        /// When the sensor observed it; nil where only the order of reception is known.
        var observedMilliseconds: Int64?
        var receivedMilliseconds: Int64
        /// Whether the broker had kept the message, which is then no sign of life.
        var isRetained: Bool
        /// How long the bay may not be heard; `max` for ever.
        var silenceMilliseconds: Int64
    }

    /// The word of a bay of which nothing is known.
    static let unknown = BayWord(bits: 0)

    private static let timeMask: UInt64 = 1 << 42 - 1
    private static let classMask: UInt64 = 7 << 43
    private static let silentBit: UInt64 = 1 << 63
    private static let daysBit: UInt64 = 1 << 62
    private static let minute: Int64 = 60_000
    private static let day: Int64 = 86_400_000
    /// The least time for which a bay that is not heard is remembered; and the same as a multiple of its `bay_silence`.
    private static let memory = 30 * day
    private static let silencesOfMemory: Int64 = 10

    init(bits: UInt64) { self.bits = bits }

    /// Whether anything is known.
    var isKnown: Bool { bits != 0 }

    /// What the last reading said.
    var isOccupied: Bool { bits & 1 == 1 }

    /// The time of the newest observation; 0 where there is none.
    var observedMilliseconds: Int64 { Int64(bits >> 1 & Self.timeMask) }

    /// The number of its class.
    var bayClass: UInt8 { UInt8(bits >> 43 & 7) }

    /// Whether it was marked as silent.
    var isSilent: Bool { bits & Self.silentBit != 0 }

    /// When we heard of it, in milliseconds since 1970; up to a minute too late (a day, where the sensor's clock is more than
    /// 45 days behind).
    var heardMilliseconds: Int64 {
        let unit = bits & Self.daysBit == 0 ? Self.minute : Self.day
        return observedMilliseconds + Int64(bits >> 46 & 0xFFFF) * unit
    }

    /// What it adds to the counts of its part.
    var counts: BayCounts {
        BayCounts(
            occupied: isOccupied && !isSilent ? 1 : 0,
            known: isKnown ? 1 : 0,
            silent: isSilent ? 1 : 0
        )
    }

    /// Whether nothing is counted differently after this word was replaced by another.
    func countsAs(_ other: BayWord) -> Bool {
        isKnown && (bits ^ other.bits) & (Self.silentBit | Self.classMask | 1) == 0
    }

    /// Whether it has not been heard for longer than this.
    @inline(__always)
    func isSilent(for silence: Int64, at now: Int64) -> Bool {
        silence != .max && isKnown && now - heardMilliseconds > silence
    }

    /// Whether it has not been heard for so long that there is no such bay any more: it was renamed, or its sensor was taken away.
    ///
    /// - Parameter silence: After what time it is silent; one that never is, is never forgotten.
    @inline(__always)
    func isForgotten(for silence: Int64, at now: Int64) -> Bool {
        let (product, overflow) = silence.multipliedReportingOverflow(by: Self.silencesOfMemory)
        return isSilent(for: overflow ? .max : max(product, Self.memory), at: now)
    }

    /// The same, marked as silent or not.
    func marked(silent: Bool) -> BayWord {
        BayWord(bits: silent ? bits | Self.silentBit : bits & ~Self.silentBit)
    }

    /// The word after a reading; nil where something newer is known.
    ///
    /// A reading without a time is newer than what is known. So is a retained one, but no later: when its sensor sent it nobody
    /// can tell.
    @inline(__always)
    func next(_ reading: Observation) -> BayWord? {
        let received = reading.receivedMilliseconds
        let known = Moment(recordedMilliseconds: received).believed(observedMilliseconds)
        let isTimeless = reading.isRetained && known > 0
        let time = min(
            max(1, reading.observedMilliseconds ?? (isTimeless ? known : max(received, known))),
            Int64(Self.timeMask)
        )
        guard time >= known else { return nil }
        let next = UInt64(time) << 1 | UInt64(reading.bayClass) << 43 | (reading.occupied ? 1 : 0)
        guard reading.silenceMilliseconds != .max else { return BayWord(bits: next) }
        let heard = isTimeless ? max(heardMilliseconds, time) : reading.isRetained ? time : received
        let word = BayWord(bits: next | Self.lag(heard - time))
        // Of a retained message that is too old: its bay was silent before we came.
        return word.marked(silent: word.isSilent(for: reading.silenceMilliseconds, at: received))
    }

    private static func lag(_ milliseconds: Int64) -> UInt64 {
        guard milliseconds > 0 else { return 0 }
        let minutes = (milliseconds + minute - 1) / minute
        if minutes <= 0xFFFF { return UInt64(minutes) << 46 }
        return UInt64(min((milliseconds + day - 1) / day, 0xFFFF)) << 46 | daysBit
    }
}

/// Bays of a part, counted.
struct BayCounts: Equatable {
    /// Those that are occupied and not silent.
    var occupied = 0
    /// Those of which anything was ever known.
    var known = 0
    /// Those that were not heard for too long.
    var silent = 0

    static func - (left: BayCounts, right: BayCounts) -> BayCounts {
        BayCounts(
            occupied: left.occupied - right.occupied,
            known: left.known - right.known,
            silent: left.silent - right.silent
        )
    }
}
