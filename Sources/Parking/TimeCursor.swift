/// A place in the text of a time, and the small words that are read there.
struct TimeCursor {
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

    /// The number of a date, `2026-11-23`, counted in days from 1970-01-01.
    mutating func day(in text: Span<UInt8>) -> Int? {
        guard let year = number(digits: 4, in: text), skip("-", in: text),
            let month = number(digits: 2, in: text), skip("-", in: text),
            let day = number(digits: 2, in: text)
        else { return nil }
        return GregorianDate(year: year, month: month, day: day)?.daysSince1970
    }

    /// What parts a date from its time.
    mutating func separator(in text: Span<UInt8>) -> Bool {
        skip("T", in: text) || skip("t", in: text) || skip(" ", in: text)
    }

    /// The minute of the day of `20:10`.
    mutating func minute(in text: Span<UInt8>) -> Int? {
        guard let hour = number(digits: 2, in: text), hour <= 23, skip(":", in: text),
            let minute = number(digits: 2, in: text), minute <= 59
        else { return nil }
        return hour * 60 + minute
    }

    /// The milliseconds of `45` or `45.678`; a leap second is the second after it.
    mutating func seconds(in text: Span<UInt8>) -> Int? {
        guard let second = number(digits: 2, in: text), second <= 60,
            let fraction = fraction(in: text)
        else { return nil }
        return second * 1000 + fraction
    }

    /// The minutes east of Greenwich.
    mutating func offset(in text: Span<UInt8>) -> Int? {
        if skip("Z", in: text) || skip("z", in: text) { return 0 }
        let isEast = skip("+", in: text)
        guard isEast || skip("-", in: text), let minutes = minute(in: text) else { return nil }
        return isEast ? minutes : -minutes
    }

    /// The milliseconds of an optional fraction; nil where a point has no digit after it.
    private mutating func fraction(in text: Span<UInt8>) -> Int? {
        guard skip(".", in: text) else { return 0 }
        var milliseconds = 0
        var digits = 0
        while index < text.count, case let digit = text[index] &- UInt8(ascii: "0"), digit <= 9 {
            if digits < 3 { milliseconds = milliseconds * 10 + Int(digit) }
            digits += 1
            index += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<max(digits, 3) { milliseconds *= 10 }
        return milliseconds
    }
}

/// A date and a time without a zone.
enum LocalTime {
    /// The local time of a text in milliseconds since 1970, as if its zone were UTC; nil where it is none.
    static func milliseconds(_ text: Span<UInt8>) -> Int64? {
        var cursor = TimeCursor()
        guard let day = cursor.day(in: text), cursor.separator(in: text),
            let minute = cursor.minute(in: text)
        else { return nil }
        var milliseconds = 0
        if cursor.skip(":", in: text) {
            guard let seconds = cursor.seconds(in: text) else { return nil }
            milliseconds = seconds
        }
        guard cursor.index == text.count else { return nil }
        return (Int64(day) * 1440 + Int64(minute)) * 60_000 + Int64(milliseconds)
    }
}
