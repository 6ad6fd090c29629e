public import Ingest
public import Journal
public import Occupancy
public import Parking
import Synchronization

/// How the journal is, for the log, the status and the feed.
public struct JournalHealth: Equatable, Sendable {
    /// What is wrong now; nil while everything that is counted is durable.
    public var trouble: JournalError?
    /// Since when; nil while nothing is wrong.
    public var troubleBegan: Moment?
    /// How often it began to be in trouble since the process did.
    public var outages = 0
    /// The batches made durable.
    public var commits = 0
    /// The checkpoints made.
    public var checkpoints = 0

    /// Whether what is counted would survive a crash.
    public var isDurable: Bool { trouble == nil }

    /// A journal of which nothing is known yet.
    public init() {}
}

/// The journal of a live occupancy: batches before they count, checkpoints, recovery, and going on without a disk.
///
/// **Order.** A batch is written, then applied, under one lock: the batches of several brokers take turns, so the journal has them in the order
/// in which they counted, and a checkpoint is of a moment between two of them. Readers of the occupancy take no lock.
///
/// **Trouble.** When the journal can't be written, batches are applied and acknowledged all the same: a broker's queue is shorter than an
/// outage. Attempts to open it anew pause for 1 s up to 60 s; the first that succeeds writes everything in one checkpoint.
///
/// **QoS 0.** A batch in which nobody waits for an acknowledgement counts at once, and is written with the next that does, or by
/// the next ``tick()``.
///
/// **Threads.** Any. The lock is held while the disk writes: it is meant for those who must wait for the disk anyway.
public final class OccupancyJournal: Sendable {
    let occupancy: LiveOccupancy
    private let place: any JournalPlace
    private let clock: @Sendable () -> Moment
    private let limits: Limits
    private let state: Mutex<State>
    private let published = Mutex(JournalHealth())

    /// When a journal is folded, and how long it waits.
    public struct Limits: Sendable {
        /// The bytes of batches after which a checkpoint folds them.
        public var batchBytes = 4 << 20
        /// The bytes that may wait for a commit because nobody is promised anything.
        public var pendingBytes = 64 << 10
        /// The longest time that batches stay unfolded, once ``OccupancyJournal/tick()`` is called.
        public var checkpointMilliseconds: Int64 = 300_000
        /// The first and the longest pause between two attempts to open a journal anew.
        public var retryMilliseconds: ClosedRange<Int64> = 1000...60_000

        /// The limits of this house.
        public init() {}
    }

    private struct State {
        /// nil while it can't be written.
        var journal: (any JournalStore)?
        /// Which file that is.
        var identity: UInt64?
        var register: FacilityRegister
        var sessions: [String: SessionRecord]
        var touched: Touched
        /// Readings that were applied and are not in the journal yet.
        var pending: [UInt8] = []
        var batchBytes = 0
        var stored = CheckpointPages.NameCounts()
        var checkpointed: Moment
        var retryIsDue: Int64 = .min
        var retryPause: Int64 = 0
        var health = JournalHealth()
    }

    /// Opens the journal, brings the occupancy back from it, and folds what it finds.
    ///
    /// A damaged journal is set aside under another name, after what can be read was read; the report says so. A disk on which no journal
    /// can be made or written is no reason not to begin: ``health`` tells.
    ///
    /// - Parameters:
    ///   - facilities: The identifiers of the occupancy's facilities, in their order.
    ///   - counted: The parts that something gives a count of their own: those of others are kept, and not used. Nil leaves all as they are.
    /// - Throws: What is for a person to put right first: the journal is another process's, a newer version's, or exists and may not be
    ///   read. To begin without it would end in overwriting it.
    public static func open(
        _ place: any JournalPlace,
        occupancy: LiveOccupancy,
        facilities: [FacilityIdentifier],
        counted: Set<Int>? = nil,
        limits: Limits = Limits(),
        clock: @escaping @Sendable () -> Moment
    ) throws(JournalError) -> (journal: OccupancyJournal, report: RecoveryReport) {
        let now = clock()
        var recovery = Recovery(
            into: occupancy,
            configured: occupancy.identifiers(facilities),
            counted: counted,
            at: now
        )
        let opened = try Opening(place: place, now: now).open(&recovery)
        let journal = OccupancyJournal(
            occupancy: occupancy,
            place: place,
            clock: clock,
            limits: limits,
            recovery: recovery,
            opened: opened
        )
        return (journal, recovery.report)
    }

