import Journal
import Occupancy
import Parking

/// Opens a journal, whatever state it is in.
struct Opening {
    let place: any JournalPlace
    let now: Moment

    /// What came of it.
    struct Result {
        /// nil where the disk doesn't let us have one now.
        var journal: (any JournalStore)?
        var trouble: JournalError?
        /// Whether it is a new one: the old one was set aside.
        var isFresh = false
    }

    /// Opens the journal at start-up and reads it.
    ///
    /// - Throws: What is for a person to put right first.
    func open(_ recovery: inout Recovery) throws(JournalError) -> Result {
        let damage: JournalError
        var trouble: JournalError?
        do throws(JournalError) {
            try place.prepare()
            // Where that fails the journal may be read, and not be written to.
            do throws(JournalError) { try place.renewLog() } catch { trouble = error }
            let journal = try place.open(isChecked: true)
            if trouble == nil { foldAsWritten(journal, recovery) }
            guard let problem = recovery.read(journal) else {
                guard recovery.report.unreadable == 0 else {
                    close(journal)
                    return replace(
                        &recovery,
                        .damaged(path: place.visiblePath, "digests do not match")
                    )
                }
                guard let trouble else {
                    return Result(journal: journal, isFresh: recovery.isNew)
                }
                close(journal)
                return Result(trouble: trouble)
            }
            close(journal)
            // The check has just read all of it: a read that fails now may succeed the next time.
            if case .failed = problem { throw problem }
            damage = problem
        } catch {
            switch error {
            case .inUse, .newer, .foreign, .forbidden, .failed: throw error
            // There was none yet, or it could be read and this would not have been thrown.
            case .full: return Result(trouble: error)
            case .damaged: damage = error
            }
            // What the check complains about may be a small part of it.
            if let journal = try? place.open(isChecked: false) {
                _ = recovery.read(journal)
                close(journal)
            }
        }
        return replace(&recovery, damage)
    }

    /// Folds the batches of a journal under the facilities that it was written for, where those are others now: what they
    /// say of a facility that left the configuration is then in its pages, and comes back with it.
    ///
    /// Where that fails the disk is in trouble, or the journal is damaged: both are noticed by what follows.
    private func foldAsWritten(_ journal: any JournalStore, _ recovery: Recovery) {
        guard let written = try? WrittenUnder(journal),
            let step = written.stepMilliseconds, let stepCount = written.stepCount,
            written.identifiers != recovery.register.identifiers
        else { return }
        let parts = FacilityParts(identifiers: written.identifiers)
        let identifiers = (0..<parts.count).map(parts.identifier)
        let occupancy = LiveOccupancy(
            like: recovery.occupancy,
            parts: parts,
            history: HistoryShape(stepMilliseconds: step, stepCount: stepCount),
            silences: identifiers[..<parts.facilityCount].map(recovery.baySilence)
        )
        var former = Recovery(into: occupancy, configured: identifiers, at: now)
        guard former.read(journal) == nil, former.report.unreadable == 0,
            former.report.batches > 0
        else { return }
        let pages = CheckpointPages(
            occupancy: occupancy,
            register: former.register,
            touched: former.isRenumbered ? nil : former.touched,
            stored: former.storedNames,
            now: now
        )
        try? journal.checkpoint(isFull: former.isRenumbered) { writer in
            try pages.write(to: writer)
            for (name, session) in former.sessions { try writer.put(session.stored, name: name) }
        }
    }

    /// Opens the journal again after trouble; all that is known will be written anew.
    func reopen() throws(JournalError) -> any JournalStore {
        try place.prepare()
        try place.renewLog()
        do throws(JournalError) {
            return try place.open(isChecked: true)
        } catch {
            guard case .damaged = error else { throw error }
            _ = try place.setAside(suffix: suffix)
            return try open()
        }
    }

    /// Opens a journal in the place of one that was set aside.
    private func open() throws(JournalError) -> any JournalStore {
        try place.prepare()
        return try place.open(isChecked: true)
    }

    /// Sets a damaged journal aside and begins a new one.
    private func replace(_ recovery: inout Recovery, _ damage: JournalError) -> Result {
        recovery.report.damage = damage
        do throws(JournalError) {
            recovery.report.setAside = try place.setAside(suffix: suffix)
            return Result(journal: try open(), isFresh: true)
        } catch {
            return Result(trouble: error)
        }
    }

    /// A journal that is given up has nothing left to lose.
    private func close(_ journal: any JournalStore) { try? journal.close() }

    private var suffix: String { "damaged-\(RFC3339.text(now.wallMilliseconds))" }
}
