internal import Parking

/// Reads the zones and the classes of a facility, and checks that they fit into it.
struct PartReader {
    /// The bays of the facility; nil where they could not be read, so that nothing is held against them.
    let capacity: Int?

    /// The zones and the classes, or nil after a complaint.
    func parts(
        zones zonesElement: Element?,
        classes classesElement: Element?
    ) -> (zones: [Zone], classes: [ClassCapacity])? {
        let zones = zonesElement.or([], zones)
        let classes = classesElement.or([]) { classCapacities($0, of: "the facility", capacity) }
        guard let zones, let classes else { return nil }
        let zoned = zones.reduce(0) { $0 + $1.capacity }
        if let capacity, zoned > capacity {
            zonesElement?.complain(
                "the zones have \(zoned) bays together, but the facility has \(capacity)"
            )
            return nil
        }
        for whole in classes {
            let parts = zones.flatMap(\.classes).filter { $0.bayClass == whole.bayClass }
            let sum = parts.reduce(0) { $0 + $1.capacity }
            guard sum > whole.capacity else { continue }
            classesElement?.complain(
                "the zones have \(sum) \(whole.bayClass.rawValue) bays together, but the facility "
                    + "has \(whole.capacity)"
            )
            return nil
        }
        return (zones, classes)
    }

    private func zones(_ element: Element) -> [Zone]? {
        guard let items = element.items() else { return nil }
        guard items.count <= Facility.maximumZones else {
            element.complain(
                "has \(items.count) zones; at most \(Facility.maximumZones) are allowed"
            )
            return nil
        }
        var places: [ZoneIdentifier: String] = [:]
        var zones: [Zone] = []
        for item in items {
            guard let zone = zone(item, &places) else { continue }
            zones.append(zone)
        }
        return zones.count == items.count ? zones : nil
    }

    private func zone(_ element: Element, _ places: inout [ZoneIdentifier: String]) -> Zone? {
        guard let keys = element.keys() else { return nil }
        let idElement = keys.require("id", "a short name that never changes, of a-z, 0-9 and -")
        let id = idElement.flatMap(identifier)
        let name = keys.require("name", "what people call it")?.nonEmptyText(maximumBytes: 1024)
        let capacity = keys.require("capacity", "the number of its bays")?
            .integer(in: 1...Facility.maximumCount)
        let classes = keys.take("classes").or([]) { classCapacities($0, of: "the zone", capacity) }
        keys.finish()
        guard let id else { return nil }
        if let other = places.updateValue(element.path, forKey: id) {
            idElement?.complain("\(other) has the id \(quoted(id.text)) already")
            return nil
        }
        guard let name, let capacity, let classes else { return nil }
        return Zone(id: id, name: name, capacity: capacity, classes: classes)
    }

    private func identifier(_ element: Element) -> ZoneIdentifier? {
        guard let text = element.text() else { return nil }
        guard let id = ZoneIdentifier(text) else {
            element.complain(
                "must be 1 to 64 characters of a-z, 0-9 and -, beginning with a letter or a digit, "
                    + "not \(quoted(text))"
            )
            return nil
        }
        return id
    }

    /// The bays of each class, which together are no more than those of the part that they lie in.
    private func classCapacities(
        _ element: Element,
        of part: String,
        _ capacity: Int?
    ) -> [ClassCapacity]? {
        guard let keys = element.keys() else { return nil }
        var classes: [ClassCapacity] = []
        var areRead = true
        for bayClass in BayClass.allCases {
            guard let value = keys.take(bayClass.rawValue) else { continue }
            if let count = value.integer(in: 1...Facility.maximumCount) {
                classes.append(ClassCapacity(bayClass, capacity: count))
            } else {
                areRead = false
            }
        }
        let words = BayClass.allCases.map(\.rawValue).joined(separator: ", ")
        keys.finish("the classes are \(words)")
        let sum = classes.reduce(0) { $0 + $1.capacity }
        if areRead, let capacity, sum > capacity {
            element.complain(
                "the classes have \(sum) bays together, but \(part) has \(capacity)"
            )
            return nil
        }
        return areRead ? classes : nil
    }
}
