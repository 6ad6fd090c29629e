public import Parking
import Synchronization

/// What is known of a part beside its bays and its history, as a store keeps it.
///
/// A part that is no facility has its own count in it, the time of its last movement, and nothing else.
///
/// Units: milliseconds since 1970 (UTC). The words are opaque: they go back into an occupancy and nowhere else.
public struct FacilityImage: Equatable, Sendable, BitwiseCopyable {
    /// The part's own count and the time of its last level.
    public var own: UInt64 = 0
    /// The operating state and its time.
    public var operating: UInt64 = 0
    /// The newest observation; 0 is none.
    public var observed: Int64 = 0
    /// When the facility was last heard, by the wall clock; nil for never.
    public var heard: Int64?
    /// The newest observation of a movement; 0 is none.
    public var moved: Int64 = 0
    /// Vehicles that came in.
    public var arrivals = 0
    /// Vehicles that went out.
    public var departures = 0
    /// Vehicles by which a count was clamped.
    public var drift = 0
    /// How full it is.
    public var band = OccupancyBand.vacant
    /// Whether the part's own count is kept, and not used.
    public var isCountAside = false

    /// An image of nothing.
    public init() {}
}

/// Two words of a store that belong together.
public struct WordImage: Equatable, Sendable, BitwiseCopyable {
    /// The first word.
    public var first: UInt64
    /// The second word.
    public var second: UInt64

    /// An image of these words.
    public init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    init(_ pair: WordPair) {
        self.init(first: UInt64(pair.first), second: UInt64(pair.second))
    }

    var pair: WordPair { WordPair(first: UInt(first), second: UInt(second)) }
}

/// The occupancy as words to keep, and back.
///
/// **Threads.** Readings must not be recorded at the same time: an image is of one moment only if nobody writes.
extension LiveOccupancy {
    // MARK: To a store

    /// What is known of a part beside its bays and its history.
    public func image(of part: Int, at now: Moment) -> FacilityImage {
        var image = FacilityImage()
        withCounters(of: part) { counters in
            image.own = counters.own.load(ordering: .acquiring)
            image.moved = counters.moved.load(ordering: .acquiring)
        }
        if image.own == 0, let former = formerCounts[part] {
            image.own = former.own
            image.moved = former.moved
            image.isCountAside = true
        }
        guard part < facilityCount else { return image }
        image.operating = blocks[part].operating.load(ordering: .acquiring)
        image.observed = blocks[part].observed.load(ordering: .acquiring)
        image.heard = heard(part).map {
            now.wallMilliseconds - (now.monotonicMilliseconds - $0)
        }
        image.arrivals = blocks[part].arrivals.load(ordering: .acquiring)
        image.departures = blocks[part].departures.load(ordering: .acquiring)
        image.drift = blocks[part].drift.load(ordering: .acquiring)
        image.band =
            OccupancyBand(rawValue: blocks[part].band.load(ordering: .acquiring)) ?? .vacant
        return image
    }

    /// The word of a bay; 0 where its name is known and nothing else.
    ///
    /// Not whether it is marked as silent: that follows from its times, and a sweep after the restart finds it again.
    public func image(ofBay bay: Int) -> UInt64 {
        BayWord(bits: bays.words[bay].load(ordering: .acquiring)).marked(silent: false).bits
    }

    /// The words of a counting sensor.
    public func image(ofCounter sensor: Int) -> WordImage {
        WordImage(counters.table.load(sensor))
    }

    /// The words of a numbering sensor.
    public func image(ofSequence sensor: Int) -> WordImage {
        WordImage(sequences.table.load(sensor))
    }

    /// A place in a facility's history, 0 up to the number of steps; nil where nothing was ever heard in it.
    public func image(ofHistory facility: Int, place: Int) -> WordImage? {
        ring(of: facility)?.words(at: place).map(WordImage.init)
    }

    /// Hands over the name of a bay and the number of its facility, or of its zone.
    public func withName<Result>(
        ofBay bay: Int,
        _ body: (_ name: Span<UInt8>, _ facility: Int) -> Result
    ) -> Result {
        bays.names.withName(bay) { body($0, Int($1)) }
    }

    /// Hands over the topic of a counting sensor and the number of the part that it counts.
    public func withName<Result>(
        ofCounter sensor: Int,
        _ body: (_ name: Span<UInt8>, _ facility: Int) -> Result
    ) -> Result {
        counters.table.names.withName(sensor) { body($0, Int($1)) }
    }

    // MARK: From a store

    /// Puts back what was known of a part beside its bays and its history.
    ///
    /// The time that a facility was heard is kept as an age: one in the future, after the clock was set back, is now.
    public func restore(_ image: FacilityImage, facility part: Int, at now: Moment) {
        let facility = facility(of: part)
        markChanged(facility)
        if image.isCountAside { formerCounts[part] = image } else { restoreCount(image, of: part) }
        guard part == facility else { return }
        blocks[facility].operating.store(image.operating, ordering: .releasing)
        blocks[facility].observed.store(image.observed, ordering: .releasing)
        if let heard = image.heard {
            let (age, overflow) = now.wallMilliseconds.subtractingReportingOverflow(heard)
            let silence = overflow ? 0 : max(0, age)
            blocks[facility].heard.store(
                now.monotonicMilliseconds.subtractingReportingOverflow(silence).partialValue,
                ordering: .releasing
            )
        }
        blocks[facility].arrivals.store(image.arrivals, ordering: .releasing)
        blocks[facility].departures.store(image.departures, ordering: .releasing)
        blocks[facility].drift.store(image.drift, ordering: .releasing)
        blocks[facility].band.store(image.band.rawValue, ordering: .releasing)
    }

