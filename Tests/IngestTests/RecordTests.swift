import ByteCoding
import Parking
import Testing

@testable import Ingest

@Suite struct `Records of readings` {
    private static let moment = Moment(wallMilliseconds: -5, monotonicMilliseconds: 1 << 40)

    @Test(
        arguments: [
            .bay(occupied: true), .bay(occupied: false),
            .movement(arrivals: 65_535, departures: 0),
            .counter(arrivals: 4_294_967_295, departures: nil),
            .counter(arrivals: nil, departures: 0),
            .counter(arrivals: 1, departures: 2),
            .occupied(-8), .occupied(2_097_151), .vacant(7),
            .state(.open), .state(.closed), .state(.fault),
            .hold(otherwise: nil), .hold(otherwise: true), .hold(otherwise: false), .alive,
        ] as [Reading]
    ) func `come back as they were written`(reading: Reading) throws {
        var record = ReadingRecord(reading: reading, facility: 300, isRetained: false)
        var records = [record]
        record.isRetained = true
        record.observed = RecordReader.latest
        records.append(record)
        record.observed = nil
        record.sequence = SequenceNumber(number: 4_294_967_295, wrapsAt: 4_294_967_296)
        if case .counter = reading { record.wrapsAt = 65_536 }
        records.append(record)
        for (session, message) in [(0, 255), (255, 0), (1, 2)] as [(UInt8, UInt8)] {
            record.sequence?.identity = MessageIdentity(session: session, message: message)
            records.append(record)
        }
        record.sequence = nil
        record.follows = true
        records.append(record)
        var writer = RecordWriter()
        let name = Array("näme".utf8)
        let sensor = [UInt8](repeating: 7, count: 1024)
        for record in records {
            writer.append(record, name: name.span, sensor: sensor.span, at: Self.moment)
        }
        var reader = RecordReader()
        for expected in records {
            let next = try reader.next(in: writer.bytes.span)
            var read = try #require(next)
            #expect(Array(writer.bytes[read.name]) == name)
            #expect(Array(writer.bytes[read.sensor]) == (read.sequence == nil ? [] : sensor))
            (read.name, read.sensor) = (0..<0, 0..<0)
            #expect(read == expected)
            #expect(reader.moment == Self.moment)
        }
        let end = try reader.next(in: writer.bytes.span)
        #expect(end == nil)
    }

    @Test func `that are cut anywhere are unreadable, and never read beyond their end`() throws {
        var writer = RecordWriter()
        var record = ReadingRecord(
            reading: .counter(arrivals: 1, departures: 200),
            facility: 1,
            observed: 5,
            wrapsAt: 256,
            isRetained: false
        )
        record.sequence = SequenceNumber(number: 1, wrapsAt: nil)
        let name = Array("gate".utf8)
        writer.append(record, name: name.span, sensor: name.span, at: Self.moment)
        // A moment alone is whole: 17 bytes.
        for end in 1..<writer.bytes.count where end != 17 {
            let cut = Array(writer.bytes[..<end])
            #expect(throws: UnreadableBytes.self) {
                var reader = RecordReader()
                while try reader.next(in: cut.span) != nil {}
            }
        }
    }

    /// Digests keep accidents out of a journal; what is left must not end every start of the daemon.
    @Test(
        arguments: [
            .movement(arrivals: .max, departures: 0), .movement(arrivals: 0, departures: .max),
            .counter(arrivals: 1 << 33, departures: 1), .occupied(.max), .occupied(.min),
            .vacant(.min),
        ] as [Reading]
    ) func `of numbers that no sensor sends are unreadable`(reading: Reading) {
        var writer = RecordWriter()
        let record = ReadingRecord(reading: reading, facility: 0, isRetained: false)
        writer.append(record, name: Span(), sensor: Span(), at: Self.moment)
        let bytes = writer.bytes
        #expect(throws: UnreadableBytes.self) {
            var reader = RecordReader()
            _ = try reader.next(in: bytes.span)
        }
    }

    @Test(arguments: [Int64.min, .max, RecordReader.latest + 1])
    func `of times that no clock shows are unreadable`(time: Int64) {
        for isMoment in [true, false] {
            var writer = RecordWriter()
            let record = ReadingRecord(
                reading: .alive,
                facility: 0,
                observed: isMoment ? nil : time,
                isRetained: false
            )
            let moment = Moment(wallMilliseconds: isMoment ? time : 0, monotonicMilliseconds: 0)
            writer.append(record, name: Span(), sensor: Span(), at: moment)
            let bytes = writer.bytes
            #expect(throws: UnreadableBytes.self) {
                var reader = RecordReader()
                _ = try reader.next(in: bytes.span)
            }
        }
    }
}
