public import Parking
import Synchronization

/// The occupancy of every facility, live: what the readings so far add up to.
///
/// **Shape.** A block of atomic counters and a ring of history for each facility, a smaller block for each other part, a word for each bay,
/// two words for each counting and for each numbering sensor, and a bit for each facility that says that it changed since a reader last
/// asked.
///
/// **Parts.** A reading is about a part (``Parking/FacilityParts``), and whoever writes says which by its number: that of the facility, or
/// of a zone or a class in it. History, band, observation and life are the facility's.
///
/// **Threads.** Every method from any thread. Writers never wait for readers, nor readers for writers; see
/// ``BayTable`` and ``CounterTable`` for the one lock, which only names not heard before take.
///
/// **Time.** `observed` is the sensor's clock, nil where it sent none: such a reading is newer than all before it.
public final class LiveOccupancy: @unchecked Sendable {
    /// What a reading did.
    public enum Effect: Equatable, Sendable {
        /// Something newer is known, and the reading changed no occupancy.
        case late
        /// The occupancy, or the operating state, is what it was.
        case unchanged
        /// The occupancy, or the operating state, changed.
        case changed
    }

    /// The facilities and their parts, fixed.
    public let parts: FacilityParts

    /// The number of facilities, fixed.
    public let facilityCount: Int

    /// The bays of all facilities.
    public let bays: BayTable

    /// The counting sensors of all facilities.
    public let counters: CounterTable

    /// The sensors that number their messages, of all facilities.
    public let sequences: SequenceTable

    /// The span and step of the history.
    public let historyShape: HistoryShape

    let blocks: PaddedArray<FacilityCounters>
    /// The parts that are no facilities: those of one facility side by side, since its writers meet in its block anyway.
    let partBlocks: PaddedArray<PartCounters>
    /// How long a bay of each facility may not be heard, in milliseconds; `max` for ever.
    let silences: [Int64]
    /// The zones that a facility no longer has, by the numbers under which their bays are kept.
    ///
    /// Written while an occupancy is restored, before anybody else has it.
    var formerZones: [Int: [Int]] = [:]
    /// The counts of their own that parts had under a former configuration: kept, and not used.
    ///
    /// Written as ``formerZones``. A reading that counts one of them all the same, as one of a journal may, goes on from it.
    var formerCounts: [Int: FacilityImage] = [:]
    private let thresholds: [BandThresholds]
    private let changedBits: PaddedArray<Atomic<UInt64>>
    private let bayLimit: Int
    /// How many names a bay may have had: it is renamed, or its car park divided into zones, and a name is never forgotten.
    private static let namesOfBay = 2
    private let sensorLimit: Int

    /// The occupancy of facilities with these parts, of which nothing is known.
    ///
    /// - Parameters:
    ///   - bayLimit: The most bays, counting sensors and numbering sensors of one facility: names beyond come from a fault or an attack.
    ///   - sensorLimit: The most counting, and the most numbering, sensors of all facilities.
    ///   - thresholds: Between the bands of each facility; without them none is ever full.
    ///   - silences: How long a bay of each facility may not be heard; without them for ever.
    public init(
        parts: FacilityParts,
        bayLimit: Int,
        sensorLimit: Int,
        history: HistoryShape,
        thresholds: [BandThresholds] = [],
        silences: [Duration?] = []
    ) {
        facilityCount = parts.facilityCount
        precondition(thresholds.isEmpty || thresholds.count == facilityCount)
        precondition(silences.isEmpty || silences.count == facilityCount)
        self.parts = parts
        self.thresholds = thresholds
        self.silences = (0..<parts.facilityCount).map { facility in
            silences.isEmpty ? .max : silences[facility]?.wholeMilliseconds ?? .max
        }
        self.bayLimit = bayLimit
        self.sensorLimit = sensorLimit
        historyShape = history
        let bayCapacity = parts.facilityCount.multipliedReportingOverflow(
            by: Self.namesOfBay * bayLimit
        )
        bays = BayTable(
            capacity: bayCapacity.overflow
                ? NameTable.maximumCapacity
                : min(bayCapacity.partialValue, NameTable.maximumCapacity)
        )
        counters = CounterTable(capacity: min(sensorLimit, NameTable.maximumCapacity))
        sequences = SequenceTable(capacity: min(sensorLimit, NameTable.maximumCapacity))
        blocks = PaddedArray(count: parts.facilityCount) { FacilityCounters() }
        partBlocks = PaddedArray(count: parts.count - parts.facilityCount) { PartCounters() }
        // All count as changed at first: nobody has seen any.
        changedBits = PaddedArray(count: (facilityCount + 63) / 64) { Atomic(.max) }
    }

