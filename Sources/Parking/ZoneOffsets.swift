/// How far the clocks of a place are ahead of UTC, and since when.
///
/// **Shape.** Periods in their order, found by bisection; the first has no beginning and the last no end.
/// **Units.** Milliseconds, of POSIX time and of offsets alike. A local time is the POSIX time at which a clock in UTC
/// would show the same.
public struct ZoneOffsets: Equatable, Sendable {
    /// The largest offset in either direction that a zone may have.
    ///
    /// Source: RFC 8536, section 3.3.1.1, allows no more than 25:59:59.
    public static let largestOffset: Int64 = 26 * 3_600_000 - 1000

    /// The beginning of each period but the first, rising.
    private let changes: [Int64]

    /// The offset of each period; one more than changes.
    private let offsets: [Int64]

    /// The offsets of a place whose clocks are never changed.
    public init(fixed offset: Int64) {
        self.init(first: offset, changes: [])
    }

    /// The offsets of a place whose clocks are changed at these times.
    ///
    /// - Precondition: Times rise, and no offset exceeds ``largestOffset``.
    public init(first: Int64, changes: [(time: Int64, offset: Int64)]) {
        var times: [Int64] = []
        var offsets = [first]
        for change in changes where change.offset != offsets[offsets.count - 1] {
            precondition(change.time > times.last ?? .min, "changes must rise")
            times.append(change.time)
            offsets.append(change.offset)
        }
        precondition(
            offsets.allSatisfy { (-Self.largestOffset...Self.largestOffset).contains($0) },
            "no zone is so far from UTC"
        )
        self.changes = times
        self.offsets = offsets
    }

    /// The offset at a time.
    public func offset(at time: Int64) -> Int64 { offsets[period(at: time)] }

    /// The times at which the clocks show a local time: the first and the last of them, which are one nearly always.
    ///
    /// A local time that is skipped is read as if the clocks had not been changed yet.
    ///
    /// - Precondition: The local time is within years of four digits.
    func times(ofLocal local: Int64) -> (first: Int64, last: Int64) {
        var period = period(at: local - Self.largestOffset)
        var first: Int64?
        var last: Int64?
        var skipped = local - offsets[period]
        while period == 0
            || period <= changes.count && changes[period - 1] <= local + Self.largestOffset
        {
            let time = local - offsets[period]
            let hasEnded = period < changes.count && time >= changes[period]
            if hasEnded {
                skipped = time
            } else if period == 0 || time >= changes[period - 1] {
                first = first ?? time
                last = time
            }
            period += 1
        }
        return (first ?? skipped, last ?? skipped)
    }

    /// The period that holds a time.
    private func period(at time: Int64) -> Int {
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
