import Ingest
import Journal
import Occupancy
import Parking

/// What a journal holds of an occupancy beyond the configured facilities' share: read once, written with every full
/// checkpoint.
struct FacilityRegister: Equatable {
    /// The configured facilities, then those that the configuration no longer has but that may come back.
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
                facility < occupancy.facilityCount
                    ? occupancy.image(of: facility, at: now)
                    : register.absent[facility - occupancy.facilityCount]
            }
            try writer.put(PagePlace(.facilities, Int64(page)), PageCoding.facilities(images))
        }
    }

    private func writeBays(_ writer: borrowing Journal.CheckpointWriter) throws {
        let size = Touched.PageSize.bays
        let count = occupancy.bays.count
        for page in newNames(from: stored.bays, to: count, size: size) {
            let names = range(page, size, count).map { bay in
                occupancy.withName(ofBay: bay, Self.name)
            }
            try writer.put(PagePlace(.bayNames, Int64(page)), PageCoding.names(names))
        }
        for page in pages(touched?.bays, count: count, size: size) {
            let words = range(page, size, count).map { occupancy.image(ofBay: $0) }
            try writer.put(PagePlace(.bays, Int64(page)), PageCoding.words(words))
        }
    }

    private func writeCounters(_ writer: borrowing Journal.CheckpointWriter) throws {
        let size = Touched.PageSize.sensors
        let count = occupancy.counters.count
        for page in newNames(from: stored.counters, to: count, size: size) {
            let names = range(page, size, count).map { sensor in
                occupancy.withName(ofCounter: sensor, Self.name)
            }
            try writer.put(PagePlace(.counterNames, Int64(page)), PageCoding.names(names))
        }
        for page in pages(touched?.counters, count: count, size: size) {
            let words = range(page, size, count).map { occupancy.image(ofCounter: $0) }
            try writer.put(PagePlace(.counters, Int64(page)), PageCoding.pairs(words))
        }
    }

    private func writeSequences(_ writer: borrowing Journal.CheckpointWriter) throws {
        let size = Touched.PageSize.sensors
        let count = occupancy.sequences.count
        for page in newNames(from: stored.sequences, to: count, size: size) {
            let names = range(page, size, count).map { sensor in
                occupancy.sequences.withName(of: sensor, Self.name)
            }
            try writer.put(PagePlace(.sequenceNames, Int64(page)), PageCoding.names(names))
        }
        for page in pages(touched?.sequences, count: count, size: size) {
            let words = range(page, size, count).map { occupancy.image(ofSequence: $0) }
            try writer.put(PagePlace(.sequences, Int64(page)), PageCoding.pairs(words))
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
