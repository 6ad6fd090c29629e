public import Parking
import Synchronization

/// What a part holds: its vehicles, and the bays of which nobody knows.
struct PartTally: Equatable {
    var occupied: Int
    var unknown: Int
    /// Whatever tells of it: a count of its own, or the bays that are heard.
    var sources: Int

    /// The occupied bays, never negative; nil while nothing is known.
    ///
    /// Below zero only while a writer is between a bay's word and the counters.
    var count: Int? { sources > 0 ? max(0, occupied) : nil }

    var status: PartStatus { PartStatus(occupied: count, unknown: max(0, unknown)) }

    static func + (left: PartTally, right: PartTally) -> PartTally {
        PartTally(
            occupied: left.occupied + right.occupied,
            unknown: left.unknown + right.unknown,
            sources: left.sources + right.sources
        )
    }

    static func - (left: PartTally, right: PartTally) -> PartTally {
        PartTally(
            occupied: left.occupied - right.occupied,
            unknown: left.unknown - right.unknown,
            sources: left.sources - right.sources
        )
    }
}

/// The parts of facilities: what is counted in which, and what they add up to.
///
/// A count of its own is worth more than a sum. Without one a zone has the sum of its classes and of its other bays, and a facility the
/// sum of its zones and of its bays in none. Where it has no zones its classes take their place. A class of a facility has the sum
/// of that class in all zones and in none.
extension LiveOccupancy {
    // MARK: Bays

    /// Counts what a reading or a sweep did to a bay of this place, in each part that the bay lies in.
    @inline(__always)
    func count(
        _ step: BayTable.Step,
        _ facility: Int,
        _ block: borrowing FacilityCounters,
        place: Int
    ) {
        block.whole.add(step.after.counts - step.before.counts)
        if partBlocks.count > 0, !parts.isPlain(facility) {
            countParts(step, facility, place: place)
        }
    }

    private func countParts(_ step: BayTable.Step, _ facility: Int, place: Int) {
        let (before, after) = (step.before.counts, step.after.counts)
        if place != facility { withCounters(of: place) { $0.add(after - before) } }
        let former = classPart(of: step.before, in: place, facility)
        let present = classPart(of: step.after, in: place, facility)
        if former == present {
            if let present { withCounters(of: present) { $0.add(after - before) } }
        } else {
            if let former { withCounters(of: former) { $0.add(BayCounts() - before) } }
            if let present { withCounters(of: present) { $0.add(after) } }
        }
    }

    /// Takes a bay out of the counts that was known without a zone, before its zone was configured, or in a zone that is no more.
    ///
    /// A bay that is new in a zone is taken for the one of the same name that its facility has in no zone, and one that is new in no
    /// zone for those of that name in zones that left the configuration. Without this a car park that is divided into zones, or
    /// divided again, would have each of its bays twice, for ever.
    ///
    /// - Returns: The numbers of the bays that are no more.
    public func retireNamesakes(of bay: Int, facility part: Int, at now: Moment) -> [Int] {
        guard part >= facilityCount || !formerZones.isEmpty else { return [] }
        let (facility, place) = (facility(of: part), place(of: part))
        let (silence, time) = (silences[facility], now.wallMilliseconds)
        guard bays.occupied(bay, silence: silence, at: time) == nil else { return [] }
        guard place == facility else {
            return retireNamesake(of: bay, facility, at: now).map { [$0] } ?? []
        }
        return (formerZones[facility] ?? []).compactMap { zone in
            let former = bays.names.withName(bay) { name, _ in bays.find(name, facility: zone) }
            // Counted nowhere, until its zone comes back.
            if let former { bays.words[former].store(0, ordering: .releasing) }
            return former
        }
    }

    private func retireNamesake(of bay: Int, _ facility: Int, at now: Moment) -> Int? {
        guard
            let former = bays.names.withName(
                bay,
                { name, _ in bays.find(name, facility: facility) }
            )
        else { return nil }
        blocks[facility].begun.add(1, ordering: .acquiringAndReleasing)
        let word = bays.words[former].exchange(0, ordering: .acquiringAndReleasing)
        let step = BayTable.Step(
            before: BayWord(bits: word),
            after: .unknown,
            isFirstSight: true
        )
        count(step, facility, blocks[facility], place: facility)
        blocks[facility].ended.add(1, ordering: .acquiringAndReleasing)
        markChanged(facility)
        return former
    }

    /// The part in which the bays of this class are counted apart, if there is one.
    private func classPart(of word: BayWord, in place: Int, _ facility: Int) -> Int? {
        guard let bayClass = BayClass(number: word.bayClass) else { return nil }
        let zone = place == facility ? nil : parts.parts[place].zone
        let part = parts.part(facility: facility, zone: zone, class: bayClass)
        return part == place ? nil : part
    }

    // MARK: Silence

    /// Marks the bays that were not heard for the `bay_silence` of their facility: they are unknown until they are heard again.
    ///
    /// Those that were not heard for ten times as long, and for a month, are no bays any more.
    ///
    /// To be called about once a minute, before a snapshot. It changes what is counted now and no reading's effect: what
    /// one does to a bay, forgotten or not, follows from the times of both.
    ///
    /// **Cost.** Where a facility has a `bay_silence`, a load and a comparison for each bay of all facilities; otherwise none.
    public func markSilentBays(at now: Moment) { markSilentBays(at: now, isSampled: true) }

