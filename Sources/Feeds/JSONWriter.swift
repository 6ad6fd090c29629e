/// Writes JSON into a buffer that is used again and again.
///
/// Strings are escaped so that the text may stand in HTML and in a log as it is: beside what RFC 8259 demands, `<`, `>`, `&`, the
/// line separators and the marks that turn the direction of writing.
struct JSONWriter {
    /// What was written so far.
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Forgets what was written, and keeps the memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    mutating func object(_ members: (inout JSONWriter) -> Void) { nest("{", "}", members) }

    mutating func array(_ elements: (inout JSONWriter) -> Void) { nest("[", "]", elements) }

    /// The name of the next value.
    mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        )
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func null() { literal("null") }

    mutating func boolean(_ value: Bool) { literal(value ? "true" : "false") }

    mutating func integer(_ value: Int?) {
        guard let value else { return null() }
        separate()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(magnitude % 10))
            magnitude /= 10
        } while magnitude > 0
        bytes[start...].reverse()
        needsComma = true
    }

    /// A number as Swift prints it, the shortest that reads back as the same; null where JSON has none.
    mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        bytes.append(contentsOf: "\(value)".utf8)
        needsComma = true
    }

    mutating func string(_ text: String?) {
        guard let text else { return null() }
        separate()
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars { append(scalar) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A time in UTC as RFC 3339, quoted.
    mutating func time(_ milliseconds: Int64?, _ append: (Int64, inout [UInt8]) -> Void) {
        guard let milliseconds else { return null() }
        separate()
        bytes.append(UInt8(ascii: "\""))
        append(milliseconds, &bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    private mutating func nest(
        _ opening: Unicode.Scalar,
        _ closing: Unicode.Scalar,
        _ body: (inout JSONWriter) -> Void
    ) {
        separate()
        bytes.append(UInt8(ascii: opening))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: closing))
        needsComma = true
    }

    private mutating func literal(_ word: StaticString) {
        separate()
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        )
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"", "\\":
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(UInt8(ascii: scalar))
        case "<", ">", "&", "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{200E}", "\u{200F}",
            "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}", "\u{FEFF}":
            bytes.append(contentsOf: "\\u".utf8)
            for shift in stride(from: 12, through: 0, by: -4) {
                bytes.append(Self.hexadecimal[Int(scalar.value >> UInt32(shift) & 15)])
            }
        default:
            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}
