/// Numbers and texts, written one behind the other.
///
/// **Shape.** Little-endian words; small numbers as LEB128, seven bits a byte; a text is its length and its bytes.
public struct ByteWriter: Sendable {
    /// What was written.
    public var bytes: [UInt8] = []

    /// A writer of nothing yet.
    public init() {}

    /// Forgets what was written, and keeps its memory.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// Appends a byte.
    @inlinable public mutating func append(byte: UInt8) { bytes.append(byte) }

    /// Appends a word of eight bytes.
    @inlinable public mutating func append(word: UInt64) {
        unsafe withUnsafeBytes(of: word.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends a signed word of eight bytes.
    @inlinable public mutating func append(word: Int64) { append(word: UInt64(bitPattern: word)) }

    /// Appends a number that is not negative, in as many bytes as it needs.
    @inlinable public mutating func append(small number: Int) {
        precondition(number >= 0)
        var rest = UInt(number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a text.
    @inlinable public mutating func append(text: Span<UInt8>) {
        append(small: text.count)
        append(bytes: text)
    }

    /// Appends a text that is in two pieces.
    @inlinable public mutating func append(text: Span<UInt8>, suffix: Span<UInt8>) {
        append(small: text.count + suffix.count)
        append(bytes: text)
        append(bytes: suffix)
    }

    /// Appends bytes, all at once.
    @inlinable public mutating func append(bytes other: Span<UInt8>) {
        unsafe other.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
}
