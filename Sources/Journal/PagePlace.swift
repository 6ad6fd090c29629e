/// Where a page stands: its kind and its number.
///
/// **Shape.** The kind in bits 56 to 62, the number below: the rows of a kind lie side by side, in the order of their numbers.
public struct PagePlace: Hashable, Sendable, RawRepresentable {
    /// What a page holds; the raw values are a part of the file's layout.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// What the pages were written under.
        case settings = 1
        /// The identifiers of facilities.
        case facilityNames = 2
        /// What is known of facilities.
        case facilities = 3
        /// The names of bays.
        case bayNames = 4
        /// The words of bays.
        case bays = 5
        /// The topics of counting sensors.
        case counterNames = 6
        /// The words of counting sensors.
        case counters = 7
        /// The topics of numbering sensors.
        case sequenceNames = 8
        /// The words of numbering sensors.
        case sequences = 9
        /// Steps of facilities' histories.
        case history = 10
    }

    /// The largest number.
    public static let maximumNumber: Int64 = (1 << 56) - 1

    /// The kind.
    public let kind: Kind
    /// The number within the kind.
    public let number: Int64

    /// The place of the n-th page of a kind.
    public init(_ kind: Kind, _ number: Int64) {
        precondition((0...Self.maximumNumber).contains(number))
        self.kind = kind
        self.number = number
    }

    /// The place with this row number.
    public init?(rawValue: Int64) {
        guard rawValue >= 0, let kind = Kind(rawValue: UInt8(rawValue >> 56)) else { return nil }
        self.init(kind, rawValue & Self.maximumNumber)
    }

    /// The row number.
    public var rawValue: Int64 { Int64(kind.rawValue) << 56 | number }
}
