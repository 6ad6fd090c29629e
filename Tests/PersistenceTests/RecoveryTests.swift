import Ingest
import Journal
import Occupancy
import Parking
import Persistence
import TestSupport
import Testing

@Suite struct Recovery {
    private let directory = ScratchDirectory()
    private let clock = Clock()
    private var place: JournalDirectory { JournalDirectory(path: directory.path("state")) }

    /// One of everything that there is to count.
    private func fill(_ life: Life) {
        for bay in 0..<300 { life.send("a/bay/\(bay)", #"{"o":\#(bay % 3 == 0)}"#) }
        life.send("b/gate", #"{"in":7,"out":2}"#)
        life.send("b/count/north", #"{"in":65530,"out":10}"#)
        clock.advance(.seconds(90))
        life.send("b/count/north", #"{"in":4,"out":11}"#)
        life.send("b/state", #"{"s":"closed"}"#)
        life.send("b/numbered", #"{"n":41}"#)
        life.send("b/numbered", #"{"n":44}"#)
        life.send("b/gate", #"{"in":0,"out":90}"#)
    }

    @Test(arguments: [true, false]) func `brings back what was counted`(isClosed: Bool) throws {
        let before = try Life(place, clock: clock)
        fill(before)
        let (state, history) = (before.state(), before.history(1))
        #expect(state.map(\.occupied) == [100, 0])
        #expect(state[1].drift > 0)
        if isClosed { before.journal.close() }
        let after = try reopened(before)
        #expect(after.state() == state)
        #expect(after.history(1) == history)
        #expect(after.occupancy.bays.recount(facility: 0) == 100)
        #expect(after.report.batches == (isClosed ? 0 : 307))
        #expect(after.report.unreadable == 0)
    }

    /// The same place as a process finds it after a crash: the first one's hold on the file is gone with it.
    private func reopened(
        _ life: Life,
        facilities: [String] = ["a", "b"],
        step: Int64 = 60_000
    ) throws -> Life {
        // Not a copy of memory: a copy of the files, as kill -9 leaves them.
        let name = "copy-\(directory.names().count)"
        let copy = JournalDirectory(path: directory.path(name))
        try copy.prepare()
        let source = try #require(life.place.visiblePath.split(separator: "/").dropLast().last)
        for file in directory.names(in: String(source)) {
            let bytes = try #require(directory.read("\(source)/\(file)"))
            directory.write(bytes, to: "\(name)/\(file)")
        }
        return try Life(copy, clock: clock, facilities: facilities, step: step)
    }

    @Test func `a sensor goes on where it was`() throws {
        let before = try Life(place, clock: clock)
        fill(before)
        let after = try reopened(before)
        after.send("b/state", #"{"s":"open"}"#)
        after.send("b/level", #"{"o":50}"#)
        clock.advance(.seconds(60))
        after.send("b/count/north", #"{"in":9,"out":11}"#)
        #expect(after.occupied(1) == 55)
        after.send("b/numbered", #"{"n":44}"#)
        #expect(after.occupied(1) == 55)
        after.send("b/numbered", #"{"n":43}"#)
        #expect(after.occupied(1) == 56)
        #expect(after.incidents.all.map(\.incident) == [.repeatedMessage])
    }

    @Test func `a message that was committed is recognised afterwards`() throws {
        let before = try Life(place, clock: clock)
        before.ingest.connected(sessionPresent: false)
        for _ in 0..<20 { before.send("a/gate", #"{"in":1,"out":0}"#) }
        let after = try reopened(before)
        after.ingest.connected(sessionPresent: true)
        for identifier: UInt16 in 11...22 {
            after.receive("a/gate", #"{"in":1,"out":0}"#, again: identifier)
        }
        after.ingest.commit()
        #expect(after.occupied() == 22)
        #expect(after.tally.redelivered == 10)
    }

    @Test func `a session that began anew is remembered before its first message`() throws {
        let before = try Life(place, clock: clock)
        before.ingest.connected(sessionPresent: false)
        before.send("a/gate", #"{"in":1,"out":0}"#)
        before.ingest.connected(sessionPresent: false)
        let after = try reopened(before)
        after.ingest.connected(sessionPresent: true)
        after.receive("a/gate", #"{"in":1,"out":0}"#, again: 1)
        after.ingest.commit()
        #expect(after.occupied() == 2)
    }

    @Test func `hysteresis survives`() throws {
        let before = try Life(place, clock: clock)
        before.send("a/level", #"{"o":100}"#)
        before.send("a/level", #"{"o":97}"#)
        #expect(before.state()[0].band == .full)
        let after = try reopened(before)
        #expect(after.state()[0].band == .full)
        after.send("a/level", #"{"o":94}"#)
        #expect(after.state()[0].band == .almostFull)
    }

    @Test func `silence goes on through a restart of the machine`() throws {
        let before = try Life(place, clock: clock)
        before.send("a/level", #"{"o":1}"#)
        clock.advance(.seconds(600))
        clock.reboot()
        let after = try reopened(before)
        let heard = try #require(after.occupancy.heard(0))
        #expect(clock.now.monotonicMilliseconds - heard == 600_000)
        // A clock that begins in 1970 makes nobody silent.
        clock.setWall(0)
        let early = try reopened(after)
        #expect(early.occupancy.heard(0) == clock.now.monotonicMilliseconds)
        #expect(early.occupied() == 1)
    }

    @Test func `a checkpoint in between changes nothing`() throws {
        var limits = OccupancyJournal.Limits()
        limits.batchBytes = 500
        let folded = try Life(place, clock: clock, limits: limits)
        fill(folded)
        #expect(folded.journal.health.checkpoints > 10)
        let (state, history) = (folded.state(), folded.history(1))
        let after = try reopened(folded)
        #expect(after.state() == state)
        #expect(after.history(1) == history)
        #expect(after.occupancy.bays.recount(facility: 0) == 100)
    }

    @Test func `facilities may change their order, leave and come back`() throws {
        let before = try Life(place, clock: clock)
        fill(before)
        let state = before.state()
        let without = try reopened(before, facilities: ["c", "b"])
        #expect(without.report.absentFacilities == ["a"])
        #expect(without.occupied(0) == nil)
        #expect(without.state()[1] == state[1])
        without.send("c/bay/7", #"{"o":true}"#)
        let back = try reopened(without, facilities: ["b", "a", "c"])
        #expect(back.report.absentFacilities == [])
        #expect(back.state()[0] == state[1])
        #expect(back.state()[1] == state[0])
        #expect(back.occupied(2) == 1)
        #expect(back.occupancy.bays.recount(facility: 1) == 100)
    }

    @Test func `smaller limits leave out what has no room, and are no damage`() throws {
        let before = try Life(place, clock: clock)
        for lane in 0..<5 {
            before.send("a/count/\(lane)", #"{"in":0,"out":0}"#)
            before.send("a/count/\(lane)", #"{"in":1,"out":0}"#)
        }
        before.journal.close()
        let after = try Life(before.place, clock: clock, sensors: 3)
        #expect(after.report.leftOut == 2)
        #expect(after.report.damage == nil)
        #expect(after.occupied() == 5)
        after.journal.close()
        let again = try Life(before.place, clock: clock)
        #expect(again.report.leftOut == 0)
        #expect(again.occupancy.counters.count == 3)
    }

    @Test func `another step of the history begins it anew, and leaves the counts`() throws {
        let before = try Life(place, clock: clock)
        fill(before)
        before.journal.close()
        let after = try reopened(before, step: 30_000)
        #expect(after.report.droppedHistory)
        #expect(after.history(1).allSatisfy { $0 == nil })
        #expect(after.state() == before.state())
    }

    @Test func `old history makes room for new in the file as well`() throws {
        let life = try Life(place, clock: clock)
        for _ in 0..<40 {
            life.send("a/gate", #"{"in":1,"out":0}"#)
            clock.advance(.seconds(7200))
        }
        life.journal.close()
        let journal = try Journal(place)
        var pages = 0
        #expect(try journal.readPages(.history) { _, _ in pages += 1 } == 0)
        #expect(pages <= (1440 + 63) / 64)
        try journal.close()
    }

    @Test func `what nobody was promised is written by the next tick`() throws {
        let before = try Life(place, clock: clock)
        before.hear("a/gate", #"{"in":3,"out":0}"#)
        #expect(before.occupied() == 3)
        #expect(try reopened(before).occupied() == nil)
        before.journal.tick()
        #expect(try reopened(before).occupied() == 3)
    }

    @Test func `filters belong to the session`() throws {
        let before = try Life(place, clock: clock)
        before.journal.keepFilters(["a/#", "b/+"], session: "test")
        let after = try reopened(before)
        #expect(after.journal.filters(session: "test") == ["a/#", "b/+"])
        #expect(after.journal.filters(session: "other").isEmpty)
    }
}
