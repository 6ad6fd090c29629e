import JSONDocument
import Occupancy
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

    /// A number: as JSON, or as decimal text.
    static func decimal(_ kind: JSONKind, _ text: Span<UInt8>) throws(Incident) -> Double {
        switch kind {
        case .integer(let value): return Double(value)
        case .real(let value): return value
        case .large: throw .outOfRange
        case .string:
            guard let number = number(text) else { throw .fieldHasWrongType }
            return number
        case .absent, .null: throw .fieldMissing
        case .boolean, .container: throw .fieldHasWrongType
        }
    }

    /// A share in percent: a number, or a text such as `87`, `87%` or `87 %`; nil for anything else.
    static func percent(_ kind: JSONKind, _ text: Span<UInt8>) -> Double? {
        switch kind {
        case .integer(let value): return Double(value)
        case .real(let value): return value
        case .string:
            var end = text.count
            if end > 0, text[end - 1] == UInt8(ascii: "%") { end -= 1 }
            while end > 0, text[end - 1] == UInt8(ascii: " ") { end -= 1 }
            return number(text.extracting(0..<end))
        default: return nil
        }
    }

    /// The charge of a battery; nil for what is no share of 100 %, such as the 255 of one that was not measured.
    static func charge(_ kind: JSONKind, _ text: Span<UInt8>) -> Battery? {
        percent(kind, text).flatMap { (0...100).contains($0) ? .percent($0) : nil }
    }

    /// A time as the sensors of a rule write it, in milliseconds since 1970.
    static func time(
        _ kind: JSONKind,
        _ text: Span<UInt8>,
        by clock: ObservationClock,
        near received: Int64
    ) -> Int64? {
        switch kind {
        case .integer(let value): clock.milliseconds(integer: value, near: received)
        case .real(let value): clock.milliseconds(real: value, near: received)
        case .string: clock.milliseconds(text: text, near: received)
        default: nil
        }
    }

    /// A time in milliseconds since 1970: RFC 3339, or unix seconds or milliseconds as a number or as text.
    static func time(_ kind: JSONKind, _ text: Span<UInt8>) -> Int64? {
        switch kind {
        case .integer(let value): UnixTime.milliseconds(integer: value)
        case .real(let value): UnixTime.milliseconds(real: value)
        case .string: RFC3339.milliseconds(text) ?? UnixTime.milliseconds(text: text)
        default: nil
        }
    }

    /// A word, compared with the words of a rule; a number by its value, a boolean as JSON writes it.
    static func word<Value>(
        _ kind: JSONKind,
        _ text: Span<UInt8>,
        in words: borrowing CompiledWords<Value>
    ) throws(Incident) -> Value {
        switch kind {
        case .absent, .null: throw .fieldMissing
        case .container: throw .fieldHasWrongType
        default: break
        }
        guard let meaning = meaning(kind, text, in: words) else { throw .unknownWord }
        return meaning
    }

    /// What a value means, or nil where the rule gives it no meaning.
    static func meaning<Value>(
        _ kind: JSONKind,
        _ text: Span<UInt8>,
        in words: borrowing CompiledWords<Value>
    ) -> Value? {
        switch kind {
        case .string: return words.meaning(text)
        case .boolean(let value): return words.meaning(value ? trueText.span : falseText.span)
        case .integer(let value): return words.meaning(value)
        case .real(let value): return words.meaning(value)
        case .large, .absent, .null, .container: return nil
        }
    }

    /// What false, 0 or no text means, where a field that is left out means one of them.
    static func zero<Value>(in words: borrowing CompiledWords<Value>) -> Value? {
        words.meaning(falseText.span) ?? words.meaning(zeroText.span) ?? words.meaning(Span())
    }

    /// Whether a text is a decimal number as JSON writes it: without an exponent and a leading zero.
    static func isDecimal(_ text: Span<UInt8>) -> Bool {
        let zero = UInt8(ascii: "0")
        let start = text.count > 0 && text[0] == UInt8(ascii: "-") ? 1 : 0
        let isLedByZero =
            text.count > start + 1 && text[start] == zero && text[start + 1] != UInt8(ascii: ".")
        return !isLedByZero && number(text) != nil
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
    private static let zeroText = Array("0".utf8)
}
