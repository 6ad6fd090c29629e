import ByteCoding
import Parking

/// A reading as a journal keeps it: all that the ledger needs to apply it, and nothing of the payload.
///
/// **Shape.** A tag of one byte, then the fields of the tag, little-endian, numbers as LEB128 where they are small:
///
/// | tag | fields |
/// | --- | --- |
/// | 0 | moment: wall and monotonic milliseconds, 8 bytes each; holds for the readings behind it |
/// | 1…8 | reading: flags (1), facility, name, then what the flags and the kind say |
///
/// A name is its length and its bytes: the bay of a bay reading, the sensor of a counter's, else empty. The format is a part of the journal: to change it
/// is to raise the journal's version.
struct ReadingRecord: Equatable {
    /// What it says, with a vacancy already turned into an occupancy.
    var reading: Reading
    /// The number of the part that it is about.
    var facility: Int
    /// When the sensor observed it; nil where only the time of reception is known.
    var observed: Int64?
    /// Where a counter's totals wrap to 0.
    var wrapsAt: Int?
    /// Whether the broker had kept it.
    var isRetained: Bool
    /// The number that the sensor gave its message.
    var sequence: SequenceNumber?
    /// Whether it is of the same message as the record before: if that was repeated, this is.
    var follows = false
    /// Where the name stands: the bay's, or the sensor's.
    var name = 0..<0
    /// Where the sensor's name stands, if there is a sequence number, which belongs to it: its topic, and its device where the payload says it.
    var sensor = 0..<0
}

/// The number that a sensor gave a message.
struct SequenceNumber: Equatable {
    var number: Int
    /// After the largest number comes 0 and not this; nil where numbers never wrap.
    var wrapsAt: Int?
    /// What else tells the message from others.
    var identity: MessageIdentity?
}

/// Bytes of records, written one behind the other.
struct RecordWriter {
    private var writer = ByteWriter()
    private var moment: Moment?

    /// What was written; it may be taken out and put back.
    var bytes: [UInt8] {
        get { writer.bytes }
        _modify { yield &writer.bytes }
    }

    mutating func removeAll() {
        writer.removeAll()
        moment = nil
    }

    mutating func append(
        _ record: ReadingRecord,
        name: Span<UInt8>,
        suffix: [UInt8] = [],
        sensor: Span<UInt8>,
        at now: Moment
    ) {
        if moment != now {
            moment = now
            writer.append(byte: Tag.moment)
            writer.append(word: now.wallMilliseconds)
            writer.append(word: now.monotonicMilliseconds)
        }
        writer.append(byte: Tag.of(record.reading))
        writer.append(byte: flags(record))
        writer.append(small: record.facility)
        writer.append(text: name, suffix: suffix.span)
        if let observed = record.observed { writer.append(word: observed) }
        if let sequence = record.sequence {
            writer.append(text: sensor)
            writer.append(small: sequence.number)
            writer.append(small: sequence.wrapsAt ?? 0)
            if let identity = sequence.identity {
                writer.append(byte: identity.session)
                writer.append(byte: identity.message)
            }
        }
        append(record.reading, wrapsAt: record.wrapsAt)
    }

    private func flags(_ record: ReadingRecord) -> UInt8 {
        var flags: UInt8 = 0
        if record.isRetained { flags |= Flag.isRetained }
        if record.observed != nil { flags |= Flag.hasObserved }
        if let sequence = record.sequence {
            flags |= Flag.hasSequence
            if sequence.identity != nil { flags |= Flag.hasIdentity }
        }
        if record.follows { flags |= Flag.follows }
        switch record.reading {
        case .bay(let occupied):
            if occupied { flags |= Flag.first }
        case .hold(let otherwise):
            if otherwise == true { flags |= Flag.first }
            if otherwise != nil { flags |= Flag.second }
        case .counter(let arrivals, let departures):
            if arrivals != nil { flags |= Flag.first }
            if departures != nil { flags |= Flag.second }
        case .movement, .occupied, .vacant, .state, .alive: break
        }
        return flags
    }

    private mutating func append(_ reading: Reading, wrapsAt: Int?) {
        switch reading {
        case .bay, .hold, .alive: break
        case .movement(let arrivals, let departures):
            writer.append(small: arrivals)
            writer.append(small: departures)
        case .counter(let arrivals, let departures):
            writer.append(small: arrivals ?? 0)
            writer.append(small: departures ?? 0)
            writer.append(small: wrapsAt ?? 0)
        case .occupied(let count), .vacant(let count):
            writer.append(word: Int64(count))
        case .state(let state): writer.append(byte: state.rawValue)
        }
    }
}

/// Records, read one behind the other.
///
/// Numbers that no sensor can have sent are unreadable: what is counted from the others can't overflow.
struct RecordReader {
    /// The largest number of vehicles, and the largest number of a message, either way: 32 bits and one more.
    static let largestNumber = 1 << 32

