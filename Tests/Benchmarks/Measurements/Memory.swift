import LinuxSystem
import Occupancy
import Parking

/// A million bays: 100 facilities of 10,000, named `bay-000000` and so on, with a day's history.
enum MillionBays {
    static let facilities = 100
    static let baysOfEach = 10_000

    /// An occupancy of that size, in which nothing is known.
    static func empty() -> LiveOccupancy {
        LiveOccupancy(
            facilityCount: facilities,
            bayLimit: baysOfEach,
            sensorLimit: 100_000,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 1440)
        )
    }

    /// Every second bay becomes occupied.
    static func fill(_ occupancy: LiveOccupancy, at now: Moment) {
        var name = Array("bay-000000".utf8)
        for facility in 0..<facilities {
            for number in 0..<baysOfEach {
                write(number, to: &name)
                guard let bay = occupancy.bay(name.span, facility: facility) else {
                    fatalError("no room for bay \(number) of facility \(facility)")
                }
                _ = occupancy.recordBay(
                    bay,
                    facility: facility,
                    occupied: number % 2 == 0,
                    observed: now.wallMilliseconds,
                    isRetained: false,
                    at: now
                )
            }
        }
    }

    /// Writes the digits of a number over the end of a name.
    private static func write(_ number: Int, to name: inout [UInt8]) {
        var rest = number
        for index in name.indices.suffix(6).reversed() {
            name[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
    }
}

/// The memory of a million bays.
func measureMemory() -> [Figure] {
    let base = ProcessUsage.now().residentBytes
    let occupancy = MillionBays.empty()
    MillionBays.fill(occupancy, at: .now())
    let grown = ProcessUsage.now().residentBytes - base
    let known = occupancy.bays.count
    precondition(known == MillionBays.facilities * MillionBays.baysOfEach)
    return [
        Figure(name: "bays", value: Double(known)),
        Figure(name: "base_bytes", value: Double(base)),
        Figure(name: "bytes_per_bay", value: Double(grown) / Double(known)),
    ]
}
