/// Times as text: RFC 3339 in both directions, over bytes, without a calendar library.
///
/// Units: milliseconds since 1970-01-01T00:00:00Z without leap seconds (POSIX time).
/// Source: RFC 3339, section 5.6; the day arithmetic is that of the proleptic Gregorian calendar.
public enum RFC3339 {
    /// The time of a text, or nil where it is none.
    ///
    /// A zone is required: a time without one names no instant. `T` may be a space and either letter may be
    /// small (both in RFC 3339); a leap second counts as the second after it; digits
    /// beyond the millisecond are dropped.
    public static func milliseconds(_ text: Span<UInt8>) -> Int64? {
        var cursor = Cursor()
        guard let year = cursor.number(digits: 4, in: text), cursor.skip("-", in: text),
            let month = cursor.number(digits: 2, in: text), (1...12).contains(month),
            cursor.skip("-", in: text),
            let day = cursor.number(digits: 2, in: text), day >= 1,
            day <= daysIn(month, of: year),
            cursor.skip("T", in: text) || cursor.skip("t", in: text) || cursor.skip(" ", in: text),
            let hour = cursor.number(digits: 2, in: text), hour <= 23, cursor.skip(":", in: text),
            let minute = cursor.number(digits: 2, in: text), minute <= 59,
            cursor.skip(":", in: text),
            let second = cursor.number(digits: 2, in: text), second <= 60,
            let fraction = cursor.fraction(in: text),
            let offsetMinutes = cursor.offset(in: text), cursor.index == text.count
        else { return nil }
        let days = daysSince1970(year: year, month: month, day: day)
        let minutes = Int64(days) * 1440 + Int64(hour * 60 + minute - offsetMinutes)
        return (minutes * 60 + Int64(second)) * 1000 + Int64(fraction)
    }

    /// Appends a time in UTC, whole seconds: `2026-11-23T06:12:45Z`.
    ///
    /// Times before the year 0 and after 9999 are written as those bounds.
    public static func append(_ milliseconds: Int64, to bytes: inout [UInt8]) {
        let bounded = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let seconds = Int(bounded / 1000) - (bounded % 1000 < 0 ? 1 : 0)
        let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let secondOfDay = seconds - day * 86_400
        let date = civil(daysSince1970: day)
        appendDigits(date.year, count: 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendDigits(date.month, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendDigits(date.day, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        appendDigits(secondOfDay / 3600, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDigits(secondOfDay / 60 % 60, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDigits(secondOfDay % 60, count: 2, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// A time in UTC, whole seconds, as text.
    public static func text(_ milliseconds: Int64) -> String {
        var bytes: [UInt8] = []
        append(milliseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func appendDigits(_ number: Int, count: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<count { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    private static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func daysIn(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 to a date, with years that begin in March so that a leap day is the last of its year.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSince1970 + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    /// A place in the text and the small words that are read there.
    private struct Cursor {
        private(set) var index = 0

        mutating func skip(_ character: Unicode.Scalar, in text: Span<UInt8>) -> Bool {
            guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        mutating func number(digits: Int, in text: Span<UInt8>) -> Int? {
            guard index + digits <= text.count else { return nil }
            var number = 0
            for _ in 0..<digits {
                let digit = text[index] &- UInt8(ascii: "0")
                guard digit <= 9 else { return nil }
                number = number * 10 + Int(digit)
                index += 1
            }
            return number
        }

        /// The milliseconds of an optional fraction; nil where a point has no digit after it.
        mutating func fraction(in text: Span<UInt8>) -> Int? {
            guard skip(".", in: text) else { return 0 }
            var milliseconds = 0
            var digits = 0
            while index < text.count, case let digit = text[index] &- UInt8(ascii: "0"), digit <= 9
            {
                if digits < 3 { milliseconds = milliseconds * 10 + Int(digit) }
                digits += 1
                index += 1
            }
            guard digits > 0 else { return nil }
            for _ in digits..<max(digits, 3) { milliseconds *= 10 }
            return milliseconds
        }

        /// The minutes east of Greenwich.
        mutating func offset(in text: Span<UInt8>) -> Int? {
            if skip("Z", in: text) || skip("z", in: text) { return 0 }
            let isEast = skip("+", in: text)
            guard isEast || skip("-", in: text),
                let hours = number(digits: 2, in: text), hours <= 23, skip(":", in: text),
                let minutes = number(digits: 2, in: text), minutes <= 59
            else { return nil }
            return (isEast ? 1 : -1) * (hours * 60 + minutes)
        }
    }
}
