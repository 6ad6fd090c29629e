import Occupancy
import Parking
import Testing

@Suite struct `Live occupancy` {
    @Test func `before the first reading nothing is known`() {
        #expect(LiveOccupancy.small().counts(of: 0) == FacilityCounts())
    }

    @Test func `a facility holds the number of its occupied bays`() {
        let live = LiveOccupancy.small()
        live.bay("1", true, at: 1000)
        live.bay("2", false, at: 1000)
        live.bay("3", true, at: 1000)
        live.bay("1", true, facility: 1, at: 1000)
        #expect(live.counts(of: 0).occupied == 2)
        #expect(live.counts(of: 0).knownBays == 3)
        #expect(live.counts(of: 1).occupied == 1)
        #expect(live.bays.recount(facility: 0) == 2)
    }

    @Test func `the first state of a bay and a heartbeat are no arrival`() {
        let live = LiveOccupancy.small()
        #expect(live.bay("1", true, at: 1000) == .changed)
        #expect(live.bay("1", true, at: 2000) == .unchanged)
        #expect(live.counts(of: 0).arrivals == 0)
        live.bay("1", false, at: 3000)
        live.bay("1", true, at: 4000)
        #expect(live.counts(of: 0).arrivals == 1)
        #expect(live.counts(of: 0).departures == 1)
    }

    @Test func `an older observation of a bay changes nothing`() {
        let live = LiveOccupancy.small()
        live.bay("1", true, observed: 5000, at: 9000)
        #expect(live.bay("1", false, observed: 4999, at: 9001) == .late)
        #expect(live.counts(of: 0).occupied == 1)
        #expect(live.counts(of: 0).observedMilliseconds == 5000)
    }

    @Test func `of two observations of one time the later received wins`() {
        let live = LiveOccupancy.small()
        live.bay("1", true, observed: 5000, at: 9000)
        #expect(live.bay("1", false, observed: 5000, at: 9001) == .changed)
        #expect(live.counts(of: 0).occupied == 0)
    }

    @Test func `a reading without a time is the newest, even after the clock stepped back`() {
        let live = LiveOccupancy.small()
        live.bay("1", true, at: 100_000)
        #expect(live.bay("1", false, at: 50_000) == .changed)
        live.level(7, at: 100_000)
        #expect(live.level(8, at: 50_000) == .changed)
        #expect(live.counts(of: 0).occupied == 8)
    }

    @Test func `sensors beyond the limit of a facility take no room of others`() {
        let live = LiveOccupancy.small(bayLimit: 2)
        for name in ["a", "b", "c"].map(bytes) {
            let isRoom = name != bytes("c")
            #expect((live.counter(name.span, facility: 0) != nil) == isRoom)
            #expect((live.sequence(name.span, facility: 0) != nil) == isRoom)
        }
        // Those that are known keep theirs, and another facility has its own.
        #expect(live.counter(bytes("a").span, facility: 0) != nil)
        #expect(live.counter(bytes("c").span, facility: 1) != nil)
        #expect(live.sequence(bytes("c").span, facility: 1) != nil)
        #expect(live.counters.count == 3)
    }

    @Test func `bays beyond the limit of a facility are refused`() {
        let live = LiveOccupancy.small(bayLimit: 2)
        #expect(live.bay("1", true, at: 1) != nil)
        #expect(live.bay("2", true, at: 1) != nil)
        #expect(live.bay("3", true, at: 1) == nil)
        #expect(live.bay("1", false, at: 2) == .changed)
        #expect(live.bay("1", true, facility: 1, at: 1) != nil)
    }

    @Test func `movements add up and what would go below zero is drift`() {
        let live = LiveOccupancy.small()
        live.move(5, 0, at: 1)
        live.move(0, 8, at: 2)
        #expect(live.counts(of: 0).occupied == 0)
        #expect(live.counts(of: 0).drift == 3)
        live.move(2, 1, at: 3)
        #expect(live.counts(of: 0).occupied == 1)
        #expect(live.counts(of: 0).arrivals == 7)
        #expect(live.counts(of: 0).departures == 9)
    }

