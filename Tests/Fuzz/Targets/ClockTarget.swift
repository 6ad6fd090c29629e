import TestSupport

@testable import Configuration
@testable import Parking

/// The time that a sensor writes, as each kind of clock in several places: near its reception where it has no date, and what the
/// clocks of the place show.
struct ClockTarget: FuzzTarget {
    /// 2026-10-25T01:05:00Z, an hour in which London's clocks have just been set back.
    private static let received: Int64 = 1_792_890_300_000

    private let zones: [ZoneOffsets?]

    init() {
        let path = Folders.root + "/Seeds/zone/london"
        let london = Files.read(path).flatMap { TimeZoneFile.offsets($0) }
        guard let london else { fatalError("\(path) is no time zone") }
        zones = [nil, london, ZoneOffsets(fixed: 20_700_000)]
    }

    func run(_ input: [UInt8]) throws(Violation) {
        let text = Array(input.prefix(64))
        for zone in zones {
            for format in ObservationClock.Format.allCases {
                for offset: Int64 in [0, -90_000, 86_400_000] {
                    let clock = ObservationClock(
                        format: format,
                        zone: zone,
                        offsetMilliseconds: offset
                    )
                    try check(clock, text)
                }
            }
        }
    }

    private func check(_ clock: ObservationClock, _ text: [UInt8]) throws(Violation) {
        let time = clock.milliseconds(text: text.span, near: Self.received)
        guard let time else { return }
        let written = time - clock.offsetMilliseconds
        switch clock.format {
        case .instant: return
        case .hourMinute:
            let age = Self.received - time
            let isNear = (-ObservationClock.fastTolerance...3 * 86_400_000).contains(age)
            try require(isNear, "\(age) ms before its reception")
        case .local:
            let isCalendar = (-62_300_000_000_000...253_500_000_000_000).contains(written)
            try require(isCalendar, "\(written) ms is in no year of four digits")
        }
        // What was skipped in spring is shown by no clock.
        guard let zone = clock.zone else { return }
        let local = written + zone.offset(at: written)
        let times = zone.times(ofLocal: local)
        let isFound = [times.first, times.last].contains(written)
        try require(isFound, "\(written) is neither \(times.first) nor \(times.last)")
    }
}
