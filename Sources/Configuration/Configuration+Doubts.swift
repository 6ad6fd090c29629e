internal import Parking

extension Configuration {
    /// Remarks on what is no mistake, but hardly meant.
    var doubts: [String] { unreached + crowded + unattained }

    /// Facilities that stay unknown for ever: nothing that arrives can be about them.
    private var unreached: [String] {
        var reached: Set<String> = []
        for rule in rules {
            switch rule.subject {
            case .facility(.constant(let id)): reached.insert(id)
            // Whatever a message names.
            case .facility: return []
            case .device: reached.formUnion((devices?.devices ?? []).map(\.facility.text))
            }
        }
        let unreached = facilities.map(\.id.text).filter { !reached.contains($0) }
        guard !unreached.isEmpty else { return [] }
        let shown = unreached.prefix(10).map(quoted).joined(separator: ", ")
        let more = unreached.count > 10 ? " and \(unreached.count - 10) more" : ""
        return ["no rule and no listed device reaches \(shown)\(more): nothing is ever known there"]
    }

    /// Facilities and zones for which more bays are listed than they have.
    private var crowded: [String] {
        struct Place: Hashable {
            let facility: String
            var zone: String?
        }
        var listed: [Place: Int] = [:]
        for device in devices?.devices ?? [] where device.bay != nil {
            listed[Place(facility: device.facility.text), default: 0] += 1
            guard let zone = device.zone else { continue }
            listed[Place(facility: device.facility.text, zone: zone.text), default: 0] += 1
        }
        func remark(_ place: Place, _ name: String, _ capacity: Int) -> String? {
            guard let count = listed[place], count > capacity else { return nil }
            return "the list of devices has \(count) bays in \(name), whose capacity is \(capacity)"
        }
        return facilities.flatMap { facility in
            let place = Place(facility: facility.id.text)
            let whole = remark(place, quoted(facility.id.text), facility.capacity)
            let zones = facility.zones.map { zone in
                remark(
                    Place(facility: facility.id.text, zone: zone.id.text),
                    "zone \(quoted(zone.id.text)) of \(quoted(facility.id.text))",
                    zone.capacity
                )
            }
            return ([whole] + zones).compactMap { $0 }
        }
    }

    /// Facilities with a state that begins beyond their capacity.
    private var unattained: [String] {
        facilities.flatMap { facility in
            [("almost_full", facility.almostFull), ("full", facility.full)]
                .filter { $0.1.rising > facility.capacity }
                .map { key, thresholds in
                    "\(key).rising of \(quoted(facility.id.text)) is \(thresholds.rising), and its capacity "
                        + "\(facility.capacity): it is \(key) only with more vehicles than bays"
                }
        }
    }
}