    @Test func `a level replaces the count`() {
        let live = LiveOccupancy.small()
        live.move(5, 0, at: 1)
        #expect(live.level(105, at: 2) == .changed)
        #expect(live.level(105, at: 3) == .unchanged)
        live.move(1, 0, at: 4)
        #expect(live.counts(of: 0).occupied == 106)
    }

    @Test func `a level below zero is zero and drift`() {
        let live = LiveOccupancy.small()
        live.level(-8, at: 1)
        #expect(live.counts(of: 0).occupied == 0)
        #expect(live.counts(of: 0).drift == 8)
    }

    @Test func `an older level or movement changes nothing but the history`() {
        let live = LiveOccupancy.small()
        live.level(50, observed: 5000, at: 6000)
        #expect(live.level(40, observed: 4000, at: 6000) == .late)
        #expect(live.move(3, 0, observed: 4500, at: 6000) == .late)
        #expect(live.counts(of: 0).occupied == 50)
        #expect(live.counts(of: 0).arrivals == 3)
    }

    @Test func `a level older than a movement that was counted changes nothing`() {
        let live = LiveOccupancy.small()
        live.level(50, observed: 1000, at: 1000)
        live.move(1, 0, observed: 5000, at: 5000)
        #expect(live.level(50, observed: 4000, at: 6000) == .late)
        #expect(live.counts(of: 0).occupied == 51)
    }

    @Test func `a movement older than another movement counts`() {
        let live = LiveOccupancy.small()
        live.move(1, 0, observed: 5000, at: 6000)
        live.move(1, 0, observed: 4000, at: 6000)
        #expect(live.counts(of: 0).occupied == 2)
    }

    @Test func `a count of the facility's own goes before the sum of its bays`() {
        let live = LiveOccupancy.small()
        live.bay("1", true, at: 1)
        live.level(17, at: 2)
        live.bay("2", true, at: 3)
        #expect(live.counts(of: 0).occupied == 17)
    }

    @Test func `the newest operating state wins`() {
        let live = LiveOccupancy.small()
        let now = Moment(recordedMilliseconds: 9000)
        func record(_ state: OperatingState, _ observed: Int64) -> LiveOccupancy.Effect {
            live.recordState(facility: 0, state, observed: observed, isRetained: false, at: now)
        }
        #expect(record(.closed, 2000) == .changed)
        #expect(record(.open, 1000) == .late)
        #expect(record(.closed, 3000) == .unchanged)
        #expect(live.counts(of: 0).operating == .closed)
        #expect(live.counts(of: 0).occupied == nil)
    }

    @Test func `a retained message is no sign of life but the first`() {
        let live = LiveOccupancy.small()
        live.level(5, isRetained: true, at: 1000)
        #expect(live.heard(0) == 1000)
        live.level(6, isRetained: true, at: 2000)
        #expect(live.heard(0) == 1000)
        #expect(live.counts(of: 0).observedMilliseconds == 1000)
        #expect(live.counts(of: 0).occupied == 6)
        live.level(6, at: 3000)
        #expect(live.heard(0) == 3000)
    }

    @Test func `what changed is told once`() {
        let live = LiveOccupancy.small(facilities: 130)
        #expect(live.takeChanged() == Array(0..<130))
        #expect(live.takeChanged().isEmpty)
        live.bay("1", true, facility: 129, at: 1)
        live.bay("1", true, facility: 3, at: 1)
        #expect(live.takeChanged() == [3, 129])
        #expect(live.takeChanged().isEmpty)
    }

    @Test func `a name is found under its scope alone, and through every growth`() {
        let table = NameTable(capacity: 20_000)
        for number in 0..<20_000 {
            let name = bytes("bay-\(number / 2)")
            #expect(table.insert(name.span, scope: UInt32(number % 2)) == number)
        }
        for number in 0..<20_000 {
            let name = bytes("bay-\(number / 2)")
            #expect(table.find(name.span, scope: UInt32(number % 2)) == number)
            #expect(table.find(name.span, scope: 2) == nil)
        }
        let name = bytes("one too many")
        #expect(table.insert(name.span) == nil)
        let long = [UInt8](repeating: 65, count: NameTable.maximumNameBytes + 1)
        #expect(NameTable(capacity: 1).insert(long.span) == nil)
    }
}