    private func restoreCount(_ image: FacilityImage, of part: Int) {
        withCounters(of: part) { counters in
            counters.own.store(image.own, ordering: .releasing)
            counters.moved.store(image.moved, ordering: .releasing)
        }
        let facility = facility(of: part)
        guard part != facility, OwnCount(image.own).count != nil else { return }
        blocks[facility].countedParts.add(1, ordering: .acquiringAndReleasing)
    }

    /// Takes note of the zones that each facility no longer has, by the numbers under which their bays are kept.
    public func restoreFormerZones(_ zones: [Int: [Int]]) { formerZones = zones }

    /// Makes room for so many bays at once.
    public func reserveBays(_ count: Int) { bays.names.reserve(count) }

    /// Puts back a bay of a facility or a zone; one of a place beyond all ``parts`` is kept, and counts nowhere.
    ///
    /// - Returns: False where the table is full.
    public func restoreBay(_ name: Span<UInt8>, facility place: Int, word: UInt64) -> Bool {
        guard let bay = bays.insert(name, facility: place) else { return false }
        bays.words[bay].store(word, ordering: .releasing)
        guard place < parts.count else { return true }
        let facility = facility(of: place)
        blocks[facility].namedBays.add(1, ordering: .relaxed)
        guard word != 0 else { return true }
        let step = BayTable.Step(before: .unknown, after: BayWord(bits: word), isFirstSight: true)
        count(step, facility, blocks[facility], place: place)
        return true
    }

    /// Puts back a counting sensor; false where the table is full.
    public func restoreCounter(_ name: Span<UInt8>, facility: Int, words: WordImage) -> Bool {
        guard let sensor = counters.insert(name, facility: facility) else { return false }
        counters.table.store(words.pair, sensor)
        if facility < parts.count {
            blocks[self.facility(of: facility)].countingSensors.add(1, ordering: .relaxed)
        }
        return true
    }

    /// Puts back a numbering sensor; false where the table is full.
    public func restoreSequence(_ name: Span<UInt8>, facility: Int, words: WordImage) -> Bool {
        guard let sensor = sequences.insert(name, facility: facility) else { return false }
        sequences.table.store(words.pair, sensor)
        if facility < facilityCount {
            blocks[facility].numberingSensors.add(1, ordering: .relaxed)
        }
        return true
    }

    /// Puts back a place in a facility's history, of which so many steps were kept.
    ///
    /// Where fewer are kept now, those that are too old are left out.
    public func restoreHistory(
        _ facility: Int,
        place: Int,
        of stepCount: Int,
        words: WordImage,
        at now: Moment
    ) {
        let lap = Int64(PackedSlot(words.pair).lap) - 1
        let step = lap * Int64(stepCount) + Int64(place)
        guard step >= 0 else { return }
        let newest = historyShape.step(now.wallMilliseconds)
        // What a clock had that was set back since keeps its place, as it does in memory.
        let isKept =
            stepCount <= historyShape.stepCount
            || step > newest - Int64(historyShape.stepCount)
        if isKept { makeRing(of: facility).restore(step: step, words.pair) }
    }

    /// Puts the counts of their own aside of parts that nothing gives one any more, and takes those up again that something gives anew.
    ///
    /// A count that nobody keeps up would be worth more than what the bays say, for ever. To be called when everything is restored, before
    /// ``finishRestoring(at:)``.
    ///
    /// - Parameter counted: The parts that something may give a count of their own.
    /// - Returns: The parts whose counts were put aside, and were not before; and those whose counts were taken up.
    public func settleCounts(_ counted: Set<Int>) -> (aside: [Int], taken: [Int]) {
        let taken = formerCounts.keys.filter(counted.contains).sorted()
        for part in taken {
            guard let image = formerCounts.removeValue(forKey: part),
                !withCounters(of: part, hasOwnCount)
            else { continue }
            restoreCount(image, of: part)
        }
        let aside = (0..<parts.count).filter { part in
            !counted.contains(part) && withCounters(of: part, hasOwnCount)
        }
        for part in aside {
            withCounters(of: part) { counters in
                var image = FacilityImage()
                image.own = counters.own.exchange(0, ordering: .acquiringAndReleasing)
                image.moved = counters.moved.exchange(0, ordering: .acquiringAndReleasing)
                formerCounts[part] = image
            }
            let facility = facility(of: part)
            if part != facility {
                blocks[facility].countedParts.subtract(1, ordering: .acquiringAndReleasing)
            }
        }
        return (aside, taken)
    }

    /// Applies the thresholds to the restored occupancy: they may be others than those it was stored under.
    ///
    /// Without the bays that are silent: they were not counted before the restart, and neither band nor history may see them come
    /// and go.
    public func finishRestoring(at now: Moment) {
        markSilentBays(at: now, isSampled: false)
        for facility in 0..<facilityCount {
            guard let occupied = occupied(of: facility, blocks[facility]) else { continue }
            updateBand(facility, occupied)
        }
    }
}
