internal import Parking

/// Reads the facilities.
struct FacilityReader {
    /// What was read: the identifiers are known even where the rest of a facility is wrong.
    struct Result {
        /// The facilities; nil after a complaint.
        var facilities: [Facility]?
        /// Every identifier; nil where one could not be read, so that no rule is blamed for it.
        var identifiers: Set<String>?
    }

    func facilities(_ element: Element?) -> Result {
        guard let items = element?.items() else { return Result() }
        var facilities: [Facility] = []
        var places: [String: String] = [:]
        var unreadable = false
        for item in items {
            guard let keys = item.keys() else {
                unreadable = true
                continue
            }
            let idElement = keys.require("id", "a short name that never changes, of a-z, 0-9 and -")
            let id = idElement.flatMap(identifier)
            let facility = facility(keys, id: id)
            keys.finish()
            if let id {
                if let other = places.updateValue(item.path, forKey: id.text) {
                    idElement?.complain("\(other) has the id \(quoted(id.text)) already")
                }
            } else {
                unreadable = true
            }
            if let facility { facilities.append(facility) }
        }
        return Result(
            facilities: facilities.count == items.count ? facilities : nil,
            identifiers: unreadable ? nil : Set(places.keys)
        )
    }

    private func identifier(_ element: Element) -> FacilityIdentifier? {
        guard let text = element.text() else { return nil }
        guard let id = FacilityIdentifier(text) else {
            element.complain(
                "must be 1 to 64 characters of a-z, 0-9 and -, beginning with a letter or a digit, "
                    + "not \(quoted(text))"
            )
            return nil
        }
        return id
    }

    private func facility(_ keys: NodeReader, id: FacilityIdentifier?) -> Facility? {
        let name = keys.require("name", "what people call it")?.nonEmptyText(maximumBytes: 1024)
        let capacity = keys.require("capacity", "the number of its bays")?
            .integer(in: 1...Facility.maximumCount)
        let location = keys.take("location").flatMap(location)
        let almostFullElement = keys.take("almost_full")
        let almostFull = almostFullElement.flatMap(thresholds)
        let fullElement = keys.take("full")
        let full = fullElement.flatMap(thresholds)
        let staleAfter = keys.take("stale_after").flatMap {
            $0.duration(in: .seconds(1)...ConfigurationReader.longest)
        }
        let baySilence = keys.take("bay_silence").flatMap {
            $0.duration(in: .seconds(60)...ConfigurationReader.longest)
        }
        let parts = PartReader(capacity: capacity).parts(
            zones: keys.take("zones"),
            classes: keys.take("classes")
        )
        guard let id, let name, let capacity, let parts else { return nil }
        let facility = Facility(
            id: id,
            name: name,
            capacity: capacity,
            location: location,
            almostFull: almostFull,
            full: full,
            staleAfter: staleAfter,
            zones: parts.zones,
            classes: parts.classes,
            baySilence: baySilence
        )
        let areRead =
            (almostFull == nil) == (almostFullElement == nil)
            && (full == nil) == (fullElement == nil)
        if areRead, facility.almostFull.rising > facility.full.rising {
            (almostFullElement ?? fullElement)?.complain(
                "almost_full.rising (\(facility.almostFull.rising)) must be at most full.rising "
                    + "(\(facility.full.rising))"
            )
        }
        return facility
    }

    private func location(_ element: Element) -> Location? {
        guard let keys = element.keys() else { return nil }
        let latitude = keys.require("latitude", "degrees north, WGS 84")?.decimal(in: -90...90)
        let longitude = keys.require("longitude", "degrees east, WGS 84")?.decimal(in: -180...180)
        keys.finish()
        guard let latitude, let longitude else { return nil }
        return Location(latitude: latitude, longitude: longitude)
    }

    private func thresholds(_ element: Element) -> Thresholds? {
        guard let keys = element.keys() else { return nil }
        let rising = keys.require("rising", "the state begins at this many occupied bays")?
            .integer(in: 1...Facility.maximumCount)
        let fallingElement = keys.require("falling", "the state ends below this many occupied bays")
        let falling = fallingElement?.integer(in: 1...Facility.maximumCount)
        keys.finish()
        guard let rising, let falling else { return nil }
        guard falling <= rising else {
            fallingElement?.complain("must be at most 'rising' (\(rising)), not \(falling)")
            return nil
        }
        return Thresholds(rising: rising, falling: falling)
    }
}
