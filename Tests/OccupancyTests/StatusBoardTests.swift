import Occupancy
import Parking
import Testing

@Suite struct `Status board` {
    private func facility(_ id: String = "a", staleAfter: Duration? = nil) throws -> Facility {
        Facility(
            id: try #require(FacilityIdentifier(id)),
            name: id,
            capacity: 100,
            almostFull: Thresholds(rising: 80, falling: 70),
            full: Thresholds(rising: 100, falling: 95),
            staleAfter: staleAfter
        )
    }

    private func board(_ live: LiveOccupancy, _ facilities: [Facility]) -> StatusBoard {
        StatusBoard(facilities: facilities, occupancy: live, trendWindow: .seconds(3))
    }

    private func at(_ milliseconds: Int64) -> Moment { Moment(recordedMilliseconds: milliseconds) }

    @Test func `nothing known is nothing changed`() throws {
        let live = LiveOccupancy.small(facilities: 1)
        var board = board(live, [try facility()])
        #expect(board.refresh(at: at(1000)).isEmpty)
        #expect(board.statuses == [.unknown])
    }

    @Test func `a reading changes the status of its facility alone`() throws {
        let live = LiveOccupancy.small()
        var board = board(live, [try facility("a"), try facility("b")])
        _ = board.refresh(at: at(1000))
        live.level(42, at: 1200)
        let changes = board.refresh(at: at(1500))
        #expect(changes.map(\.facility) == [0])
        #expect(changes.first?.after.occupied == 42)
        #expect(changes.first?.after.state == .open)
        #expect(changes.first?.after.observedMilliseconds == 1200)
        #expect(board.refresh(at: at(1600)).isEmpty)
    }

    @Test(arguments: [
        ([79], FacilityState.open), ([80], .almostFull), ([80, 75], .almostFull),
        ([80, 69], .open),
        ([100], .full), ([100, 96], .full), ([100, 94], .almostFull), ([100, 60], .open),
        ([105], .full), ([0], .open),
    ]) func `a state is entered at its rising and left below its falling threshold`(
        levels: [Int],
        expected: FacilityState
    ) throws {
        let facility = try facility()
        let live = LiveOccupancy.small(facilities: 1, thresholds: [facility.thresholds])
        var board = board(live, [facility])
        for (second, level) in levels.enumerated() {
            live.level(level, at: Int64(second + 1) * 1000)
            _ = board.refresh(at: at(Int64(second + 1) * 1000))
        }
        #expect(board.statuses[0].state == expected)
    }

    @Test func `a facility falls silent after its limit and comes back with a reading`() throws {
        let live = LiveOccupancy.small(facilities: 1)
        var board = board(live, [try facility(staleAfter: .seconds(60))])
        live.level(10, at: 1000)
        _ = board.refresh(at: at(1000))
        #expect(board.refresh(at: at(61_000)).allSatisfy { !$0.after.isStale })
        let silent = board.refresh(at: at(61_001))
        #expect(silent.map(\.after.isStale) == [true])
        #expect(board.statuses[0].trend == nil)
        #expect(board.refresh(at: at(70_000)).isEmpty)
        live.level(10, at: 80_000)
        #expect(board.refresh(at: at(80_000)).map(\.after.isStale) == [false])
    }

    @Test func `silence is measured by the clock that nobody steps`() throws {
        let live = LiveOccupancy.small(facilities: 1)
        var board = board(live, [try facility(staleAfter: .seconds(60))])
        live.level(10, at: 1000)
        let jumped = Moment(wallMilliseconds: 9_000_000, monotonicMilliseconds: 2000)
        _ = board.refresh(at: jumped)
        #expect(!board.statuses[0].isStale)
    }

    @Test func `a trend appears, and fades while nothing happens`() throws {
        let live = LiveOccupancy.small(facilities: 1)
        var board = board(live, [try facility()])
        live.level(10, at: 20_000)
        _ = board.refresh(at: at(20_000))
        #expect(board.statuses[0].trend == nil)
        live.level(20, at: 23_000)
        _ = board.refresh(at: at(23_000))
        #expect(board.statuses[0].trend == .increasing)
        _ = board.refresh(at: at(25_000))
        #expect(board.statuses[0].trend == .increasing)
        _ = board.refresh(at: at(26_000))
        #expect(board.statuses[0].trend == .stable)
    }
}
