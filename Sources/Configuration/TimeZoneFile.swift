internal import Parking

/// A compiled time zone, as `/usr/share/zoneinfo` has them.
///
/// Source: RFC 8536 (TZif), versions 2 and above. We read these files and not Foundation's own tables: those are not linked
/// into an executable with a static library, and they are as old as it is, while the files follow the laws with
/// Debian's updates.
enum TimeZoneFile {
    /// Where the system keeps them.
    static let directory = "/usr/share/zoneinfo"

    /// The largest file that is read.
    static let maximumBytes = 1 << 20

    /// The last year whose changes are worked out from the rule at the end of a file.
    private static let lastYear = 2100

    /// Times in seconds that are reckoned with: those of years of four digits.
    private static let times: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// The offsets that a file tells, or nil where it is none that we can read.
    static func offsets(_ bytes: [UInt8]) -> ZoneOffsets? {
        // The first block has 32-bit times, for readers of version 1: only its length counts.
        guard let old = Header(bytes, at: 0, timeBytes: 4), old.version >= UInt8(ascii: "2"),
            let header = Header(bytes, at: old.end, timeBytes: 8), header.leapCount == 0
        else { return nil }
        var changes: [(time: Int64, offset: Int64)] = []
        for index in 0..<header.timeCount {
            let type = Int(bytes[header.typeIndices + index])
            guard let offset = header.offset(of: type, in: bytes) else { return nil }
            let time = signed(bytes[(header.times + 8 * index)...], count: 8)
            guard time > changes.last?.time ?? .min else { return nil }
            changes.append((time, offset))
        }
        guard let first = header.offset(of: 0, in: bytes), let rule = rule(bytes, after: header.end)
        else { return nil }
        let lastTime = changes.last?.time ?? times.lowerBound
        switch rule {
        case .none: break
        case .some(let rule):
            let begin = GregorianDate(daysSince1970: Int(max(lastTime, 0) / 86_400)).year
            guard begin <= lastYear else { break }
            // A rule without summer time only repeats the last offset, unless there is no change at all.
            if changes.isEmpty, rule.summer == nil { return fixed(rule.standard) }
            for year in begin...lastYear {
                changes += rule.changes(in: year).filter { $0.time > lastTime }
            }
        }
        return offsets(first: first, changes: changes)
    }

    /// The offsets of a place whose clocks are `seconds` ahead of UTC for ever.
    static func fixed(_ seconds: Int64) -> ZoneOffsets? {
        offsets(first: seconds, changes: [])
    }

    private static func offsets(
        first: Int64,
        changes: [(time: Int64, offset: Int64)]
    ) -> ZoneOffsets? {
        let bound = ZoneOffsets.largestOffset / 1000
        let areSound = ([first] + changes.map(\.offset)).allSatisfy {
            (-bound...bound).contains($0)
        }
        let areRising = zip(changes, changes.dropFirst()).allSatisfy { $0.time < $1.time }
        guard areSound, areRising else { return nil }
        // A file may begin with a change at the Big Bang, which is out of all reckoning.
        let early = changes.last { $0.time < times.lowerBound }
        return ZoneOffsets(
            first: (early?.offset ?? first) * 1000,
            changes: changes.filter { times.contains($0.time) }
                .map { (time: $0.time * 1000, offset: $0.offset * 1000) }
        )
    }

    /// The rule at the end of the file: nil where it can't be read, a nil within where there is none.
    private static func rule(_ bytes: [UInt8], after start: Int) -> PlaceTime?? {
        let newline = UInt8(ascii: "\n")
        guard start < bytes.count, bytes[start] == newline,
            let end = bytes[(start + 1)...].firstIndex(of: newline)
        else { return nil }
        if end == start + 1 { return .some(nil) }
        guard let rule = PlaceTime(bytes[(start + 1)..<end]) else { return nil }
        return .some(rule)
    }

    /// A big-endian number of `count` bytes in two's complement.
    private static func signed(_ bytes: ArraySlice<UInt8>, count: Int) -> Int64 {
        var value: Int64 = bytes[bytes.startIndex] < 0x80 ? 0 : -1
        for byte in bytes.prefix(count) { value = value << 8 | Int64(byte) }
        return value
    }

    /// A header, and where the parts of its block are.
    private struct Header {
        let version: UInt8
        let leapCount: Int
        let timeCount: Int
        let times: Int
        let typeIndices: Int
        let end: Int
        private let types: Int
        private let typeCount: Int

        /// The header at a place, or nil where there is none or the file ends before its block does.
        init?(_ bytes: [UInt8], at start: Int, timeBytes: Int) {
            guard start + 44 <= bytes.count, bytes[start...].starts(with: Array("TZif".utf8)) else {
                return nil
            }
            let counts = (0..<6).map { index in
                Int(signed([0] + bytes[(start + 20 + 4 * index)...].prefix(4), count: 5))
            }
            let (utcCount, standardCount) = (counts[0], counts[1])
            version = bytes[start + 4]
            leapCount = counts[2]
            timeCount = counts[3]
            typeCount = counts[4]
            times = start + 44
            typeIndices = times + timeCount * timeBytes
            types = typeIndices + timeCount
            end =
                types + typeCount * 6 + counts[5] + leapCount * (timeBytes + 4) + standardCount
                + utcCount
            guard typeCount > 0, end <= bytes.count else { return nil }
        }

