/// Bytes end before what they should hold, or hold what no writer writes.
public struct UnreadableBytes: Error, Equatable, Sendable {
    /// Where it was noticed.
    public let offset: Int

    /// Unreadable at this place.
    public init(offset: Int) {
        self.offset = offset
    }
}

/// Numbers and texts, read one behind the other.
///
/// It holds a place and not the bytes: every call is given the same ones.
public struct ByteReader: Sendable {
    /// Where the next value begins.
    public private(set) var offset = 0

    /// A reader at the beginning.
    public init() {}

    /// Whether nothing is left.
    public func isAtEnd(of bytes: Span<UInt8>) -> Bool { offset >= bytes.count }

    /// Reads a byte.
    public mutating func byte(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> UInt8 {
        guard offset < bytes.count else { throw UnreadableBytes(offset: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Reads a word of eight bytes.
    public mutating func word(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> UInt64 {
        guard bytes.count - offset >= 8 else { throw UnreadableBytes(offset: offset) }
        let word = unsafe bytes.bytes.unsafeLoadUnaligned(
            fromByteOffset: offset,
            as: UInt64.self
        )
        offset += 8
        return UInt64(littleEndian: word)
    }

    /// Reads a signed word of eight bytes.
    public mutating func signedWord(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> Int64 {
        Int64(bitPattern: try word(bytes))
    }

    /// Reads a number that is not negative.
    public mutating func small(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> Int {
        var number: UInt = 0
        var shift: UInt = 0
        while true {
            let byte = try byte(bytes)
            guard shift < 63 else { throw UnreadableBytes(offset: offset) }
            number |= UInt(byte & 0x7F) << shift
            if byte < 0x80 { return Int(number) }
            shift += 7
        }
    }

    /// Reads a text, and tells where it stands.
    public mutating func text(_ bytes: Span<UInt8>) throws(UnreadableBytes) -> Range<Int> {
        let count = try small(bytes)
        guard count <= bytes.count - offset else { throw UnreadableBytes(offset: offset) }
        defer { offset += count }
        return offset..<offset + count
    }
}