    private init(
        occupancy: LiveOccupancy,
        place: any JournalPlace,
        clock: @escaping @Sendable () -> Moment,
        limits: Limits,
        recovery: Recovery,
        opened: Opening.Result
    ) {
        self.occupancy = occupancy
        self.place = place
        self.clock = clock
        self.limits = limits
        state = Mutex(
            State(
                journal: opened.journal,
                identity: place.identity,
                register: recovery.register,
                sessions: recovery.sessions,
                touched: recovery.touched,
                checkpointed: recovery.now
            )
        )
        state.withLock { state in
            if let error = opened.trouble {
                fail(&state, error)
            } else if opened.isFresh || recovery.isRenumbered || recovery.hasSettled {
                checkpoint(&state, isFull: true)
            } else {
                state.stored = recovery.storedNames
                if recovery.report.batches > 0 { checkpoint(&state, isFull: false) }
            }
        }
    }

    /// How the journal is.
    ///
    /// Never waits for the disk.
    public var health: JournalHealth { published.withLock { $0 } }

    // MARK: Sessions

    /// The log of one session's batches.
    ///
    /// - Parameter name: Names the broker and us there; the same from start to start.
    public func log(session name: String) -> SessionLog { SessionLog(journal: self, name: name) }

    /// The deliveries of a session before this process, by which redelivered ones are recognised.
    public func window(session name: String) -> DeliveryWindow {
        state.withLock { DeliveryWindow($0.sessions[name]?.marks ?? DeliveryMarks()) }
    }

    /// The topic filters that the broker may have of a session.
    public func filters(session name: String) -> [String] {
        state.withLock { $0.sessions[name]?.filters ?? [] }
    }

    /// Keeps which topic filters the broker may have of a session.
    ///
    /// To be called with those that will be asked for before they are, and without those that were given up after they are.
    public func keepFilters(_ filters: [String], session name: String) {
        state.withLock { state in
            guard state.sessions[name]?.filters != filters else { return }
            state.sessions[name, default: SessionRecord()].filters = filters
            if state.journal != nil { checkpoint(&state, isFull: false) }
        }
    }

    // MARK: Batches

    fileprivate func commit(
        _ batch: borrowing Batch,
        session name: String,
        apply: (inout Touched) -> Void
    ) {
        state.withLock { state in
            if state.journal != nil {
                if batch.isPromised {
                    append(
                        &state,
                        JournalBatch(
                            session: name,
                            deliveries: DeliveryMarks.bytes(batch.deliveries),
                            records: state.pending + batch.records
                        )
                    )
                } else {
                    state.pending += batch.records
                }
            }
            apply(&state.touched)
            for mark in batch.deliveries {
                state.sessions[name, default: SessionRecord()].marks.append(mark)
            }
            if state.journal == nil {
                retry(&state)
            } else if state.batchBytes >= limits.batchBytes {
                checkpoint(&state, isFull: false)
            } else if state.pending.count >= limits.pendingBytes {
                writePending(&state)
            }
        }
    }

    fileprivate func sessionBegan(_ name: String) {
        state.withLock { state in
            state.sessions[name, default: SessionRecord()].marks = DeliveryMarks()
            guard state.journal != nil else { return }
            // At once: when its first message is under way, nothing of the session before may be taken for it.
            append(
                &state,
                JournalBatch(session: name, beginsSession: true, records: state.pending)
            )
        }
    }

    // MARK: Time

    /// Does what is due: writes what waits, folds what is old, tries to open a journal that was in trouble.
    ///
    /// To be called about once a second, from a thread that may wait for the disk.
    public func tick() {
        state.withLock { state in
            guard state.journal != nil else { return retry(&state) }
            guard place.identity == state.identity else {
                let text = "it was removed or replaced"
                return fail(&state, .failed(path: place.visiblePath, text))
            }
            let age = clock().monotonicMilliseconds - state.checkpointed.monotonicMilliseconds
            if state.touched.readings > 0, age >= limits.checkpointMilliseconds {
                checkpoint(&state, isFull: false)
            } else {
                writePending(&state)
            }
        }
    }