    /// The occupancy of these facilities, of which nothing is known.
    public convenience init(
        facilities: [Facility],
        bayLimit: Int,
        sensorLimit: Int,
        history: HistoryShape
    ) {
        self.init(
            parts: FacilityParts(facilities),
            bayLimit: bayLimit,
            sensorLimit: sensorLimit,
            history: history,
            thresholds: facilities.map(\.thresholds),
            silences: facilities.map(\.baySilence)
        )
    }

    /// The occupancy of so many facilities without zones and classes, of which nothing is known.
    public convenience init(
        facilityCount: Int,
        bayLimit: Int,
        sensorLimit: Int,
        history: HistoryShape,
        thresholds: [BandThresholds] = []
    ) {
        self.init(
            parts: FacilityParts(facilityCount: facilityCount),
            bayLimit: bayLimit,
            sensorLimit: sensorLimit,
            history: history,
            thresholds: thresholds
        )
    }

    /// An empty occupancy with the limits of another one, for other facilities and another history.
    ///
    /// - Parameter silences: By the number of the facility here.
    public convenience init(
        like other: LiveOccupancy,
        parts: FacilityParts,
        history: HistoryShape,
        silences: [Duration?]
    ) {
        self.init(
            parts: parts,
            bayLimit: other.bayLimit,
            sensorLimit: other.sensorLimit,
            history: history,
            silences: silences
        )
    }

    /// How long a bay of a facility may not be heard before it is unknown; nil for ever.
    public func baySilence(of facility: Int) -> Duration? {
        silences[facility] == .max ? nil : .milliseconds(silences[facility])
    }

    // MARK: Writing

    /// The number of a bay, which is made if it is new and its facility may have one more.
    ///
    /// - Parameter part: The part that a reading is about: the bay is that of the part's zone, whatever its class.
    public func bay(_ name: Span<UInt8>, facility part: Int) -> Int? {
        let place = place(of: part)
        if let bay = bays.find(name, facility: place) { return bay }
        // Two threads that both find room may go over the limit by one each: it guards memory, not a count.
        let facility = facility(of: part)
        let known = blocks[facility].whole.knownBays.load(ordering: .relaxed)
        let named = blocks[facility].namedBays.load(ordering: .relaxed)
        guard known < bayLimit, named < Self.namesOfBay * bayLimit,
            let bay = bays.insert(name, facility: place)
        else { return nil }
        blocks[facility].namedBays.add(1, ordering: .relaxed)
        return bay
    }

    /// Whether a bay is occupied, as a reading of this moment finds it; nil where nothing is known of it.
    public func occupied(bay name: Span<UInt8>, facility part: Int, at now: Moment) -> Bool? {
        guard let bay = bays.find(name, facility: place(of: part)) else { return nil }
        return bays.occupied(bay, silence: silences[facility(of: part)], at: now.wallMilliseconds)
    }

    /// The number of a counting sensor of a part, which is made if it is new and its facility may have one more.
    public func counter(_ name: Span<UInt8>, facility part: Int) -> Int? {
        let facility = facility(of: part)
        return sensor(name, part, counters.table, blocks[facility].countingSensors)
    }

    /// The number of a sensor of a facility that numbers its messages, which is made if it is new and its facility may have one more.
    public func sequence(_ name: Span<UInt8>, facility: Int) -> Int? {
        sensor(name, facility, sequences.table, blocks[facility].numberingSensors)
    }

