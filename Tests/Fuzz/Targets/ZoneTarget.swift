@testable import Configuration
@testable import Parking

/// A compiled time zone: whatever its periods are, a time is found again from what the clocks of the place show then.
struct ZoneTarget: FuzzTarget {
    /// The years 1900 to 2100.
    private static let start: Int64 = -2_208_988_800_000
    private static let end: Int64 = 4_102_444_800_000

    func run(_ input: [UInt8]) throws(Violation) {
        guard let zone = TimeZoneFile.offsets(input) else { return }
        // Every 97 days and a bit, so that all hours of a day come.
        for time in stride(from: Self.start, to: Self.end, by: 8_387_654_321) {
            let offset = zone.offset(at: time)
            let isOffset = abs(offset) <= ZoneOffsets.largestOffset
            try require(isOffset, "\(offset) ms ahead of UTC")
            let times = zone.times(ofLocal: time + offset)
            let isFound = times.first <= time && time <= times.last
            try require(isFound, "\(time) is not from \(times.first) to \(times.last)")
            for found in [times.first, times.last] {
                let shown = found + zone.offset(at: found)
                try require(shown == time + offset, "the clocks show \(shown) at \(found)")
            }
        }
    }
}
