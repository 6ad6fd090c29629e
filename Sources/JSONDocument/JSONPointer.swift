/// Where in a JSON text a value stands.
///
/// Source: RFC 6901.
public struct JSONPointer: Hashable, Sendable, CustomStringConvertible {
    /// The pointer as text: empty for the whole, else `/` and a reference token, again and again.
    public let text: String

    /// The text in UTF-8, made once: a lookup a message needs it.
    let bytes: [UInt8]

    /// The pointer of a text, or nil where it begins with something else than `/` or has a `~` that is neither `~0` nor `~1`.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.isEmpty || bytes.first == UInt8(ascii: "/") else { return nil }
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "~") {
            guard index + 1 < bytes.count,
                bytes[index + 1] == UInt8(ascii: "0") || bytes[index + 1] == UInt8(ascii: "1")
            else { return nil }
        }
        self.text = text
        self.bytes = bytes
    }

    /// The pointer as text.
    public var description: String { text }
}
