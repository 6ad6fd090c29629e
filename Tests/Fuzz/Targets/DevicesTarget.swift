import Parking

@testable import Configuration

/// A list of devices: each of them once, in a facility that there is, or complaints that a person can act on.
struct DevicesTarget: FuzzTarget {
    private let facilities: [Facility]

    init() {
        let path = Folders.rules + "/plain.yaml"
        do throws(ConfigurationError) {
            facilities = try Configuration.load(path: path).facilities
        } catch {
            fatalError("\(error)")
        }
    }

    func run(_ input: [UInt8]) throws(Violation) {
        let registry: DeviceRegistry
        do throws(ConfigurationError) {
            registry = try DeviceRegistry.parse(input, file: "devices.csv", facilities: facilities)
        } catch {
            let bound = DeviceReader.maximumComplaints + 1
            try require(error.complaints.count <= bound, "\(error.complaints.count) complaints")
            return try ComplaintCheck(input).run(error.complaints)
        }
        var names: Set<String> = []
        for device in registry.devices {
            let name = device.identifier
            let isName = (1...Device.maximumNameBytes).contains(name.utf8.count)
            try require(isName, "a name of \(name.utf8.count) bytes")
            try require(names.insert(name).inserted, "\(name.debugDescription) twice")
            let facility = facilities.first { $0.id == device.facility }
            guard let facility else { throw Violation("no facility \(device.facility)") }
            guard let zone = device.zone else { continue }
            let isThere = facility.zones.contains { $0.id == zone }
            try require(isThere, "no zone \(zone) in \(facility.id)")
        }
    }
}
