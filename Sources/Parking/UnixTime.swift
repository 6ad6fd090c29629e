/// Times as numbers since 1970, in seconds or in milliseconds.
///
/// A number below 10^11 is in seconds (until the year 5138), one above in milliseconds (since 1973).
public enum UnixTime {
    private static let firstMilliseconds: Int64 = 100_000_000_000
    private static let bound: Int64 = 1_000_000_000_000_000

    /// The milliseconds of a whole number, or nil where no clock would say it.
    public static func milliseconds(integer: Int64) -> Int64? {
        guard integer.magnitude < bound.magnitude else { return nil }
        return integer.magnitude < firstMilliseconds.magnitude ? integer * 1000 : integer
    }

    /// The milliseconds of a number with a fraction, or nil where no clock would say it.
    public static func milliseconds(real: Double) -> Int64? {
        guard real.isFinite, abs(real) < Double(bound) else { return nil }
        return Int64((abs(real) < Double(firstMilliseconds) ? real * 1000 : real).rounded())
    }

    /// The milliseconds of a decimal text such as `1549844689.5`, or nil where it is none.
    ///
    /// Digits beyond the millisecond are dropped.
    public static func milliseconds(text: Span<UInt8>) -> Int64? {
        var index = 0
        let isNegative = text.count > 0 && text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        guard let whole = digits(in: text, from: &index), whole.value < bound else { return nil }
        var fraction: Int64 = 0
        if index < text.count {
            guard text[index] == UInt8(ascii: ".") else { return nil }
            index += 1
            guard let digits = digits(in: text, from: &index, kept: 3), index == text.count else {
                return nil
            }
            fraction = digits.value
            for _ in digits.count..<max(3, digits.count) { fraction *= 10 }
        }
        let time =
            whole.value < firstMilliseconds ? whole.value * 1000 + fraction : whole.value
        return isNegative ? -time : time
    }

    /// The digits from a place on, of which the first few make the value; nil where there are none, or too many.
    private static func digits(
        in text: Span<UInt8>,
        from index: inout Int,
        kept: Int = 18
    ) -> (value: Int64, count: Int)? {
        var value: Int64 = 0
        var count = 0
        while index < text.count, case let digit = text[index] &- UInt8(ascii: "0"), digit <= 9 {
            if count < kept { value = value * 10 + Int64(digit) }
            count += 1
            index += 1
        }
        return (1...24).contains(count) ? (value, min(count, kept)) : nil
    }
}
