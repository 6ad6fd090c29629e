/// A digest of texts: 64 bits, the same on every machine and for ever, since journals hold it.
///
/// Folds eight bytes a step by a 64 × 64 → 128 bit product. It notices accidents and tells messages apart; it keeps nobody
/// from making two texts of one digest on purpose.
public struct Digest: Sendable {
    /// The digest of what was added so far.
    public private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The digest of nothing.
    public init() {}

    /// Adds a text and its length, so that a shift between two texts is another digest.
    public mutating func add(_ text: Span<UInt8>) {
        let bytes = unsafe text.bytes
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            value = Self.fold(value ^ UInt64(littleEndian: word), 0xA076_1D64_78BD_642F)
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < text.count {
            tail = tail << 8 | UInt64(text[offset])
            offset += 1
        }
        value = Self.fold(value ^ tail, 0xE703_7ED1_A0B4_28DB)
        value = Self.fold(value ^ UInt64(text.count), 0x8EBC_6AF0_9C88_C6E3)
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
