import ByteCoding
import Ingest
public import Journal
import Occupancy
import Parking

/// What was found in a journal.
public struct RecoveryReport: Equatable, Sendable {
    /// The batches since the last checkpoint.
    public var batches = 0
    /// The bays of all facilities.
    public var bays = 0
    /// Facilities, and parts of some, that the configuration no longer has; their counts are kept.
    public var absentFacilities: [String] = []
    /// Whether histories were left behind, since `history.step` is another than it was.
    public var droppedHistory = false
    /// The parts whose counts of their own were put aside, since no rule gives them any more.
    public var countsAside: [String] = []
    /// Bays and sensors for which `limits.bays` or `limits.sensors` leave no room.
    public var leftOut = 0
    /// Pages, batches and sessions that could not be read.
    public var unreadable = 0
    /// What a damaged journal is called now.
    public var setAside: String?
    /// What was wrong with it.
    public var damage: JournalError?

    /// Nothing found.
    public init() {}
}

/// Brings an occupancy back from a journal.
struct Recovery {
    let occupancy: LiveOccupancy
    /// The identifiers of the occupancy's parts, by their numbers.
    let configured: [String]
    /// The parts that some rule gives a count of their own; nil leaves all counts as they are.
    let counted: Set<Int>?
    let now: Moment

    var report = RecoveryReport()
    private(set) var register: FacilityRegister
    private(set) var sessions: [String: SessionRecord] = [:]
    private(set) var touched: Touched
    /// How many names the pages have; those of the batches come on top.
    private(set) var storedNames = CheckpointPages.NameCounts()
    /// Whether the journal's pages are no longer where they would be written now.
    private(set) var isRenumbered = false
    /// Whether counts were put aside or taken up: what follows must not be read under the others.
    private(set) var hasSettled = false
    /// Whether the journal was never written to.
    private(set) var isNew = true

    private var written: WrittenUnder?
    /// The number of each stored facility or part as of now.
    private var facilities: [Int] = []

    init(
        into occupancy: LiveOccupancy,
        configured: [String],
        counted: Set<Int>? = nil,
        at now: Moment
    ) {
        self.occupancy = occupancy
        self.configured = configured
        self.counted = counted
        self.now = now
        register = FacilityRegister(identifiers: configured)
        touched = Touched(occupancy)
    }

    /// Reads everything that is readable, once.
    ///
    /// - Returns: What was in the way, if anything: what is damaged ends its kind of page, and not the recovery.
    mutating func read(_ journal: any JournalStore) -> JournalError? {
        var problem: JournalError?
        func attempt(_ part: (inout Recovery, any JournalStore) throws(JournalError) -> Void) {
            do throws(JournalError) {
                try part(&self, journal)
            } catch {
                problem = problem ?? error
                report.unreadable += 1
            }
        }
        attempt { (self, journal) throws(JournalError) in try self.readRegister(journal) }
        attempt { (self, journal) throws(JournalError) in try self.readFacilities(journal) }
        attempt { (self, journal) throws(JournalError) in try self.readBays(journal) }
        attempt { (self, journal) throws(JournalError) in try self.readCounters(journal) }
        attempt { (self, journal) throws(JournalError) in try self.readSequences(journal) }
        attempt { (self, journal) throws(JournalError) in try self.readHistory(journal) }
        attempt { (self, journal) throws(JournalError) in try self.readSessions(journal) }
        storedNames = CheckpointPages.NameCounts(occupancy)
        attempt { (self, journal) throws(JournalError) in try self.readBatches(journal) }
        if let counted { settle(counted) }
        occupancy.finishRestoring(at: now)
        report.bays = occupancy.bays.count
        return problem
    }

    private mutating func settle(_ counted: Set<Int>) {
        let (aside, taken) = occupancy.settleCounts(counted)
        report.countsAside = aside.map { configured[$0] }
        hasSettled = !aside.isEmpty || !taken.isEmpty
    }

    // MARK: Facilities

    /// How long a bay of this facility may not be heard, as far as the configuration knows it.
    func baySilence(_ identifier: String) -> Duration? {
        configured[..<occupancy.facilityCount].firstIndex(of: identifier)
            .flatMap { occupancy.baySilence(of: $0) }
    }