    /// - Parameter known: How many the facility has.
    private func sensor(
        _ name: Span<UInt8>,
        _ scope: Int,
        _ table: borrowing SensorTable,
        _ known: borrowing Atomic<Int>
    ) -> Int? {
        if let sensor = table.find(name, scope: scope) { return sensor }
        // As with bays; and a facility has no more sensors than bays, so that nobody who may speak for one takes the room of others.
        guard known.load(ordering: .relaxed) < bayLimit else { return nil }
        guard let sensor = table.insert(name, scope: scope) else { return nil }
        known.add(1, ordering: .relaxed)
        return sensor
    }

    /// Records that a bay is occupied or vacant.
    ///
    /// - Parameter part: The part that it lies in; its class is that of the part from now on.
    public func recordBay(
        _ bay: Int,
        facility part: Int,
        occupied: Bool,
        observed: Int64?,
        isRetained: Bool,
        at now: Moment
    ) -> Effect {
        let facility = facility(of: part)
        let reading = BayWord.Observation(
            occupied: occupied,
            bayClass: part < facilityCount ? 0 : parts.parts[part].bayClass?.number ?? 0,
            observedMilliseconds: observed,
            receivedMilliseconds: now.wallMilliseconds,
            isRetained: isRetained,
            silenceMilliseconds: silences[facility]
        )
        return write(facility, observed: observed, isRetained: isRetained, at: now) { block in
            guard let step = bays.record(reading, bay: bay) else { return .late }
            if step.isChange { count(step, facility, block, place: place(of: part)) }
            if step.isMovement {
                countMovement(
                    facility,
                    arrivals: occupied ? 1 : 0,
                    departures: occupied ? 0 : 1,
                    observed: observed,
                    at: now
                )
            }
            sample(facility, block, at: now)
            return step.isChange ? .changed : .unchanged
        }
    }

    /// Adds vehicles that came in and went out.
    ///
    /// What was observed before the part's last level is in that level already: it counts in the history alone. The history has the
    /// vehicles of a zone or a class as well, unless a count of the facility's own has them already.
    public func recordMovement(
        facility part: Int,
        arrivals: Int,
        departures: Int,
        observed: Int64?,
        isRetained: Bool,
        at now: Moment
    ) -> Effect {
        let facility = facility(of: part)
        return write(facility, observed: observed, isRetained: isRetained, at: now) { block in
            if part == facility || !hasOwnCount(block.whole) {
                countMovement(
                    facility,
                    arrivals: arrivals,
                    departures: departures,
                    observed: observed,
                    at: now
                )
            }
            return updateOwnCount(of: part, facility, at: now) { own, counters in
                let level = now.believed(own.levelMilliseconds)
                if let observed, observed < level { return nil }
                // A counter's first total moves nothing, and makes no level too old.
                if arrivals != 0 || departures != 0 {
                    now.raise(counters.moved, to: observed ?? now.wallMilliseconds)
                }
                return ((own.count ?? 0) + arrivals - departures, level)
            }
        }
    }

    /// Replaces the part's own count, unless a newer level or a newer movement is known.
    ///
    /// - Parameter occupied: As reported; outside 0…``Facility/maximumCount`` it is clamped and the rest counted as drift.
    public func recordLevel(
        facility part: Int,
        occupied: Int,
        observed: Int64?,
        isRetained: Bool,
        at now: Moment
    ) -> Effect {
        let facility = facility(of: part)
        return write(facility, observed: observed, isRetained: isRetained, at: now) { _ in
            updateOwnCount(of: part, facility, at: now) { own, counters in
                let level = now.believed(own.levelMilliseconds)
                let moved = now.believed(counters.moved.load(ordering: .acquiring))
                let time = observed ?? max(now.wallMilliseconds, level)
                guard time >= level else { return nil }
                // One that the broker has kept is as old as it likes: what moved since the last level may have moved since this one.
                let isNewest = observed == nil ? !isRetained || moved <= level : time >= moved
                return isNewest ? (occupied, time) : nil
            }
        }
    }

