import Journal
import LinuxSystem
import Occupancy
import Parking
import Persistence

/// How long a journal of a million bays takes to be opened, checked and read, until the first feed could be published.
func measureRecovery(in directory: String) throws -> [Figure] {
    let place = JournalDirectory(path: directory)
    let facilities = (0..<MillionBays.facilities).map { number in
        guard let identifier = FacilityIdentifier("facility-\(number)") else {
            fatalError("facility-\(number) is no identifier")
        }
        return identifier
    }
    let written = MillionBays.empty()
    MillionBays.fill(written, at: .now())
    let begin = SystemClock.monotonicNanoseconds()
    // A new journal is written whole.
    try open(place, written, facilities).close()
    let checkpointed = SystemClock.monotonicNanoseconds()
    let figures = try (0..<5).map { _ in
        let read = MillionBays.empty()
        let begin = SystemClock.monotonicNanoseconds()
        let journal = try open(place, read, facilities)
        let end = SystemClock.monotonicNanoseconds()
        precondition(read.counts(of: 7).occupied == written.counts(of: 7).occupied)
        precondition(read.bays.count == written.bays.count)
        journal.close()
        return Double(end - begin) / 1e6
    }
    return [
        Figure(name: "checkpoint_milliseconds", value: Double(checkpointed - begin) / 1e6),
        Figure(name: "recovery_milliseconds", value: median(figures)),
    ]
}

private func open(
    _ place: JournalDirectory,
    _ occupancy: LiveOccupancy,
    _ facilities: [FacilityIdentifier]
) throws -> OccupancyJournal {
    let (journal, report) = try OccupancyJournal.open(
        place,
        occupancy: occupancy,
        facilities: facilities,
        clock: { .now() }
    )
    precondition(report.damage == nil && journal.health.isDurable, "\(report)")
    return journal
}
