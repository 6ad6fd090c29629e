import Ingest
import Journal
import Occupancy
import Parking

/// What a journal holds of an occupancy beyond the configured facilities' share: read once, written with every full
/// checkpoint.
struct FacilityRegister: Equatable {
    /// The configured facilities and their parts, by number, then those that the configuration no longer has but that may come back.
    var identifiers: [String]
    /// What is known of those that the configuration no longer has.
    var absent: [FacilityImage] = []
}

/// Writes the pages of a checkpoint.
struct CheckpointPages {
    let occupancy: LiveOccupancy
    let register: FacilityRegister
    /// The touched ones alone; nil writes all.
    let touched: Touched?
    /// How many names the journal has already.
    let stored: NameCounts
    let now: Moment

    /// How many names a journal has of each table.
    struct NameCounts: Equatable {
        var bays = 0
        var counters = 0
        var sequences = 0

        init() {}

        init(_ occupancy: LiveOccupancy) {
            bays = occupancy.bays.count
            counters = occupancy.counters.count
            sequences = occupancy.sequences.count
        }
    }

    func write(to writer: borrowing Journal.CheckpointWriter) throws {
        if touched == nil { try writeRegister(writer) }
        try writeFacilities(writer)
        try writeBays(writer)
        try writeCounters(writer)
        try writeSequences(writer)
        try writeHistory(writer)
    }

    private func writeRegister(_ writer: borrowing Journal.CheckpointWriter) throws {
        let shape = occupancy.historyShape
        try writer.put(
            PagePlace(.settings, 0),
            PageCoding.words([UInt64(shape.stepMilliseconds), UInt64(shape.stepCount)])
        )
        let names = register.identifiers.map { (Array($0.utf8), 0) }
        try writer.put(PagePlace(.facilityNames, 0), PageCoding.names(names))
    }

    private func writeFacilities(_ writer: borrowing Journal.CheckpointWriter) throws {
        let size = Touched.PageSize.facilities
        for page in pages(touched?.facilities, count: register.identifiers.count, size: size) {
            let images = range(page, size, register.identifiers.count).map { facility in
                facility < occupancy.parts.count
                    ? occupancy.image(of: facility, at: now)
                    : register.absent[facility - occupancy.parts.count]
            }
            try writer.put(PagePlace(.facilities, Int64(page)), PageCoding.facilities(images))
        }
    }

    private func writeBays(_ writer: borrowing Journal.CheckpointWriter) throws {
        try writeTable(
            writer,
            (.bayNames, .bays),
            touched?.bays,
            (stored.bays, occupancy.bays.count),
            size: Touched.PageSize.bays,
            name: { occupancy.withName(ofBay: $0, Self.name) },
            words: { bays in PageCoding.words(bays.map { occupancy.image(ofBay: $0) }) }
        )
    }

    private func writeCounters(_ writer: borrowing Journal.CheckpointWriter) throws {
        try writeTable(
            writer,
            (.counterNames, .counters),
            touched?.counters,
            (stored.counters, occupancy.counters.count),
            size: Touched.PageSize.sensors,
            name: { occupancy.withName(ofCounter: $0, Self.name) },
            words: { PageCoding.pairs($0.map { occupancy.image(ofCounter: $0) }) }
        )
    }

    private func writeSequences(_ writer: borrowing Journal.CheckpointWriter) throws {
        try writeTable(
            writer,
            (.sequenceNames, .sequences),
            touched?.sequences,
            (stored.sequences, occupancy.sequences.count),
            size: Touched.PageSize.sensors,
            name: { occupancy.sequences.withName(of: $0, Self.name) },
            words: { PageCoding.pairs($0.map { occupancy.image(ofSequence: $0) }) }
        )
    }

    /// Writes the names that a table has got, and the words that were touched.
    ///
    /// - Parameter counts: How many names the journal has, and how many there are.
    private func writeTable(
        _ writer: borrowing Journal.CheckpointWriter,
        _ kinds: (names: PagePlace.Kind, words: PagePlace.Kind),
        _ touched: Touched.Pages?,
        _ counts: (stored: Int, now: Int),
        size: Int,
        name: (Int) -> PageCoding.Name,
        words: (Range<Int>) -> [UInt8]
    ) throws {
        for page in newNames(from: counts.stored, to: counts.now, size: size) {
            let names = range(page, size, counts.now).map(name)
            try writer.put(PagePlace(kinds.names, Int64(page)), PageCoding.names(names))
        }
        for page in pages(touched, count: counts.now, size: size) {
            try writer.put(
                PagePlace(kinds.words, Int64(page)),
                words(range(page, size, counts.now))
            )
        }
    }

    private func writeHistory(_ writer: borrowing Journal.CheckpointWriter) throws {
        let size = Touched.PageSize.steps
        let stepCount = occupancy.historyShape.stepCount
        let perFacility = (stepCount + size - 1) / size
        let all = occupancy.facilityCount * perFacility
        for number in pages(touched?.history, count: all, size: 1) {
            let (facility, page) = number.quotientAndRemainder(dividingBy: perFacility)
            let slots = range(page, size, stepCount).map { place in
                occupancy.image(ofHistory: facility, place: place)
            }
            guard slots.contains(where: { $0 != nil }) else { continue }
            try writer.put(
                PagePlace(historyPage: page, facility: facility),
                PageCoding.history(slots)
            )
        }
    }

    // MARK: Numbers of pages

    private func pages(_ touched: Touched.Pages?, count: Int, size: Int) -> [Int] {
        touched?.all ?? Array(0..<(count + size - 1) / size)
    }

    /// The pages with names that the journal doesn't have.
    private func newNames(from stored: Int, to count: Int, size: Int) -> Range<Int> {
        let first = touched == nil ? 0 : stored
        guard count > first else { return 0..<0 }
        return first / size..<(count + size - 1) / size
    }

    private func range(_ page: Int, _ size: Int, _ count: Int) -> Range<Int> {
        page * size..<min(count, (page + 1) * size)
    }

    private static func name(_ bytes: Span<UInt8>, _ facility: Int) -> PageCoding.Name {
        (bytes.indices.map { bytes[$0] }, facility)
    }
}
