/// STAND-IN
public struct ObservationClock: Equatable, Sendable {
    public enum Format: Sendable { case instant, hourMinute, local }
    public var format = Format.instant
    public var offsetMilliseconds: Int64 = 0
    public init() {}
    public func milliseconds(text: Span<UInt8>, near: Int64) -> Int64? { nil }
    public func milliseconds(integer: Int64, near: Int64) -> Int64? { nil }
}