    /// Replaces the operating state of the facility that a part belongs to.
    public func recordState(
        facility part: Int,
        _ state: OperatingState,
        observed: Int64?,
        isRetained: Bool,
        at now: Moment
    ) -> Effect {
        let facility = facility(of: part)
        return write(facility, observed: observed, isRetained: isRetained, at: now) { block in
            var current = block.operating.load(ordering: .acquiring)
            while true {
                let known = now.believed(Int64(current >> 2))
                let time = max(0, observed ?? max(now.wallMilliseconds, known))
                guard time >= known else { return .late }
                let (exchanged, original) = block.operating.compareExchange(
                    expected: current,
                    desired: UInt64(time) << 2 | UInt64(state.rawValue),
                    ordering: .acquiringAndReleasing
                )
                if exchanged {
                    return current & 3 == UInt64(state.rawValue) ? .unchanged : .changed
                }
                current = original
            }
        }
    }

    /// Records that a sensor lives and says nothing of vehicles.
    public func recordSign(facility part: Int, isRetained: Bool, at now: Moment) -> Effect {
        // What was observed is as old as it was.
        write(parts.facility(of: part), isRetained: isRetained, observes: false, at: now) { _ in
            .unchanged
        }
    }

    // MARK: Reading

    /// The facilities that changed since the last call, in ascending order.
    public func takeChanged() -> [Int] {
        var changed: [Int] = []
        for index in 0..<changedBits.count
        where changedBits[index].load(ordering: .relaxed) != 0 {
            var bits = changedBits[index].exchange(0, ordering: .acquiringAndReleasing)
            while bits != 0 {
                let facility = index * 64 + bits.trailingZeroBitCount
                if facility < facilityCount { changed.append(facility) }
                bits &= bits - 1
            }
        }
        return changed
    }

    /// What is known of a facility.
    ///
    /// All from one moment, zones and classes included, unless a thousand attempts each met a writer halfway: then from within one
    /// message's time, and the facility counts as changed once more.
    public func counts(of facility: Int) -> FacilityCounts {
        for _ in 0..<1000 {
            if let counts = countsOfOneMoment(facility) { return counts }
        }
        markChanged(facility)
        return load(facility)
    }

    /// What is known of a facility, or nil where a writer was halfway.
    func countsOfOneMoment(_ facility: Int) -> FacilityCounts? {
        let ended = blocks[facility].ended.load(ordering: .acquiring)
        let counts = load(facility)
        let begun = blocks[facility].begun.load(ordering: .acquiring)
        return begun == ended ? counts : nil
    }

    /// The monotonic time of the last sign of life; nil before the first.
    public func heard(_ facility: Int) -> Int64? {
        let heard = blocks[facility].heard.load(ordering: .acquiring)
        return heard == .min ? nil : heard
    }

    /// The whole history of a facility up to now.
    ///
    /// - Parameter holdMilliseconds: How long an occupancy counts as known after it was last heard; nil means for ever. Steps
    ///   in which nothing was heard have the occupancy of the step before, as long as it holds.
    public func history(
        of facility: Int,
        holdMilliseconds: Int64? = nil,
        at now: Moment
    ) -> HistorySeries {
        let step = historyShape.step(now.wallMilliseconds)
        let first = max(0, step - Int64(historyShape.stepCount) + 1)
        let ring = ring(of: facility)
        let holdSteps = holdMilliseconds.map { $0 / historyShape.stepMilliseconds } ?? .max
        var held: (occupied: Int, steps: Int64)?
        let slots = (first...step).map { step -> HistorySlot? in
            var slot = ring?.slot(step: step)
            if let occupied = slot?.occupied {
                held = (occupied, 0)
            } else if let (occupied, steps) = held, steps < holdSteps {
                held = (occupied, steps + 1)
                slot = HistorySlot(
                    occupied: occupied,
                    lowest: occupied,
                    highest: occupied,
                    arrivals: slot?.arrivals ?? 0,
                    departures: slot?.departures ?? 0
                )
            }
            return slot
        }
        return HistorySeries(
            startMilliseconds: first * historyShape.stepMilliseconds,
            stepMilliseconds: historyShape.stepMilliseconds,
            slots: slots
        )
    }

