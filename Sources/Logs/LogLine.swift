/// One line of the log while it is written.
///
/// Whatever the texts contain, it stays one line of visible characters: controls, line and paragraph separators,
/// invisible and direction-changing characters, and what Unicode doesn't assign are written as `\u{…}`.
///
/// Shape: at most ``limit`` bytes, line feed included; what is too long ends in an ellipsis.
struct LogLine {
    /// The longest line; well below `PIPE_BUF`, so that a write to a pipe is never mixed with another's.
    static let limit = 2048

    /// The longest value, so that a hostile one leaves room for the others.
    static let valueLimit = 512

    /// What was written so far.
    private(set) var bytes: [UInt8] = []

    private static let ellipsis = Array("…".utf8)

    /// The bytes that are kept back for an ellipsis, a quotation mark and the line feed.
    private static let reserve = ellipsis.count + 2

    private var isFull = false

    /// Begins a line with text that is ours and needs no escape.
    init(prefix: String) {
        bytes.reserveCapacity(256)
        bytes.append(contentsOf: prefix.utf8)
    }

    /// Appends the message.
    mutating func append(message: String) {
        append(message, limit: Self.limit, isQuoted: false)
    }

    /// Appends ` key=value`, or nothing more than an ellipsis where the line is full.
    mutating func append(key: String, value: String) {
        guard !isFull else { return }
        guard bytes.count + key.utf8.count + 2 < Self.limit - Self.reserve else {
            // A value that was cut just before the end has left no room, and its own ellipsis stands there.
            if bytes.count + Self.ellipsis.count < Self.limit {
                bytes.append(contentsOf: Self.ellipsis)
            }
            isFull = true
            return
        }
        bytes.append(UInt8(ascii: " "))
        for byte in key.utf8 { bytes.append(Self.isWord(byte) ? byte : UInt8(ascii: "_")) }
        bytes.append(UInt8(ascii: "="))
        let isQuoted = value.isEmpty || !value.utf8.allSatisfy(Self.isWord)
        if isQuoted { bytes.append(UInt8(ascii: "\"")) }
        append(value, limit: Self.valueLimit, isQuoted: isQuoted)
        if isQuoted { bytes.append(UInt8(ascii: "\"")) }
    }

    /// The line with its line feed.
    consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private mutating func append(_ text: String, limit: Int, isQuoted: Bool) {
        let end = min(bytes.count + limit, Self.limit - Self.reserve)
        for scalar in text.unicodeScalars {
            let before = bytes.count
            append(scalar, isQuoted: isQuoted)
            guard bytes.count > end else { continue }
            bytes.removeLast(bytes.count - before)
            bytes.append(contentsOf: Self.ellipsis)
            if end == Self.limit - Self.reserve { isFull = true }
            return
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar, isQuoted: Bool) {
        switch scalar {
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        case "\"" where isQuoted: bytes.append(contentsOf: "\\\"".utf8)
        case "\\": bytes.append(contentsOf: "\\\\".utf8)
        default:
            if scalar.isVisible {
                bytes.append(contentsOf: UTF8.encode(scalar)?.lazy.map { $0 } ?? [])
            } else {
                bytes.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".utf8)
            }
        }
    }

    /// A byte that a key or an unquoted value may contain.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "+"),
            UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "%"), UInt8(ascii: ","):
            true
        default: false
        }
    }
}