    /// Folds what is left and closes the file; what is counted afterwards is lost.
    public func close() {
        state.withLock { state in
            if state.journal == nil {
                state.retryIsDue = .min
                retry(&state)
            } else if state.touched.readings > 0 {
                checkpoint(&state, isFull: false)
            }
            do throws(JournalError) {
                try state.journal?.close()
            } catch {
                fail(&state, error)
            }
            state.journal = nil
            state.retryIsDue = .max
        }
    }

    // MARK: Inside

    private func append(_ state: inout State, _ batch: JournalBatch) {
        do throws(JournalError) {
            try state.journal?.append(batch)
            state.pending.removeAll(keepingCapacity: true)
            state.batchBytes += batch.deliveries.count + batch.records.count
            state.health.commits += 1
            publish(state)
        } catch {
            fail(&state, error)
        }
    }

    private func writePending(_ state: inout State) {
        guard !state.pending.isEmpty else { return }
        append(&state, JournalBatch(records: state.pending))
    }

    private func checkpoint(_ state: inout State, isFull: Bool) {
        let now = clock()
        let pages = CheckpointPages(
            occupancy: occupancy,
            register: state.register,
            touched: isFull ? nil : state.touched,
            stored: state.stored,
            now: now
        )
        let sessions = state.sessions
        do throws(JournalError) {
            try state.journal?.checkpoint(isFull: isFull) { writer in
                try pages.write(to: writer)
                for (name, session) in sessions.sorted(by: { $0.key < $1.key }) {
                    try writer.put(session.stored, name: name)
                }
            }
        } catch {
            return fail(&state, error)
        }
        state.touched = Touched(occupancy)
        state.pending.removeAll(keepingCapacity: true)
        state.batchBytes = 0
        state.stored = CheckpointPages.NameCounts(occupancy)
        state.checkpointed = now
        state.health.checkpoints += 1
        publish(state)
    }

    /// Goes on without a journal.
    private func fail(_ state: inout State, _ error: JournalError) {
        // After an error nothing that the file says of itself is believed: it is opened anew.
        try? state.journal?.close()
        state.journal = nil
        state.pending.removeAll()
        let now = clock()
        if state.health.trouble == nil {
            state.health.outages += 1
            state.health.troubleBegan = now
            state.retryPause = limits.retryMilliseconds.lowerBound
        } else {
            state.retryPause = min(state.retryPause * 2, limits.retryMilliseconds.upperBound)
        }
        state.health.trouble = error
        state.retryIsDue = now.monotonicMilliseconds + state.retryPause
        publish(state)
    }

    private func retry(_ state: inout State) {
        guard clock().monotonicMilliseconds >= state.retryIsDue else { return }
        do throws(JournalError) {
            state.journal = try Opening(place: place, now: clock()).reopen()
            state.identity = place.identity
        } catch {
            return fail(&state, error)
        }
        checkpoint(&state, isFull: true)
        guard state.journal != nil else { return }
        state.health.trouble = nil
        state.health.troubleBegan = nil
        publish(state)
    }

    private func publish(_ state: State) {
        let health = state.health
        published.withLock { $0 = health }
    }
}

extension LiveOccupancy {
    /// The identifiers of all parts, of which the facilities have these.
    fileprivate func identifiers(_ facilities: [FacilityIdentifier]) -> [String] {
        precondition(facilities.count == facilityCount)
        return facilities.map(\.text) + (facilityCount..<parts.count).map(parts.identifier)
    }
}

/// The log of one session's batches.
///
/// **Threads.** The one of the session's ingest.
public final class SessionLog: CommitLog {
    private let journal: OccupancyJournal
    private let name: String

    init(journal: OccupancyJournal, name: String) {
        self.journal = journal
        self.name = name
    }

    /// Makes a batch durable, then applies it.
    public func commit(_ batch: borrowing Batch, apply: (inout Touched) -> Void) {
        journal.commit(batch, session: name, apply: apply)
    }

    /// Durably forgets what was delivered in the session before.
    public func sessionBegan() { journal.sessionBegan(name) }
}
