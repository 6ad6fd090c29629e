import JSONDocument
import Parking

/// How the fields of a payload become values: pure functions over a kind and its text.
enum Scalar {
    /// An integer: a number without a fraction (`1`, `1.0`, `1e3`), or such a number as text.
    static func integer(_ kind: JSONKind, _ text: Span<UInt8>) throws(Incident) -> Int {
        switch kind {
        case .integer(let value): return Int(value)
        case .real(let value):
            guard let exact = Int(exactly: value) else { throw outside(value) }
            return exact
        case .large: throw .outOfRange
        case .string:
            guard let number = number(text) else { throw .fieldHasWrongType }
            guard let exact = Int(exactly: number) else { throw outside(number) }
            return exact
        case .absent, .null: throw .fieldMissing
        case .boolean, .container: throw .fieldHasWrongType
        }
    }

    /// A time in milliseconds since 1970: RFC 3339, or unix seconds or milliseconds as a number or as text.
    ///
    /// A number below 10^11 is in seconds (until the year 5138), one above in milliseconds (since 1973).
    static func time(_ kind: JSONKind, _ text: Span<UInt8>) -> Int64? {
        switch kind {
        case .integer(let value): time(unix: Double(value))
        case .real(let value): time(unix: value)
        case .string: RFC3339.milliseconds(text) ?? number(text).flatMap(time(unix:))
        default: nil
        }
    }

    private static func time(unix number: Double) -> Int64? {
        guard number.isFinite, abs(number) < 1e15 else { return nil }
        return Int64((abs(number) < 1e11 ? number * 1000 : number).rounded())
    }

    /// A word, compared with the words of a rule; numbers and booleans are compared as JSON writes them.
    static func word<Value>(
        _ kind: JSONKind,
        _ text: Span<UInt8>,
        in words: borrowing CompiledWords<Value>
    ) throws(Incident) -> Value {
        let meaning: Value?
        switch kind {
        case .string: meaning = words.meaning(text)
        case .boolean(let value): meaning = words.meaning(value ? trueText.span : falseText.span)
        case .integer(0): meaning = words.meaning(zeroText.span)
        case .integer(1): meaning = words.meaning(oneText.span)
        case .integer(let value):
            let digits = Array(String(value).utf8)
            meaning = words.meaning(digits.span)
        case .real(let value):
            // 1.0 and 1e0 are the number 1.
            guard let exact = Int64(exactly: value) else { throw .unknownWord }
            return try word(.integer(exact), text, in: words)
        case .large: throw .unknownWord
        case .absent, .null: throw .fieldMissing
        case .container: throw .fieldHasWrongType
        }
        guard let meaning else { throw .unknownWord }
        return meaning
    }

    /// A decimal number as text: sign, digits, and perhaps a fraction, and nothing else.
    private static func number(_ text: Span<UInt8>) -> Double? {
        guard (1...24).contains(text.count) else { return nil }
        var index = 0
        let isNegative = text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        var value = 0.0
        var scale = 1.0
        var digits = 0
        var hasPoint = false
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "."), !hasPoint, digits > 0 {
                hasPoint = true
                digits = 0
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            digits += 1
            value = value * 10 + Double(byte - UInt8(ascii: "0"))
            if hasPoint { scale *= 10 }
        }
        guard digits > 0 else { return nil }
        return (isNegative ? -value : value) / scale
    }

    /// A number that is no integer, or an integer that no word holds.
    private static func outside(_ number: Double) -> Incident {
        abs(number) >= 0x1p63 ? .outOfRange : .fieldHasWrongType
    }

    private static let trueText = Array("true".utf8)
    private static let falseText = Array("false".utf8)
    private static let oneText = Array("1".utf8)
    private static let zeroText = Array("0".utf8)
}
