import ByteCoding
import Occupancy
import Parking

@testable import Ingest
@testable import Persistence

/// The bytes of a journal: readable ones are applied and come back as they are, others are refused; none is trusted.
struct RecordTarget: FuzzTarget {
    func run(_ input: [UInt8]) throws(Violation) {
        try checkRecords(input)
        try checkPages(input)
        if let marks = try? DeliveryMarks(input.span) {
            let again = try? DeliveryMarks(DeliveryMarks.bytes(marks.all).span)
            try require(again == marks, "other marks")
        }
    }

    private func checkRecords(_ input: [UInt8]) throws(Violation) {
        let occupancy = LiveOccupancy(
            facilityCount: 3,
            bayLimit: 8,
            sensorLimit: 8,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 16)
        )
        var touched = Touched(occupancy)
        var applier = ReadingApplier(occupancy: occupancy)
        try? applier.apply(
            input.span,
            facilities: [2, 0, 1, 3],
            at: Moment(recordedMilliseconds: 1_795_435_200_000),
            touched: &touched
        )
        try OccupancyCheck(occupancy).run()
        var reader = RecordReader()
        var writer = RecordWriter()
        while let record = try? reader.next(in: input.span) {
            writer.append(
                record,
                name: input.span.extracting(record.name),
                sensor: input.span.extracting(record.sensor),
                at: reader.moment
            )
        }
        // What was read is what is written: once written, it comes back byte for byte.
        let first = writer.bytes
        (reader, writer) = (RecordReader(), RecordWriter())
        do throws(UnreadableBytes) {
            while let record = try reader.next(in: first.span) {
                writer.append(
                    record,
                    name: first.span.extracting(record.name),
                    sensor: first.span.extracting(record.sensor),
                    at: reader.moment
                )
            }
        } catch {
            throw Violation("written records are unreadable at \(error.offset)")
        }
        try require(writer.bytes == first, "records change when they are written again")
    }

    private func checkPages(_ input: [UInt8]) throws(Violation) {
        if let words = try? PageCoding.words(input) {
            try require(PageCoding.words(words) == input, "other words")
        }
        if let pairs = try? PageCoding.pairs(input), input.count.isMultiple(of: 16) {
            try require(PageCoding.pairs(pairs) == input, "other pairs")
        }
        if let images = try? PageCoding.facilities(input) {
            let again = try? PageCoding.facilities(PageCoding.facilities(images))
            try require(again == images, "other facilities")
        }
        if let slots = try? PageCoding.history(input) {
            try require(slots.allSatisfy { $0.index < 64 }, "a place outside its page")
        }
        var names: [PageCoding.Name] = []
        let isReadable: Void? = try? PageCoding.forEachName(input) { _, name, facility in
            names.append((name.indices.map { name[$0] }, facility))
        }
        guard isReadable != nil else { return }
        var again: [PageCoding.Name] = []
        try? PageCoding.forEachName(PageCoding.names(names)) { _, name, facility in
            again.append((name.indices.map { name[$0] }, facility))
        }
        let areEqual = again.elementsEqual(names) { $0 == $1 }
        try require(areEqual, "other names")
    }
}
