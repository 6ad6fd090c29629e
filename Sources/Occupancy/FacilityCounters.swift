public import Parking
import Synchronization

/// What the readings of one facility add up to, at one moment.
public struct FacilityCounts: Equatable, Sendable {
    /// The occupied bays, never negative; nil before the first reading that tells.
    ///
    /// The facility's own count if a gate, a counter or a level sensor gives one, the sum of its parts otherwise.
    public var occupied: Int?

    /// The newest observation, in milliseconds since 1970 (UTC); nil before the first reading.
    public var observedMilliseconds: Int64?

    /// The monotonic time of the last sign of life; nil before the first reading.
    public var heardMonotonicMilliseconds: Int64?

    /// What a `state` reading said last.
    public var operating: OperatingState?

    /// How full it is, with hysteresis.
    public var band = OccupancyBand.vacant

    /// The bays of which something is known, or was before they fell silent.
    public var knownBays = 0

    /// The bays that were not heard for too long, where no count of its own tells of all vehicles.
    public var unknownBays = 0

    /// Its zones, in the configured order.
    public var zones: [PartStatus] = []

    /// Its classes of bays that have a capacity, in the order of ``Parking/BayClass``.
    public var classes: [PartStatus] = []

    /// The vehicles seen coming in since counting began.
    public var arrivals = 0

    /// The vehicles seen going out since counting began.
    public var departures = 0

    /// The vehicles by which a count would have left 0…``Facility/maximumCount``, and was clamped.
    public var drift = 0

    /// Nothing known.
    public init() {}
}

/// The atomic counters of one part: what its readings and its bays add up to.
///
/// **Shape.** Bays are counted in each part that they lie in: of a class, of a zone, of the facility.
struct PartCounters: ~Copyable {
    /// A count that the part has of its own, with the time of the last level.
    ///
    /// Shape: bits 0 to 21 the count + 1, or 0 where there is none; bits 22 to 63 the observation of the last level
    /// in milliseconds since 1970 (until 2109), 0 where there was none.
    let own = Atomic<UInt64>(0)
    let occupiedBays = Atomic<Int>(0)
    let knownBays = Atomic<Int>(0)
    let silentBays = Atomic<Int>(0)
    /// The newest observation of a movement: an older level knows less than the count does.
    let moved = Atomic<Int64>(0)

    /// Counts bays, or no longer.
    func add(_ change: BayCounts) {
        // A read-modify-write takes the line from everybody who reads it: most readings change one count, or none.
        if change.occupied != 0 {
            occupiedBays.add(change.occupied, ordering: .acquiringAndReleasing)
        }
        if change.known != 0 { knownBays.add(change.known, ordering: .acquiringAndReleasing) }
        if change.silent != 0 { silentBays.add(change.silent, ordering: .acquiringAndReleasing) }
    }
}

/// The atomic counters of one facility.
///
/// **Shape.** One block of 64-bit words, on cache lines of its own: two facilities never slow each other down.
///
/// **Consistency.** A writer adds to `begun` before it touches a word of the facility or of its parts and to `ended` after its
/// last. A reader that finds `begun` equal to the `ended` it read before all others has seen no writer halfway: writers never
/// wait for it, and it tries again.
struct FacilityCounters: ~Copyable {
    /// All that is counted in the facility as a whole.
    let whole = PartCounters()
    /// How many of the parts in it have a count of their own: without any the sum of all bays is the sum of all parts.
    let countedParts = Atomic<Int>(0)
    /// How many names of bays it has, those that are no more among them.
    let namedBays = Atomic<Int>(0)
    /// How many sensors that count, and that number their messages, it has; two threads may each count a new one.
    let countingSensors = Atomic<Int>(0)
    let numberingSensors = Atomic<Int>(0)
    let observed = Atomic<Int64>(0)
    let heard = Atomic<Int64>(.min)
    /// Bits 0 and 1 the operating state, 0 where none is known; bits 2 to 63 its observation.
    let operating = Atomic<UInt64>(0)
    let arrivals = Atomic<Int>(0)
    let departures = Atomic<Int>(0)
    let drift = Atomic<Int>(0)
    let begun = Atomic<UInt64>(0)
    let ended = Atomic<UInt64>(0)
    let band = Atomic<UInt8>(0)
    /// Nothing until the first reading: a facility that is never heard needs no ring.
    let ring = RingReference()
}

/// A history that is made once, and then stays until the end.
///
/// As `AtomicLazyReference`, whose unspecialised `load` cost a fifth of `Ingest.receive` (measured).
///
/// **Threads.** Any, without waiting: of several that store at the same time one wins.
@safe struct RingReference: ~Copyable {
    private let reference: Atomic<Unmanaged<HistoryRing>?>

    init() { unsafe reference = Atomic(nil) }

    deinit {
        // Nobody else is left, so what was stored is in sight.
        unsafe reference.load(ordering: .acquiring)?.release()
    }

    /// The history, or nil where none was stored.
    func load() -> HistoryRing? {
        // Retained by the reference, which lets go of it in its `deinit` alone.
        unsafe reference.load(ordering: .acquiring)?.takeUnretainedValue()
    }

    /// Lends the history for a call, without the cost of counting a reference; false where none was stored.
    func withRing(_ body: (HistoryRing) -> Void) -> Bool {
        guard let ring = unsafe reference.load(ordering: .acquiring) else { return false }
        unsafe ring._withUnsafeGuaranteedRef(body)
        return true
    }

    /// Stores a history where there is none, and returns the one that stays.
    func storeIfNil(_ ring: HistoryRing) -> HistoryRing {
        let offered = unsafe Unmanaged.passRetained(ring)
        let (exchanged, original) = unsafe reference.compareExchange(
            expected: nil,
            desired: offered,
            ordering: .acquiringAndReleasing
        )
        guard !exchanged, let known = unsafe original else { return ring }
        unsafe offered.release()
        return unsafe known.takeUnretainedValue()
    }
}

/// A part's own count in its word.
struct OwnCount: Equatable {
    var count: Int?
    var levelMilliseconds: Int64

    init(count: Int?, levelMilliseconds: Int64) {
        self.count = count
        self.levelMilliseconds = levelMilliseconds
    }

    init(_ word: UInt64) {
        let biased = Int(word & 0x3F_FFFF)
        count = biased == 0 ? nil : biased - 1
        levelMilliseconds = Int64(word >> 22)
    }

    var word: UInt64 {
        UInt64(min(max(levelMilliseconds, 0), (1 << 42) - 1)) << 22
            | UInt64(count.map { $0 + 1 } ?? 0)
    }

    /// A count within its bounds, and by how much it was outside.
    static func clamp(_ count: Int) -> (count: Int, drift: Int) {
        let clamped = min(max(count, 0), Facility.maximumCount)
        return (clamped, abs(clamped - count))
    }
}
