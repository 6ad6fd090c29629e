import Occupancy
import Parking

/// A device of the registry, as the stream needs it.
///
/// A class, so that where there is none costs a message nothing but a null.
final class CompiledDevice: Sendable {
    /// The number of its facility.
    let facility: Int
    /// Where its readings belong, if the registry says it all.
    let part: Int
    /// Whether the registry names its zone, so that no message can.
    let isPart: Bool
    /// The bay that it watches; nil where the message or its own name says it.
    let bay: [UInt8]?
    let bayClass: BayClass?
    let threshold: Double?
    let isReversed: Bool
    let clockOffsetMilliseconds: Int64?

    init(_ device: Device, facility: Int, part: Int) {
        self.facility = facility
        self.part = part
        isPart = device.zone != nil
        bay = device.bay.map { Array($0.utf8) }
        bayClass = device.bayClass
        threshold = device.threshold
        isReversed = device.direction == .reversed
        clockOffsetMilliseconds = device.clockOffset?.wholeMilliseconds
    }
}

/// The registry by the names of its devices.
///
/// **Threads.** Immutable once it is made.
struct CompiledDevices: Sendable {
    private let names: NameTable
    let devices: [CompiledDevice]

    /// - Precondition: As the configuration guarantees: facilities and zones exist, and no device is there twice.
    init(_ registry: DeviceRegistry, facilities: [Facility], parts: FacilityParts) {
        names = NameTable(capacity: max(1, registry.devices.count))
        let numbers = Dictionary(
            facilities.enumerated().map { ($1.id, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var devices: [CompiledDevice] = []
        devices.reserveCapacity(registry.devices.count)
        for device in registry.devices {
            let name = Array(device.identifier.utf8)
            guard let facility = numbers[device.facility], names.insert(name.span) == devices.count
            else {
                fatalError("the device \(device.identifier) of \(device.facility) was not checked")
            }
            let zone = device.zone.map { parts.zone($0.text, facility: facility) ?? -1 }
            guard
                let part = parts.part(facility: facility, zone: zone, class: device.bayClass)
            else { fatalError("\(device.facility) has no zone \(device.zone?.text ?? "")") }
            devices.append(CompiledDevice(device, facility: facility, part: part))
        }
        self.devices = devices
    }

    /// The device of this name.
    func find(_ name: Span<UInt8>) -> CompiledDevice? { names.find(name).map { devices[$0] } }
}
