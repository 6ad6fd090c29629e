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
        var cursor = TimeCursor()
        guard let day = cursor.day(in: text), cursor.separator(in: text),
            let minute = cursor.minute(in: text), cursor.skip(":", in: text),
            let milliseconds = cursor.seconds(in: text),
            let offsetMinutes = cursor.offset(in: text), cursor.index == text.count
        else { return nil }
        return (Int64(day) * 1440 + Int64(minute - offsetMinutes)) * 60_000 + Int64(milliseconds)
    }

    /// Appends a time in UTC, whole seconds: `2026-11-23T06:12:45Z`.
    ///
    /// Times before the year 0 and after 9999 are written as those bounds.
    public static func append(_ milliseconds: Int64, to bytes: inout [UInt8]) {
        let bounded = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let seconds = Int(bounded / 1000) - (bounded % 1000 < 0 ? 1 : 0)
        let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let secondOfDay = seconds - day * 86_400
        let date = GregorianDate(daysSince1970: day)
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
}