    private mutating func readRegister(_ journal: any JournalStore) throws(JournalError) {
        let written = try WrittenUnder(journal)
        self.written = written
        report.unreadable += written.unreadable
        let (stored, step) = (written.identifiers, written.stepMilliseconds)
        isNew = step == nil
        let places = Dictionary(
            uniqueKeysWithValues: configured.enumerated().map { ($0.element, $0.offset) }
        )
        let absent = stored.filter { places[$0] == nil }
        register.identifiers = configured + absent
        register.absent = absent.map { _ in FacilityImage() }
        report.absentFacilities = absent
        var formerZones: [Int: [Int]] = [:]
        for (offset, identifier) in absent.enumerated() {
            let names = identifier.split(separator: "/", omittingEmptySubsequences: false)
            guard names.count == 2, let facility = places[String(names[0])] else { continue }
            formerZones[facility, default: []].append(configured.count + offset)
        }
        occupancy.restoreFormerZones(formerZones)
        var next = configured.count
        facilities = stored.map { identifier in
            if let place = places[identifier] { return place }
            defer { next += 1 }
            return next
        }
        isRenumbered = stored != register.identifiers
        let shape = occupancy.historyShape
        report.droppedHistory = step.map { $0 != shape.stepMilliseconds } ?? false
        if report.droppedHistory || written.stepCount != shape.stepCount { isRenumbered = true }
    }

    private mutating func readFacilities(_ journal: any JournalStore) throws(JournalError) {
        var images: [(stored: Int, image: FacilityImage)] = []
        var unreadable = 0
        unreadable += try journal.readPages(.facilities) { place, bytes in
            guard let page = try? PageCoding.facilities(bytes) else {
                unreadable += 1
                return
            }
            let first = Int(place.number) * Touched.PageSize.facilities
            images += page.enumerated().map { (first + $0.offset, $0.element) }
        }
        report.unreadable += unreadable
        for (stored, image) in images where stored < facilities.count {
            let facility = facilities[stored]
            if facility < occupancy.parts.count {
                occupancy.restore(image, facility: facility, at: now)
            } else {
                register.absent[facility - occupancy.parts.count] = image
            }
        }
    }

    // MARK: Bays and sensors

    private mutating func readBays(_ journal: any JournalStore) throws(JournalError) {
        let occupancy = occupancy
        let size = Touched.PageSize.bays
        let words = try readEntries(journal, .bays, PageCoding.words)
        occupancy.reserveBays(words.count * size)
        try readNames(journal, .bayNames, size: size) { page, offset, name, facility in
            let entries = words[page] ?? []
            let word = offset < entries.count ? entries[offset] : 0
            return occupancy.restoreBay(name, facility: facility, word: word)
        }
    }

    private mutating func readCounters(_ journal: any JournalStore) throws(JournalError) {
        let occupancy = occupancy
        try readSensors(journal, .counterNames, .counters) { name, facility, words in
            occupancy.restoreCounter(name, facility: facility, words: words)
        }
    }

    private mutating func readSequences(_ journal: any JournalStore) throws(JournalError) {
        let occupancy = occupancy
        try readSensors(journal, .sequenceNames, .sequences) { name, facility, words in
            occupancy.restoreSequence(name, facility: facility, words: words)
        }
    }

    private mutating func readSensors(
        _ journal: any JournalStore,
        _ nameKind: PagePlace.Kind,
        _ wordKind: PagePlace.Kind,
        _ restore: (_ name: Span<UInt8>, _ facility: Int, _ words: WordImage) -> Bool
    ) throws(JournalError) {
        let words = try readEntries(journal, wordKind, PageCoding.pairs)
        let size = Touched.PageSize.sensors
        try readNames(journal, nameKind, size: size) { page, offset, name, facility in
            let entries = words[page] ?? []
            let pair = offset < entries.count ? entries[offset] : WordImage(first: 0, second: 0)
            return restore(name, facility, pair)
        }
    }

    /// Hands over each name with its place in the journal and its facility's number as of now.
    ///
    /// - Parameter restore: Whether there was room for it.
    private mutating func readNames(
        _ journal: any JournalStore,
        _ kind: PagePlace.Kind,
        size: Int,
        _ restore: (_ page: Int, _ offset: Int, _ name: Span<UInt8>, _ facility: Int) -> Bool
    ) throws(JournalError) {
        let facilities = facilities
        var (unreadable, leftOut) = (0, 0)
        var next = 0
        var isRenumbered = false
        unreadable += try journal.readPages(kind) { place, bytes in
            let page = Int(place.number)
            // A page before this one is missing, or was not full: names get other numbers than they have there.
            if page * size != next { isRenumbered = true }
            do throws(UnreadableBytes) {
                try PageCoding.forEachName(bytes) { offset, name, stored in
                    if stored >= facilities.count {
                        unreadable += 1
                        isRenumbered = true
                    } else if !restore(page, offset, name, facilities[stored]) {
                        leftOut += 1
                        isRenumbered = true
                    }
                    next = page * size + offset + 1
                }
            } catch {
                unreadable += 1
                isRenumbered = true
            }
        }
        report.leftOut += leftOut
        report.unreadable += unreadable
        if isRenumbered { self.isRenumbered = true }
    }