    /// The last millisecond of either clock, and its opposite: the year 287,396.
    static let latest: Int64 = 1 << 53

    /// The moment of the record that was read last.
    private(set) var moment = Moment(wallMilliseconds: 0, monotonicMilliseconds: 0)
    private var reader = ByteReader()

    /// The next record, or nil at the end.
    mutating func next(in bytes: Span<UInt8>) throws(UnreadableBytes) -> ReadingRecord? {
        while !reader.isAtEnd(of: bytes) {
            let tag = try reader.byte(bytes)
            if tag == Tag.moment {
                moment.wallMilliseconds = try time(bytes)
                moment.monotonicMilliseconds = try time(bytes)
                continue
            }
            return try record(tag, bytes)
        }
        return nil
    }

    private mutating func record(
        _ tag: UInt8,
        _ bytes: Span<UInt8>
    ) throws(UnreadableBytes) -> ReadingRecord {
        let flags = try reader.byte(bytes)
        var record = ReadingRecord(
            reading: .bay(occupied: flags & Flag.first != 0),
            facility: try reader.small(bytes),
            isRetained: flags & Flag.isRetained != 0,
            follows: flags & Flag.follows != 0
        )
        record.name = try reader.text(bytes)
        if flags & Flag.hasObserved != 0 {
            record.observed = try time(bytes)
        }
        if flags & Flag.hasSequence != 0 {
            record.sensor = try reader.text(bytes)
            let number = try number(bytes)
            let wrapsAt = positive(try self.number(bytes))
            record.sequence = SequenceNumber(
                number: number,
                wrapsAt: wrapsAt,
                identity: flags & Flag.hasIdentity != 0 ? try identity(bytes) : nil
            )
        }
        switch tag {
        case Tag.bay: break
        case Tag.alive: record.reading = .alive
        case Tag.hold:
            record.reading = .hold(
                otherwise: flags & Flag.second != 0 ? flags & Flag.first != 0 : nil
            )
        case Tag.movement:
            record.reading = .movement(
                arrivals: try number(bytes),
                departures: try number(bytes)
            )
        case Tag.counter:
            let arrivals = try number(bytes)
            let departures = try number(bytes)
            record.reading = .counter(
                arrivals: flags & Flag.first != 0 ? arrivals : nil,
                departures: flags & Flag.second != 0 ? departures : nil
            )
            record.wrapsAt = positive(try number(bytes))
        case Tag.occupied: record.reading = .occupied(try level(bytes))
        case Tag.vacant: record.reading = .vacant(try level(bytes))
        case Tag.state:
            guard let state = OperatingState(rawValue: try reader.byte(bytes)) else {
                throw UnreadableBytes(offset: reader.offset)
            }
            record.reading = .state(state)
        default: throw UnreadableBytes(offset: reader.offset)
        }
        return record
    }

    private mutating func identity(
        _ bytes: Span<UInt8>
    ) throws(UnreadableBytes) -> MessageIdentity {
        let session = try reader.byte(bytes)
        return MessageIdentity(session: session, message: try reader.byte(bytes))
    }

    /// A number that is not negative.
    private mutating func number(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> Int {
        let number = try reader.small(bytes)
        guard number <= Self.largestNumber else { throw UnreadableBytes(offset: reader.offset) }
        return number
    }

    private mutating func level(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> Int {
        let level = Int(try reader.signedWord(bytes))
        guard level.magnitude <= Self.largestNumber else {
            throw UnreadableBytes(offset: reader.offset)
        }
        return level
    }

    private mutating func time(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> Int64 {
        let time = try reader.signedWord(bytes)
        guard time.magnitude <= Self.latest else { throw UnreadableBytes(offset: reader.offset) }
        return time
    }

    private func positive(_ number: Int) -> Int? { number > 0 ? number : nil }
}

/// The tags of the records.
private enum Tag {
    static let moment: UInt8 = 0
    static let bay: UInt8 = 1
    static let movement: UInt8 = 2
    static let counter: UInt8 = 3
    static let occupied: UInt8 = 4
    static let vacant: UInt8 = 5
    static let state: UInt8 = 6
    static let hold: UInt8 = 7
    static let alive: UInt8 = 8

    static func of(_ reading: Reading) -> UInt8 {
        switch reading {
        case .bay: bay
        case .hold: hold
        case .alive: alive
        case .movement: movement
        case .counter: counter
        case .occupied: occupied
        case .vacant: vacant
        case .state: state
        }
    }
}

/// The bits of a record's flags.
private enum Flag {
    static let isRetained: UInt8 = 1
    static let hasObserved: UInt8 = 2
    static let hasSequence: UInt8 = 4
    /// The bay is occupied, or the counter has arrivals.
    static let first: UInt8 = 8
    /// The counter has departures, or the held bay is to be something where nothing is known.
    static let second: UInt8 = 16
    static let follows: UInt8 = 32
    static let hasIdentity: UInt8 = 64
}
