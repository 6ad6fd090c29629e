import LinuxSystem
import Parking

/// Facilities `f-00000`, `f-00001` and so on, each with a place and so many bays.
func facilities(count: Int, capacity: Int) -> [Facility] {
    (0..<count).map { number in
        let text = "f-" + padded(number, digits: 5)
        guard let id = FacilityIdentifier(text) else { fatalError("\(text) is no identifier") }
        return Facility(
            id: id,
            name: "Car Park \(number)",
            capacity: capacity,
            location: Location(latitude: 51.3837, longitude: -2.3665)
        )
    }
}

/// A number with zeros before it.
func padded(_ number: Int, digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

extension Moment {
    /// This moment, by the kernel's clocks.
    static func now() -> Moment {
        Moment(
            wallMilliseconds: SystemClock.wallMilliseconds(),
            monotonicMilliseconds: SystemClock.monotonicMilliseconds()
        )
    }
}