    /// - Parameter isSampled: Whether the bands and the histories see each step on the way.
    func markSilentBays(at now: Moment, isSampled: Bool) {
        guard let shortest = silences.min(), shortest < .max else { return }
        for bay in 0..<bays.count {
            let word = BayWord(bits: bays.words[bay].load(ordering: .acquiring))
            let time = now.wallMilliseconds
            guard word.isSilent(for: shortest, at: time),
                !word.isSilent || word.isForgotten(for: shortest, at: time)
            else { continue }
            let place = bays.place(of: bay)
            // One of a facility that the configuration no longer has.
            guard place < parts.count else { continue }
            markSilent(bay, place: place, isSampled: isSampled, at: now)
        }
    }

    private func markSilent(_ bay: Int, place: Int, isSampled: Bool, at now: Moment) {
        let facility = facility(of: place)
        let silence = silences[facility]
        blocks[facility].begun.add(1, ordering: .acquiringAndReleasing)
        if let step = bays.markSilent(bay, for: silence, at: now.wallMilliseconds) {
            count(step, facility, blocks[facility], place: place)
            if isSampled { sample(facility, blocks[facility], at: now) }
        }
        blocks[facility].ended.add(1, ordering: .acquiringAndReleasing)
        markChanged(facility)
    }

    // MARK: Sums

    /// Whether a part has a count of its own.
    func hasOwnCount(_ counters: borrowing PartCounters) -> Bool {
        OwnCount(counters.own.load(ordering: .acquiring)).count != nil
    }

    /// The occupied bays of a facility; nil while nothing is known.
    @inline(__always)
    func occupied(of facility: Int, _ block: borrowing FacilityCounters) -> Int? {
        block.countedParts.load(ordering: .acquiring) == 0
            ? Self.tally(block.whole).count : sum(of: facility).count
    }

    /// What is known of a facility and of each part that has a capacity.
    func loadParts(of facility: Int, into counts: inout FacilityCounts) {
        let layout = parts.layouts[facility]
        let whole = sum(of: facility)
        counts.occupied = whole.count
        counts.unknownBays = max(0, whole.unknown)
        counts.zones = layout.zones.map { zone in
            var status = sum(of: zone).status
            status.classes = zone.classes.filter { parts.capacity(of: $0) != nil }
                .map { tally(of: $0).status }
            return status
        }
        counts.classes = layout.classes.map { part in
            classSum(of: part, layout).status
        }
    }

    /// A part's own count, or the sum of its bays.
    func tally(of part: Int) -> PartTally { withCounters(of: part) { Self.tally($0) } }

    @inline(__always)
    static func tally(_ counters: borrowing PartCounters) -> PartTally {
        let own = OwnCount(counters.own.load(ordering: .acquiring))
        if let count = own.count { return PartTally(occupied: count, unknown: 0, sources: 1) }
        return bays(counters)
    }

    @inline(__always)
    private static func bays(_ counters: borrowing PartCounters) -> PartTally {
        let silent = counters.silentBays.load(ordering: .acquiring)
        return PartTally(
            occupied: counters.occupiedBays.load(ordering: .acquiring),
            unknown: silent,
            sources: counters.knownBays.load(ordering: .acquiring) - silent
        )
    }

    /// By how much a part's own count differs from the sum of its bays, which its whole has counted.
    private func correction(_ part: Int) -> PartTally {
        withCounters(of: part) { Self.tally($0) - Self.bays($0) }
    }

    private func sum(of zone: FacilityParts.Layout.Zone) -> PartTally {
        if withCounters(of: zone.part, hasOwnCount) { return tally(of: zone.part) }
        return zone.classes.reduce(tally(of: zone.part)) { $0 + correction($1) }
    }

    private func sum(of facility: Int) -> PartTally {
        let all = tally(of: facility)
        if hasOwnCount(blocks[facility].whole) { return all }
        if blocks[facility].countedParts.load(ordering: .acquiring) == 0 { return all }
        let layout = parts.layouts[facility]
        guard !layout.zones.isEmpty else {
            return layout.classes.reduce(all) { $0 + correction($1) }
        }
        return layout.zones.reduce(all) { sum, zone in
            sum + self.sum(of: zone) - withCounters(of: zone.part) { Self.bays($0) }
        }
    }

    private func classSum(of part: Int, _ layout: FacilityParts.Layout) -> PartTally {
        if withCounters(of: part, hasOwnCount) { return tally(of: part) }
        let bayClass = parts.parts[part].bayClass
        let zoned = layout.zones.flatMap(\.classes).filter { parts.parts[$0].bayClass == bayClass }
        return zoned.reduce(tally(of: part)) { $0 + tally(of: $1) }
    }

    // MARK: Numbers and counters

    /// The facility that a part belongs to.
    @inline(__always)
    func facility(of part: Int) -> Int {
        part < facilityCount ? part : parts.facility(of: part)
    }

    /// The part in which the bays of a part have their names.
    @inline(__always)
    func place(of part: Int) -> Int {
        part < facilityCount ? part : parts.place(of: part)
    }

    /// Lends the counters of a part.
    func withCounters<Result>(
        of part: Int,
        _ body: (borrowing PartCounters) -> Result
    ) -> Result {
        part < facilityCount ? body(blocks[part].whole) : body(partBlocks[part - facilityCount])
    }
}