    /// The occupancy that a facility had some time ago, as its history knows it.
    ///
    /// That of the last step with a known occupancy that lies at least so far back; where there is none, that of the first step
    /// after it, if it lies at least a third so far back; otherwise nil: too little is known.
    public func earlierOccupancy(of facility: Int, agoMilliseconds: Int64, at now: Moment) -> Int? {
        guard let ring = ring(of: facility) else { return nil }
        let current = historyShape.step(now.wallMilliseconds)
        let first = max(0, current - Int64(historyShape.stepCount) + 1)
        let back = max(1, agoMilliseconds / historyShape.stepMilliseconds)
        var step = current - back
        while step >= first {
            if let occupied = ring.slot(step: step)?.occupied { return occupied }
            step -= 1
        }
        let least = max(1, back / 3)
        step = max(first, current - back + 1)
        while step <= current - least {
            if let occupied = ring.slot(step: step)?.occupied { return occupied }
            step += 1
        }
        return nil
    }

    // MARK: Inside

    /// Brackets what a reading does to a facility's words, and notes that it was heard.
    private func write(
        _ facility: Int,
        observed: Int64? = nil,
        isRetained: Bool,
        observes: Bool = true,
        at now: Moment,
        _ body: (borrowing FacilityCounters) -> Effect
    ) -> Effect {
        blocks[facility].begun.add(1, ordering: .acquiringAndReleasing)
        let effect = body(blocks[facility])
        let wasHeard = blocks[facility].heard.load(ordering: .relaxed) != .min
        // A broker hands out a retained message long after its sensor has died: it is no sign of life, except
        // that a sensor not heard before gets its time to prove itself.
        if !isRetained || !wasHeard {
            blocks[facility].heard.store(now.monotonicMilliseconds, ordering: .releasing)
        }
        if observes, let time = observed ?? (isRetained && wasHeard ? nil : now.wallMilliseconds) {
            now.raise(blocks[facility].observed, to: time)
        }
        blocks[facility].ended.add(1, ordering: .acquiringAndReleasing)
        markChanged(facility)
        return effect
    }

    /// Replaces a part's own count by what `next` makes of it; nil leaves it alone, since the reading is late.
    ///
    /// - Parameter next: To the new count, which is clamped, and the time of the last level. Called again where another thread
    ///   came between.
    private func updateOwnCount(
        of part: Int,
        _ facility: Int,
        at now: Moment,
        _ next: (OwnCount, borrowing PartCounters) -> (count: Int, levelMilliseconds: Int64)?
    ) -> Effect {
        let update: (before: OwnCount, count: Int, drift: Int)? = withCounters(of: part) {
            counters in
            var current = counters.own.load(ordering: .acquiring)
            while true {
                let own = OwnCount(current)
                let known = own.count == nil ? formerCounts[part].map { OwnCount($0.own) } : own
                guard let wanted = next(known ?? own, counters) else { return nil }
                let (count, drift) = OwnCount.clamp(wanted.count)
                let time = wanted.levelMilliseconds
                let (exchanged, original) = counters.own.compareExchange(
                    expected: current,
                    desired: OwnCount(count: count, levelMilliseconds: time).word,
                    ordering: .acquiringAndReleasing
                )
                if exchanged { return (own, count, drift) }
                current = original
            }
        }
        guard let update else { return .late }
        blocks[facility].drift.add(update.drift, ordering: .acquiringAndReleasing)
        if update.before.count == nil, part != facility {
            blocks[facility].countedParts.add(1, ordering: .acquiringAndReleasing)
        }
        sample(facility, blocks[facility], at: now)
        return update.count == update.before.count ? .unchanged : .changed
    }

