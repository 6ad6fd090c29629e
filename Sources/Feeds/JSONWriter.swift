/// Writes JSON by appending to one buffer, which keeps its memory from use to use.
///
/// Objects and arrays are closures, so their ends can't be forgotten, and commas are its own affair.
///
/// Besides what RFC 8259 demands, strings escape `<`, `>`, `&`, U+2028 and U+2029, and what steers a terminal or turns the direction
/// of text around: the text may then stand in HTML, in JavaScript and on a terminal as it is.
public struct JSONWriter {
    /// What was written since the last ``removeAll()``.
    public private(set) var bytes: [UInt8] = []

    /// Whether a value stands before the next one in the same object or array.
    private var needsComma = false

    /// A writer of nothing so far.
    public init() {}

    /// Begins anew with the same memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Writes an object whose members `body` writes.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        enclosed(by: UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    /// Writes an array whose elements `body` writes.
    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        enclosed(by: UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    /// Writes a member's name; its value must follow.
    public mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes text that needs no escape and is short, such as a time, through `body`.
    public mutating func plainString(_ body: (inout [UInt8]) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        body(&bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a string, or null.
    public mutating func value(_ text: String?) {
        separate()
        guard let text else { return null() }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 { append(byte) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes an integer, or null.
    public mutating func value(_ number: Int?) {
        separate()
        guard let number else { return null() }
        append(number)
    }

    /// Writes a number so that reading it back gives the same one; null where JSON has no number for it.
    public mutating func value(_ number: Double) {
        separate()
        guard number.isFinite else { return null() }
        bytes.append(contentsOf: number.description.utf8)
    }

    /// Writes true or false.
    public mutating func value(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// Writes null.
    public mutating func nullValue() {
        separate()
        null()
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func null() {
        bytes.append(contentsOf: "null".utf8)
    }

    private mutating func enclosed(
        by start: UInt8,
        _ end: UInt8,
        _ body: (inout JSONWriter) -> Void
    ) {
        separate()
        bytes.append(start)
        needsComma = false
        body(&self)
        bytes.append(end)
        needsComma = true
    }

    /// Appends digits, since `description` would make a string for each number.
    private mutating func append(_ number: Int) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private mutating func append(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20, 0x7F, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
            appendEscape(UInt16(byte))
        case 0x80..<0xC0: appendContinuation(byte)
        default: bytes.append(byte)
        }
    }

    /// Appends a byte that is not the first of its character; where it completes one that must not stand as it is, its escape.
    private mutating func appendContinuation(_ byte: UInt8) {
        // A string can't begin with such a byte, so those before it are of this string.
        let count = bytes.count
        let isControl = bytes[count - 1] == 0xC2 && byte < 0xA0
        if isControl {
            bytes.removeLast()
            return appendEscape(UInt16(byte))
        }
        // The Arabic letter mark, a mark of direction as those below.
        if bytes[count - 1] == 0xD8, byte == 0x9C {
            bytes.removeLast()
            return appendEscape(0x061C)
        }
        if bytes[count - 2] == 0xE2, bytes[count - 1] <= 0x81 {
            let unit = 0x2000 | UInt16(bytes[count - 1] & 0x3F) << 6 | UInt16(byte & 0x3F)
            switch unit {
            // Marks and embeddings of direction (UAX #9), and the separators of lines and paragraphs.
            case 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
                bytes.removeLast(2)
                return appendEscape(unit)
            default: break
            }
        }
        bytes.append(byte)
    }

    private mutating func appendEscape(_ unit: UInt16) {
        bytes.append(contentsOf: "\\u".utf8)
        for shift: UInt16 in [12, 8, 4, 0] {
            let digit = UInt8(unit >> shift & 0xF)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
