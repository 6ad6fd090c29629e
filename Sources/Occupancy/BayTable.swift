import Synchronization

/// The newest known state of every bay of every facility.
///
/// **Shape.** One 64-bit word a bay: bit 0 is occupied, bits 1 to 63 the observation time in milliseconds since
/// 1970 (UTC), at least 1; the word 0 means that nothing is known. A word is replaced whole, so a reader never sees
/// half a reading. Bays are numbered in the order in which they were first heard of.
///
/// **Threads.** Any, without waiting; only the first reading of a bay takes ``NameTable``'s lock.
public final class BayTable: @unchecked Sendable {
    /// What a reading did to a bay.
    public enum Change: Equatable, Sendable {
        /// Something newer is known: nothing changed.
        case late
        /// The first reading of this bay.
        case first(occupied: Bool)
        /// The same state, observed again.
        case repeated
        /// The bay changed.
        case changed(occupied: Bool)
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

    /// The number of a bay of this facility, or nil where nothing was heard of it.
    public func find(_ name: Span<UInt8>, facility: Int) -> Int? {
        names.find(name, scope: UInt32(facility))
    }

    /// The number of a bay of this facility, which is made if it is new; nil where the table is full.
    public func insert(_ name: Span<UInt8>, facility: Int) -> Int? {
        names.insert(name, scope: UInt32(facility)) { words.prepare($0) { Atomic(0) } }
    }

    /// Replaces the state of one bay, unless something newer is known.
    ///
    /// Of two readings of the same time the later received wins: sensors that report whole seconds send two states in one.
    ///
    /// - Parameter observedMilliseconds: nil means that only the order of reception is known: the reading is
    ///   newer than what is known, and its time is the time of reception.
    public func record(
        occupied: Bool,
        observedMilliseconds: Int64?,
        receivedMilliseconds: Int64,
        bay: Int
    ) -> Change {
        var current = words[bay].load(ordering: .acquiring)
        while true {
            let known = current >> 1
            let observed = UInt64(
                max(1, observedMilliseconds ?? max(receivedMilliseconds, Int64(known)))
            )
            guard observed >= known else { return .late }
            let next = observed << 1 | (occupied ? 1 : 0)
            let (exchanged, original) = words[bay].compareExchange(
                expected: current,
                desired: next,
                ordering: .acquiringAndReleasing
            )
            guard exchanged else {
                current = original
                continue
            }
            if current == 0 { return .first(occupied: occupied) }
            return (current & 1 == 1) == occupied ? .repeated : .changed(occupied: occupied)
        }
    }

    /// What is known of a bay; nil before its first reading.
    public func state(of bay: Int) -> (occupied: Bool, observedMilliseconds: Int64)? {
        let word = words[bay].load(ordering: .acquiring)
        return word == 0 ? nil : (word & 1 == 1, Int64(word >> 1))
    }

    /// The number of occupied bays of a facility, counted one by one.
    ///
    /// The proof of the counters that are kept beside the words; costs time in proportion to all bays.
    public func recount(facility: Int) -> Int {
        (0..<count).count { bay in
            names.withName(bay) { $1 == UInt32(facility) } && state(of: bay)?.occupied == true
        }
    }
}
