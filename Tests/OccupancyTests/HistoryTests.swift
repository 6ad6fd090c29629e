import Occupancy
import Parking
import Testing

@Suite struct History {
    private func history(_ live: LiveOccupancy, hold: Int64? = 0, at now: Int64) -> [HistorySlot?] {
        live.history(of: 0, holdMilliseconds: hold, at: Moment(recordedMilliseconds: now)).slots
    }

    private func slot(
        _ occupied: Int?,
        _ lowest: Int?,
        _ highest: Int?,
        _ arrivals: Int = 0,
        _ departures: Int = 0
    ) -> HistorySlot {
        HistorySlot(
            occupied: occupied,
            lowest: lowest,
            highest: highest,
            arrivals: arrivals,
            departures: departures
        )
    }

    @Test func `a slot has the last, the lowest and the highest occupancy of its step`() {
        let live = LiveOccupancy.small()
        live.level(5, at: 20_000)
        live.level(9, at: 20_100)
        live.level(3, at: 20_200)
        live.level(4, at: 20_999)
        live.level(8, at: 21_000)
        let slots = history(live, at: 21_500)
        #expect(slots.count == 10)
        #expect(slots[8] == slot(4, 3, 9))
        #expect(slots[9] == slot(8, 8, 8))
        #expect(slots[7] == nil)
    }

    @Test func `the series begins one span before the end of the present step`() {
        let live = LiveOccupancy.small()
        let series = live.history(of: 0, at: Moment(recordedMilliseconds: 21_500))
        #expect(series.startMilliseconds == 12_000)
        #expect(series.stepMilliseconds == 1000)
    }

    @Test func `arrivals and departures count when they were observed`() {
        let live = LiveOccupancy.small()
        live.move(2, 1, observed: 18_500, at: 20_000)
        live.move(1, 0, at: 20_000)
        let slots = history(live, at: 20_000)
        #expect(slots[7] == slot(nil, nil, nil, 2, 1))
        #expect(slots[9] == slot(2, 1, 2, 1, 0))
    }

    @Test(arguments: [0, 10_999, 21_000, Int64.max / 2])
    func `vehicles observed outside the span count now`(observed: Int64) {
        let live = LiveOccupancy.small()
        live.move(2, 0, observed: observed, at: 20_000)
        let slots = history(live, at: 20_000)
        #expect(slots[9] == slot(2, 2, 2, 2, 0))
    }

    @Test func `a lap later the old slots are gone`() {
        let live = LiveOccupancy.small()
        live.level(5, at: 20_000)
        #expect(history(live, at: 29_999)[0] == slot(5, 5, 5))
        #expect(history(live, at: 30_000).allSatisfy { $0 == nil })
        live.level(6, at: 30_500)
        #expect(history(live, at: 30_500)[9] == slot(6, 6, 6))
    }

    @Test func `a silent step has the occupancy before it for as long as it holds`() {
        let live = LiveOccupancy.small()
        live.level(5, at: 14_000)
        let held = slot(5, 5, 5)
        #expect(history(live, hold: nil, at: 18_000)[5...] == [held, held, held, held, held])
        #expect(history(live, hold: 2000, at: 18_000)[5...] == [held, held, held, nil, nil])
    }

    @Test func `a slot from a future that did not come is overwritten`() {
        let live = LiveOccupancy.small()
        live.level(5, at: 1_000_000)
        live.level(6, at: 20_000)
        #expect(history(live, at: 20_000)[9] == slot(6, 6, 6))
        #expect(history(live, at: 20_000)[..<9].allSatisfy { $0 == nil })
    }

    @Test func `counts that do not fit stay at the largest`() {
        let live = LiveOccupancy.small()
        for _ in 0..<40 { live.move(65_535, 65_535, at: 20_000) }
        let last = history(live, at: 20_000)[9]
        #expect(last?.arrivals == Facility.maximumCount)
        #expect(last?.departures == Facility.maximumCount)
        #expect(live.counts(of: 0).arrivals == 40 * 65_535)
    }

    private typealias Levels = [(second: Int64, occupied: Int)]

    @Test(
        arguments: [
            // A window of three steps before 28.5 s.
            ([(25, 10), (28, 15)], 10),
            ([(22, 10), (28, 15)], 10),
            ([(22, 10), (26, 12), (28, 15)], 10),
            ([(27, 12), (28, 15)], 12),
            ([(28, 15)], nil),
            ([], nil),
        ] as [(Levels, Int?)]
    ) private func `the earlier occupancy is the last one before the window, or an early one in it`(
        levels: Levels,
        expected: Int?
    ) {
        let live = LiveOccupancy.small()
        for level in levels { live.level(level.occupied, at: level.second * 1000) }
        let now = Moment(recordedMilliseconds: 28_500)
        #expect(live.earlierOccupancy(of: 0, agoMilliseconds: 3000, at: now) == expected)
    }
}