    private func load(_ facility: Int) -> FacilityCounts {
        var counts = FacilityCounts()
        if parts.isPlain(facility) {
            let tally = tally(of: facility)
            counts.occupied = tally.count
            counts.unknownBays = tally.unknown
        } else {
            loadParts(of: facility, into: &counts)
        }
        let observed = blocks[facility].observed.load(ordering: .acquiring)
        counts.observedMilliseconds = observed == 0 ? nil : observed
        counts.heardMonotonicMilliseconds = heard(facility)
        let operating = blocks[facility].operating.load(ordering: .acquiring)
        counts.operating = OperatingState(rawValue: UInt8(operating & 3))
        let band = blocks[facility].band.load(ordering: .acquiring)
        counts.band = OccupancyBand(rawValue: band) ?? .vacant
        counts.knownBays = blocks[facility].whole.knownBays.load(ordering: .acquiring)
        counts.arrivals = blocks[facility].arrivals.load(ordering: .acquiring)
        counts.departures = blocks[facility].departures.load(ordering: .acquiring)
        counts.drift = blocks[facility].drift.load(ordering: .acquiring)
        return counts
    }

    /// Puts the present occupancy into its band, and into the history at the time of reception: that is when it became known.
    func sample(_ facility: Int, _ block: borrowing FacilityCounters, at now: Moment) {
        guard let occupied = occupied(of: facility, block) else { return }
        updateBand(facility, occupied)
        updateHistory(facility, step: historyShape.step(now.wallMilliseconds)) {
            $0.sample(occupied)
        }
    }

    /// Counts vehicles, and puts them into the history at the time when they were observed.
    ///
    /// What is older than the history, or newer than now, goes where now is: no vehicle is left out.
    private func countMovement(
        _ facility: Int,
        arrivals: Int,
        departures: Int,
        observed: Int64?,
        at now: Moment
    ) {
        guard arrivals != 0 || departures != 0 else { return }
        blocks[facility].arrivals.add(arrivals, ordering: .acquiringAndReleasing)
        blocks[facility].departures.add(departures, ordering: .acquiringAndReleasing)
        updateHistory(facility, step: movementStep(observed: observed, at: now)) {
            $0.count(arrivals: arrivals, departures: departures)
        }
    }

    /// The step of the history in which vehicles of this time are counted.
    public func movementStep(observed: Int64?, at now: Moment) -> Int64 {
        let current = historyShape.step(now.wallMilliseconds)
        guard let observed else { return current }
        let step = historyShape.step(observed)
        let isKept = step <= current && step > current - Int64(historyShape.stepCount)
        return isKept ? step : current
    }

    func updateBand(_ facility: Int, _ occupied: Int) {
        guard facility < thresholds.count else { return }
        let before = blocks[facility].band.load(ordering: .relaxed)
        let band = thresholds[facility].band(
            occupied: occupied,
            before: OccupancyBand(rawValue: before) ?? .vacant
        )
        if band.rawValue != before {
            blocks[facility].band.store(band.rawValue, ordering: .releasing)
        }
    }

    func ring(of facility: Int) -> HistoryRing? {
        blocks[facility].ring.load()
    }

    /// Changes a step in a facility's history, which is made where there is none.
    @inline(__always)
    private func updateHistory(
        _ facility: Int,
        step: Int64,
        _ change: (inout PackedSlot) -> Void
    ) {
        let isMade = blocks[facility].ring.withRing { $0.update(step: step, change) }
        if !isMade { makeRing(of: facility).update(step: step, change) }
    }

    func makeRing(of facility: Int) -> HistoryRing {
        ring(of: facility)
            ?? blocks[facility].ring.storeIfNil(HistoryRing(shape: historyShape))
    }

    /// Always a read-modify-write: one that could be skipped because the bit is set already might be ordered before a
    /// reader's `takeChanged`, and the change would wait for the next reading.
    func markChanged(_ facility: Int) {
        changedBits[facility >> 6].bitwiseOr(
            1 << UInt64(facility & 63),
            ordering: .acquiringAndReleasing
        )
    }
}

extension Moment {
    /// Raises a time that is kept, and replaces one that is not believed.
    @inline(__always)
    fileprivate func raise(_ kept: borrowing Atomic<Int64>, to time: Int64) {
        var current = kept.load(ordering: .acquiring)
        while time > believed(current) {
            let (exchanged, original) = kept.compareExchange(
                expected: current,
                desired: time,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return }
            current = original
        }
    }
}