    /// The entries of each page.
    private mutating func readEntries<Entry>(
        _ journal: any JournalStore,
        _ kind: PagePlace.Kind,
        _ decode: ([UInt8]) throws(UnreadableBytes) -> [Entry]
    ) throws(JournalError) -> [Int: [Entry]] {
        var entries: [Int: [Entry]] = [:]
        var unreadable = 0
        unreadable += try journal.readPages(kind) { place, bytes in
            if let page = try? decode(bytes) {
                entries[Int(place.number)] = page
            } else {
                unreadable += 1
            }
        }
        report.unreadable += unreadable
        return entries
    }

    // MARK: History

    private mutating func readHistory(_ journal: any JournalStore) throws(JournalError) {
        guard !report.droppedHistory, let stepCount = written?.stepCount else { return }
        let (occupancy, facilities, now) = (occupancy, facilities, now)
        var unreadable = 0
        unreadable += try journal.readPages(.history) { place, bytes in
            let (page, stored) = place.historyNumbers
            guard stored < facilities.count, facilities[stored] < occupancy.facilityCount else {
                return
            }
            guard let slots = try? PageCoding.history(bytes) else {
                unreadable += 1
                return
            }
            for slot in slots {
                occupancy.restoreHistory(
                    facilities[stored],
                    place: page * Touched.PageSize.steps + slot.index,
                    of: stepCount,
                    words: slot.words,
                    at: now
                )
            }
        }
        report.unreadable += unreadable
    }

    // MARK: Sessions and batches

    private mutating func readSessions(_ journal: any JournalStore) throws(JournalError) {
        var found: [String: SessionRecord] = [:]
        var unreadable = 0
        unreadable += try journal.readSessions { name, session in
            do throws(UnreadableBytes) {
                let marks = try DeliveryMarks(session.deliveries.span)
                found[name] = SessionRecord(marks: marks, filters: session.filters)
            } catch {
                unreadable += 1
                found[name] = SessionRecord(filters: session.filters)
            }
        }
        sessions = found
        report.unreadable += unreadable
    }

    private mutating func readBatches(_ journal: any JournalStore) throws(JournalError) {
        var applier = ReadingApplier(occupancy: occupancy)
        let (facilities, now) = (facilities, now)
        var (touched, sessions) = (touched, sessions)
        var (batches, unreadable) = (0, 0)
        unreadable += try journal.readBatches { batch in
            do throws(UnreadableBytes) {
                if let name = batch.session {
                    try sessions[name, default: SessionRecord()].take(batch)
                }
                try applier.apply(
                    batch.records.span,
                    facilities: facilities,
                    at: now,
                    touched: &touched
                )
                batches += 1
            } catch {
                unreadable += 1
            }
        }
        (self.touched, self.sessions) = (touched, sessions)
        report.batches = batches
        report.unreadable += unreadable
    }
}

/// The configuration that a journal was written under.
struct WrittenUnder {
    /// Its facilities and their parts, then those that it no longer had.
    private(set) var identifiers: [String] = []
    /// The step of its histories; nil where the journal was never written to.
    private(set) var stepMilliseconds: Int64?
    /// How many steps they have.
    private(set) var stepCount: Int?
    /// Pages that could not be read.
    private(set) var unreadable = 0

    init(_ journal: any JournalStore) throws(JournalError) {
        var (identifiers, words): ([String], [UInt64]) = ([], [])
        unreadable += try journal.readPages(.settings) { _, bytes in
            words = (try? PageCoding.words(bytes)) ?? []
        }
        unreadable += try journal.readPages(.facilityNames) { _, bytes in
            try? PageCoding.forEachName(bytes) { _, name, _ in
                identifiers.append(
                    String(decoding: name.indices.map { name[$0] }, as: UTF8.self)
                )
            }
        }
        self.identifiers = identifiers
        // No configuration has more steps than these: what says so is damage.
        guard words.count == 2, words[0] > 0, (1...100_000).contains(words[1]) else { return }
        stepMilliseconds = Int64(clamping: words[0])
        stepCount = Int(clamping: words[1])
    }
}

/// What belongs to a session with a broker.
struct SessionRecord: Equatable {
    /// The last messages, by which redelivered ones are recognised.
    var marks = DeliveryMarks()
    /// The topic filters that the broker may have of us.
    var filters: [String] = []

    /// Takes over the deliveries of a batch.
    mutating func take(_ batch: JournalBatch) throws(UnreadableBytes) {
        if batch.beginsSession { marks = DeliveryMarks() }
        try marks.append(batch.deliveries.span)
    }

    var stored: JournalSession {
        JournalSession(deliveries: DeliveryMarks.bytes(marks.all), filters: filters)
    }
}