        /// The seconds that local time of a type is ahead of UTC.
        func offset(of type: Int, in bytes: [UInt8]) -> Int64? {
            guard type < typeCount else { return nil }
            return signed(bytes[(types + 6 * type)...], count: 4)
        }
    }
}

/// The rule by which the clocks of a place are changed year by year, such as `GMT0BST,M3.5.0/1,M10.5.0`.
///
/// Source: POSIX.1, section 8.3 (`TZ`), with the hours beyond a day of RFC 8536, section 3.3.1; of its three ways
/// to name a day the only one that is in use, `Mm.w.d`.
struct PlaceTime {
    /// A day of every year, and the second of it in local time.
    private struct Change {
        let month: Int
        let week: Int
        let weekday: Int
        let second: Int64

        /// The local time in a year, in seconds since 1970.
        func local(in year: Int) -> Int64? {
            guard let first = GregorianDate(year: year, month: month, day: 1)?.daysSince1970 else {
                return nil
            }
            // 1970-01-01 was a Thursday, and Sunday is 0.
            let weekdayOfFirst = ((first + 4) % 7 + 7) % 7
            var day = (weekday - weekdayOfFirst + 7) % 7 + (week - 1) * 7
            if day >= GregorianDate.daysIn(month, of: year) { day -= 7 }
            return Int64(first + day) * 86_400 + second
        }
    }

    /// The seconds that standard time is ahead of UTC.
    let standard: Int64

    /// The seconds that summer time is ahead of UTC; nil where there is none.
    let summer: Int64?

    private let begin: Change?
    private let end: Change?

    init?(_ text: ArraySlice<UInt8>) {
        var cursor = Cursor(text: text)
        guard cursor.name(), let standard = cursor.time() else { return nil }
        self.standard = -standard
        guard !cursor.isAtEnd else {
            (summer, begin, end) = (nil, nil, nil)
            return
        }
        guard cursor.name() else { return nil }
        if cursor.isAt(",") {
            summer = 3600 - standard
        } else {
            guard let time = cursor.time() else { return nil }
            summer = -time
        }
        guard let begin = Self.change(&cursor), let end = Self.change(&cursor), cursor.isAtEnd
        else { return nil }
        self.begin = begin
        self.end = end
    }

    /// The changes of a year, in their order, each with its time in UTC.
    func changes(in year: Int) -> [(time: Int64, offset: Int64)] {
        guard let summer, let begin = begin?.local(in: year), let end = end?.local(in: year) else {
            return []
        }
        return [
            (time: begin - standard, offset: summer), (time: end - summer, offset: standard),
        ].sorted { $0.time < $1.time }
    }

    private static func change(_ cursor: inout Cursor) -> Change? {
        guard cursor.skip(","), cursor.skip("M"), let month = cursor.number(), cursor.skip("."),
            let week = cursor.number(), cursor.skip("."), let weekday = cursor.number(),
            (1...12).contains(month), (1...5).contains(week), weekday <= 6
        else { return nil }
        var second: Int64 = 2 * 3600
        if cursor.skip("/") {
            guard let time = cursor.time() else { return nil }
            second = time
        }
        return Change(month: month, week: week, weekday: weekday, second: second)
    }

    private struct Cursor {
        private var text: ArraySlice<UInt8>

        init(text: ArraySlice<UInt8>) { self.text = text }

        var isAtEnd: Bool { text.isEmpty }

        func isAt(_ character: Unicode.Scalar) -> Bool { text.first == UInt8(ascii: character) }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard isAt(character) else { return false }
            text.removeFirst()
            return true
        }

        /// Skips the name of a time: letters, or anything within `<` and `>`.
        mutating func name() -> Bool {
            if skip("<") {
                guard let end = text.firstIndex(of: UInt8(ascii: ">")) else { return false }
                text = text[(end + 1)...]
                return true
            }
            let rest = text.drop { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0 & 0xDF) }
            defer { text = rest }
            return rest.count < text.count
        }

        /// At most three digits.
        mutating func number() -> Int? {
            let digits = text.prefix(3).prefix {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
            guard !digits.isEmpty else { return nil }
            text = text.dropFirst(digits.count)
            return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        }

        /// The seconds of `1`, `-1`, `9:30` or `24:59:59`; at most a week.
        mutating func time() -> Int64? {
            let isNegative = skip("-")
            if !isNegative { _ = skip("+") }
            guard let hours = number(), hours <= 167 else { return nil }
            var seconds = Int64(hours) * 3600
            for unit: Int64 in [60, 1] where skip(":") {
                guard let part = number(), part <= 59 else { return nil }
                seconds += Int64(part) * unit
            }
            return isNegative ? -seconds : seconds
        }
    }
}
