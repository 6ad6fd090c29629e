import Parking
import Synchronization

/// The span and the step of every facility's history.
public struct HistoryShape: Equatable, Sendable {
    /// The length of a step, in milliseconds.
    public let stepMilliseconds: Int64

    /// The number of steps that are kept.
    public let stepCount: Int

    /// A history of so many steps of this length; at least one of at least a millisecond.
    public init(stepMilliseconds: Int64, stepCount: Int) {
        precondition(stepMilliseconds > 0 && stepCount > 0)
        self.stepMilliseconds = stepMilliseconds
        self.stepCount = stepCount
    }

    /// The step in which a time lies, counted from 1970; times before count as 1970.
    public func step(_ milliseconds: Int64) -> Int64 { max(0, milliseconds) / stepMilliseconds }
}

/// One step of a history in the 128 bits of its slot.
///
/// **Shape.** First word: lap in 22 bits, last occupancy in 21, lowest in 21. Second word: highest in 21, arrivals
/// in 21, departures in 21. The lap is how often the ring had gone round at that time, plus one, modulo 2^22; a slot
/// whose lap is another than its reader expects is of another time, and so empty. Lowest above highest means that no
/// occupancy is known. Counts beyond 2^21 - 1 stay there.
struct PackedSlot: Equatable {
    static let maximum = Facility.maximumCount
    static let empty = PackedSlot(lap: 0)

    var lap: UInt
    var occupied = 0
    var lowest = PackedSlot.maximum
    var highest = 0
    var arrivals = 0
    var departures = 0

    init(lap: UInt) {
        self.lap = lap
    }

    init(_ words: WordPair) {
        lap = words.first >> 42
        occupied = Int(words.first >> 21 & 0x1F_FFFF)
        lowest = Int(words.first & 0x1F_FFFF)
        highest = Int(words.second >> 42 & 0x1F_FFFF)
        arrivals = Int(words.second >> 21 & 0x1F_FFFF)
        departures = Int(words.second & 0x1F_FFFF)
    }

    var words: WordPair {
        WordPair(
            first: lap << 42 | UInt(occupied) << 21 | UInt(lowest),
            second: UInt(highest) << 42 | UInt(arrivals) << 21 | UInt(departures)
        )
    }

    mutating func sample(_ occupancy: Int) {
        let occupancy = min(max(occupancy, 0), Self.maximum)
        occupied = occupancy
        lowest = min(lowest, occupancy)
        highest = max(highest, occupancy)
    }

    mutating func count(arrivals: Int, departures: Int) {
        self.arrivals = min(self.arrivals + arrivals, Self.maximum)
        self.departures = min(self.departures + departures, Self.maximum)
    }

    var slot: HistorySlot {
        let isKnown = lowest <= highest
        return HistorySlot(
            occupied: isKnown ? occupied : nil,
            lowest: isKnown ? lowest : nil,
            highest: isKnown ? highest : nil,
            arrivals: arrivals,
            departures: departures
        )
    }
}

/// The recent history of one facility: one slot a step, round and round.
///
/// **Shape.** 16 bytes a slot, replaced whole by a double-word exchange, so a slot is never torn and needs no
/// clearing: it carries the lap that it belongs to.
///
/// **Threads.** Any number of writers and readers, without waiting.
@safe final class HistoryRing: @unchecked Sendable {
    private let shape: HistoryShape
    private let slots: UnsafeMutablePointer<Atomic<WordPair>>

    init(shape: HistoryShape) {
        self.shape = shape
        unsafe slots = .allocate(capacity: shape.stepCount)
        for index in 0..<shape.stepCount {
            unsafe (slots + index).initialize(to: Atomic(PackedSlot.empty.words))
        }
    }

    deinit {
        unsafe slots.deinitialize(count: shape.stepCount)
        unsafe slots.deallocate()
    }

    /// Changes the slot of a step; one of another lap is begun anew.
    func update(step: Int64, _ change: (inout PackedSlot) -> Void) {
        let (index, lap) = place(step)
        var current = unsafe slots[index].load(ordering: .acquiring)
        while true {
            var slot = PackedSlot(current)
            if slot.lap != lap { slot = PackedSlot(lap: lap) }
            change(&slot)
            let next = slot.words
            // A heartbeat changes nothing, and a store that changes nothing costs the readers their cache line.
            if next.first == current.first, next.second == current.second { return }
            let (exchanged, original) = unsafe slots[index].compareExchange(
                expected: current,
                desired: next,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return }
            current = original
        }
    }

    /// The slot of a step; nil where nothing was heard in it, or where its place has been taken by another lap.
    func slot(step: Int64) -> HistorySlot? {
        let (index, lap) = place(step)
        let slot = PackedSlot(unsafe slots[index].load(ordering: .acquiring))
        return slot.lap == lap ? slot.slot : nil
    }

    /// The words of a place; nil where nothing was ever heard in it.
    func words(at index: Int) -> WordPair? {
        let words = unsafe slots[index].load(ordering: .acquiring)
        return PackedSlot(words).lap == PackedSlot.empty.lap ? nil : words
    }

    /// Puts back the words of a step, in place of whatever stood there.
    func restore(step: Int64, _ words: WordPair) {
        let (index, lap) = place(step)
        var slot = PackedSlot(words)
        slot.lap = lap
        unsafe slots[index].store(slot.words, ordering: .releasing)
    }

    private func place(_ step: Int64) -> (index: Int, lap: UInt) {
        let (lap, index) = Int(step).quotientAndRemainder(dividingBy: shape.stepCount)
        return (index, UInt(truncatingIfNeeded: lap + 1) & 0x3F_FFFF)
    }
}
