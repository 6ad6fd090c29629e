import Synchronization

/// The newest known state of every bay of every facility.
///
/// **Shape.** One ``BayWord`` of 64 bits a bay. A word is replaced whole, so a reader never sees half a reading. Bays are numbered in
/// the order in which they were first heard of. A bay has its name within its facility, or within its zone where it has one; its
/// class is a property like its state, so that a bay that is marked anew is still the same bay.
///
/// **Threads.** Any, without waiting; only the first reading of a bay takes ``NameTable``'s lock.
public final class BayTable: @unchecked Sendable {
    /// What a reading did to a bay.
    struct Step {
        var before: BayWord
        var after: BayWord
        /// Whether the bay had not been heard before, or not for too long: where it comes from nobody saw.
        var isFirstSight: Bool

        /// Whether a vehicle was seen to come or to go.
        var isMovement: Bool { !isFirstSight && before.isOccupied != after.isOccupied }

        /// Whether anything is counted differently.
        var isChange: Bool { !before.countsAs(after) }
    }

    let names: NameTable
    let words: Chunks<Atomic<UInt64>>

    /// A table for at most so many bays.
    public init(capacity: Int) {
        names = NameTable(capacity: capacity)
        words = Chunks(capacity: capacity)
    }

    /// The number of bays that were heard of.
    public var count: Int { names.count }

    /// The number of a bay of this facility or zone, or nil where nothing was heard of it.
    public func find(_ name: Span<UInt8>, facility: Int) -> Int? {
        names.find(name, scope: UInt32(facility))
    }

    /// The number of a bay of this facility or zone, which is made if it is new; nil where the table is full.
    public func insert(_ name: Span<UInt8>, facility: Int) -> Int? {
        names.insert(name, scope: UInt32(facility)) { words.prepare($0) { Atomic(0) } }
    }

    /// Replaces the state of one bay; nil where something newer is known.
    ///
    /// Of two readings of the same time the later received wins: sensors that report whole seconds send two states in one.
    ///
    /// Whether the bay had fallen silent follows from the times of the readings, and not from whether a sweep has marked it: a
    /// journal that is read again has no sweeps in it.
    @inline(__always)
    func record(_ reading: BayWord.Observation, bay: Int) -> Step? {
        var current = words[bay].load(ordering: .acquiring)
        while true {
            let before = BayWord(bits: current)
            let (silence, now) = (reading.silenceMilliseconds, reading.receivedMilliseconds)
            let isForgotten = before.isForgotten(for: silence, at: now)
            guard let after = (isForgotten ? .unknown : before).next(reading) else { return nil }
            let (exchanged, original) = words[bay].compareExchange(
                expected: current,
                desired: after.bits,
                ordering: .acquiringAndReleasing
            )
            if exchanged {
                let isFirstSight = !before.isKnown || before.isSilent(for: silence, at: now)
                return Step(before: before, after: after, isFirstSight: isFirstSight)
            }
            current = original
        }
    }

    /// Marks a bay as silent, or forgets it; nil where it was, or is not, or is heard at this moment.
    func markSilent(_ bay: Int, for silence: Int64, at now: Int64) -> Step? {
        let before = BayWord(bits: words[bay].load(ordering: .acquiring))
        let isForgotten = before.isForgotten(for: silence, at: now)
        guard isForgotten || !before.isSilent, before.isSilent(for: silence, at: now)
        else { return nil }
        let after = isForgotten ? .unknown : before.marked(silent: true)
        // Where that fails a reading came, and the bay lives.
        let (exchanged, _) = words[bay].compareExchange(
            expected: before.bits,
            desired: after.bits,
            ordering: .acquiringAndReleasing
        )
        return exchanged ? Step(before: before, after: after, isFirstSight: true) : nil
    }

    /// The number of the facility or zone of a bay.
    func place(of bay: Int) -> Int { names.withName(bay) { Int($1) } }

    /// Whether a bay is occupied, as a reading of this moment finds it; nil where nothing is known of it, or nothing any more.
    func occupied(_ bay: Int, silence: Int64, at now: Int64) -> Bool? {
        let word = BayWord(bits: words[bay].load(ordering: .acquiring))
        let isKnown = word.isKnown && !word.isForgotten(for: silence, at: now)
        return isKnown ? word.isOccupied : nil
    }

    /// What is known of a bay; nil before its first reading.
    public func state(of bay: Int) -> (occupied: Bool, observedMilliseconds: Int64)? {
        let word = BayWord(bits: words[bay].load(ordering: .acquiring))
        return word.isKnown ? (word.isOccupied, word.observedMilliseconds) : nil
    }

    /// The number of occupied bays of a facility or zone, counted one by one; those that fell silent are not counted.
    ///
    /// The proof of the counters that are kept beside the words; costs time in proportion to all bays.
    public func recount(facility: Int) -> Int {
        (0..<count).count { bay in
            place(of: bay) == facility
                && BayWord(bits: words[bay].load(ordering: .acquiring)).counts.occupied == 1
        }
    }
}
