/// The parts of all facilities, numbered: what a reading is about.
///
/// A *part* is a facility, a zone of it, or the bays of one class in either.
///
/// **Numbers.** 0 up to ``facilityCount`` are the facilities themselves, in the configured order. Behind them come, facility by
/// facility, each zone and its classes, and then the facility's classes in no zone. A zone has the classes that it or its
/// facility is configured with.
///
/// **Classes that nobody asked for.** A class that neither the facility nor the zone is configured with has no part: its bays
/// are counted, and not counted apart.
///
/// **Threads.** Any: it never changes.
///
/// **Cost.** Looking up a part takes two loads, a zone one hash of its identifier; neither allocates.
public final class FacilityParts: Sendable {
    /// A part.
    public struct Part: Hashable, Sendable, BitwiseCopyable {
        /// The number of the facility.
        public let facility: Int

        /// The zone, by its place in the facility's list; nil where the part is in no zone.
        public let zone: Int?

        /// The class; nil where the part has bays of all classes.
        public let bayClass: BayClass?

        /// A part of these values.
        public init(facility: Int, zone: Int? = nil, bayClass: BayClass? = nil) {
            self.facility = facility
            self.zone = zone
            self.bayClass = bayClass
        }
    }

    /// The numbers of a facility's parts, as they lie in each other.
    public struct Layout: Sendable {
        /// A zone.
        public struct Zone: Sendable {
            /// Its number.
            public let part: Int

            /// Those of its classes, in the order of ``BayClass``.
            public internal(set) var classes: [Int] = []
        }

        /// The zones, in the configured order.
        public internal(set) var zones: [Zone] = []

        /// The classes in no zone, in the order of ``BayClass``.
        public internal(set) var classes: [Int] = []
    }

    /// The number of facilities.
    public let facilityCount: Int

    /// Every part, by its number.
    public let parts: [Part]

    /// How the parts of each facility lie in each other, by its number.
    public let layouts: [Layout]

    private let zoneIdentifiers: [[String]]

    private let facilityIdentifiers: [String]
    private let capacities: [Int?]
    private let plain: [Bool]
    /// Where a facility's rows begin in `table`: one for no zone, then one a zone.
    private let rows: [Int32]
    /// The part of each facility, zone and class; a row has a column for no class, then one a class.
    private let table: [Int32]
    private let zoneNumbers: ZoneNumbers

    private static let columns = BayClass.allCases.count + 1

    /// The parts of configured facilities.
    public convenience init(_ facilities: [Facility]) {
        self.init(
            facilities.map { facility in
                Shape(
                    identifier: facility.id.text,
                    capacity: facility.capacity,
                    zones: facility.zones.map { zone in
                        let classes = (zone.classes + facility.classes).map(\.bayClass)
                        return Shape.Zone(
                            identifier: zone.id.text,
                            capacity: zone.capacity,
                            classes: BayClass.allCases.filter(classes.contains),
                            classCapacities: zone.classes
                        )
                    },
                    classes: facility.classes.map(\.bayClass),
                    classCapacities: facility.classes
                )
            }
        )
    }

    /// So many facilities without zones and classes.
    public convenience init(facilityCount: Int) {
        self.init((0..<facilityCount).map { Shape(identifier: String($0)) })
    }

    /// The parts that have these identifiers, in any order, as ``identifier(of:)`` gave them.
    ///
    /// The zones of a facility are in the order in which they first appear. What belongs to no facility among them is a
    /// facility of its own, under the whole identifier.
    public convenience init(identifiers: [String]) {
        self.init(Shape.shapes(of: identifiers))
    }

    private init(_ shapes: [Shape]) {
        facilityCount = shapes.count
        facilityIdentifiers = shapes.map(\.identifier)
        zoneIdentifiers = shapes.map { $0.zones.map(\.identifier) }
        zoneNumbers = ZoneNumbers(zoneIdentifiers)
        var parts = shapes.indices.map { Part(facility: $0) }
        var capacities = shapes.map(\.capacity)
        var layouts = shapes.map { _ in Layout() }
        var rows: [Int32] = []
        var table: [Int32] = []
        func add(_ part: Part, capacity: Int?, row: Int) {
            let number = parts.count
            if let bayClass = part.bayClass {
                table[row + Int(bayClass.number)] = Int32(number)
                layouts[part.facility].add(class: number, zone: part.zone)
            } else {
                for column in 0..<Self.columns { table[row + column] = Int32(number) }
                layouts[part.facility].zones.append(Layout.Zone(part: number))
            }
            parts.append(part)
            capacities.append(capacity)
        }
        for (facility, shape) in shapes.enumerated() {
            let first = table.count
            rows.append(Int32(first))
            table += repeatElement(Int32(facility), count: Self.columns * (shape.zones.count + 1))
            for (zone, zoneShape) in shape.zones.enumerated() {
                let row = first + (zone + 1) * Self.columns
                add(
                    Part(facility: facility, zone: zone),
                    capacity: zoneShape.capacity,
                    row: row
                )
                for bayClass in zoneShape.classes {
                    add(
                        Part(facility: facility, zone: zone, bayClass: bayClass),
                        capacity: zoneShape.capacity(of: bayClass),
                        row: row
                    )
                }
            }
            for bayClass in shape.classes {
                add(
                    Part(facility: facility, bayClass: bayClass),
                    capacity: shape.capacity(of: bayClass),
                    row: first
                )
            }
        }
        self.parts = parts
        self.capacities = capacities
        self.layouts = layouts
        plain = layouts.map { $0.zones.isEmpty && $0.classes.isEmpty }
        self.rows = rows
        self.table = table
    }

    /// The number of parts, the facilities among them.
    public var count: Int { parts.count }

    /// The facility that a part belongs to.
    public func facility(of part: Int) -> Int {
        part < facilityCount ? part : parts[part].facility
    }

    /// Whether a facility has neither zones nor classes.
    public func isPlain(_ facility: Int) -> Bool { plain[facility] }

    /// The part in which the bays of a part have their names: its zone, or its facility.
    public func place(of part: Int) -> Int {
        guard part >= facilityCount, parts[part].bayClass != nil else { return part }
        let facility = parts[part].facility
        return parts[part].zone.map { layouts[facility].zones[$0].part } ?? facility
    }

    /// The bays of a part; nil where the configuration doesn't say how many of them there are.
    public func capacity(of part: Int) -> Int? { capacities[part] }

    /// The number of a zone in its facility's list, or nil where the facility has none of this identifier.
    public func zone(_ identifier: Span<UInt8>, facility: Int) -> Int? {
        zoneNumbers.find(identifier, facility: facility)
    }

    /// The number of a zone in its facility's list, or nil where the facility has none of this identifier.
    public func zone(_ identifier: String, facility: Int) -> Int? {
        zoneNumbers.find(Array(identifier.utf8).span, facility: facility)
    }

    /// The part of a facility, a zone and a class; nil where the facility has no such zone.
    ///
    /// A class that is not configured there leads to the part of all classes.
    public func part(facility: Int, zone: Int?, class bayClass: BayClass?) -> Int? {
        if let zone {
            guard zoneIdentifiers[facility].indices.contains(zone) else { return nil }
        }
        let row = Int(rows[facility]) + (zone.map { $0 + 1 } ?? 0) * Self.columns
        return Int(table[row + Int(bayClass?.number ?? 0)])
    }

    /// The identifier of a part: `podium`, `podium/level-1`, `podium/level-1/disabled`, `podium//disabled`.
    ///
    /// The same for ever, as those that it is made of.
    public func identifier(of number: Int) -> String {
        let part = parts[number]
        let facility = facilityIdentifiers[part.facility]
        let zone = part.zone.map { zoneIdentifiers[part.facility][$0] }
        return switch (zone, part.bayClass) {
        case (nil, nil): facility
        case (let zone?, nil): "\(facility)/\(zone)"
        case (let zone, let bayClass?): "\(facility)/\(zone ?? "")/\(bayClass.rawValue)"
        }
    }
}

extension FacilityParts.Layout {
    fileprivate mutating func add(class part: Int, zone: Int?) {
        if let zone { zones[zone].classes.append(part) } else { classes.append(part) }
    }
}

/// What the numbering of parts has to know of a facility.
private struct Shape {
    struct Zone {
        var identifier: String
        var capacity: Int?
        var classes: [BayClass] = []
        var classCapacities: [ClassCapacity] = []

        func capacity(of bayClass: BayClass) -> Int? {
            classCapacities.first { $0.bayClass == bayClass }?.capacity
        }
    }

    var identifier: String
    var capacity: Int?
    var zones: [Zone] = []
    var classes: [BayClass] = []
    var classCapacities: [ClassCapacity] = []

    func capacity(of bayClass: BayClass) -> Int? {
        classCapacities.first { $0.bayClass == bayClass }?.capacity
    }

    /// The facilities that these identifiers of parts tell of.
    static func shapes(of identifiers: [String]) -> [Shape] {
        var shapes: [Shape] = []
        var places: [String: Int] = [:]
        func addFacility(_ identifier: String) {
            guard places.updateValue(shapes.count, forKey: identifier) == nil else { return }
            shapes.append(Shape(identifier: identifier))
        }
        for identifier in identifiers where !identifier.utf8.contains(UInt8(ascii: "/")) {
            addFacility(identifier)
        }
        for identifier in identifiers where identifier.utf8.contains(UInt8(ascii: "/")) {
            let names = identifier.split(separator: "/", omittingEmptySubsequences: false)
            let bayClass = names.count == 3 ? BayClass(rawValue: String(names[2])) : nil
            guard let place = places[String(names[0])],
                names.count == 2 ? !names[1].isEmpty : bayClass != nil
            else {
                addFacility(identifier)
                continue
            }
            shapes[place].add(zone: String(names[1]), bayClass)
        }
        return shapes
    }

    private mutating func add(zone: String, _ bayClass: BayClass?) {
        guard !zone.isEmpty else {
            if let bayClass, !classes.contains(bayClass) { classes.append(bayClass) }
            return
        }
        let place = zones.firstIndex { $0.identifier == zone } ?? zones.count
        if place == zones.count { zones.append(Zone(identifier: zone)) }
        if let bayClass, !zones[place].classes.contains(bayClass) {
            zones[place].classes.append(bayClass)
        }
    }
}

/// The zones of all facilities by their identifiers.
///
/// **Shape.** Open addressing over the bytes of all identifiers, at most half full. The operator chose the names that are in
/// it: a stranger can ask for others, and adds none.
private struct ZoneNumbers: Sendable {
    private struct Entry: BitwiseCopyable {
        var facility: Int32
        var zone: Int32
        var start: Int32
        var count: Int32
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// The number of an entry + 1, or 0.
    private var slots: [Int32]
    private let mask: Int

    init(_ identifiers: [[String]]) {
        let count = identifiers.reduce(0) { $0 + $1.count }
        var slotCount = 2
        while slotCount < count * 2 { slotCount *= 2 }
        mask = slotCount - 1
        slots = Array(repeating: 0, count: slotCount)
        for (facility, zones) in identifiers.enumerated() {
            for (zone, identifier) in zones.enumerated() {
                let name = Array(identifier.utf8)
                entries.append(
                    Entry(
                        facility: Int32(facility),
                        zone: Int32(zone),
                        start: Int32(bytes.count),
                        count: Int32(name.count)
                    )
                )
                bytes += name
                var slot = Self.hash(name.span, facility) & mask
                while slots[slot] != 0 { slot = (slot + 1) & mask }
                slots[slot] = Int32(entries.count)
            }
        }
    }

    func find(_ name: Span<UInt8>, facility: Int) -> Int? {
        var slot = Self.hash(name, facility) & mask
        // Ends: at least half of the slots are empty.
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if Int(entry.facility) == facility, isName(of: entry, name) { return Int(entry.zone) }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func isName(of entry: Entry, _ name: Span<UInt8>) -> Bool {
        guard Int(entry.count) == name.count else { return false }
        for index in 0..<name.count where bytes[Int(entry.start) + index] != name[index] {
            return false
        }
        return true
    }

    /// FNV-1a.
    private static func hash(_ name: Span<UInt8>, _ facility: Int) -> Int {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(facility)
        for index in 0..<name.count { state = (state ^ UInt64(name[index])) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: state ^ state >> 32)
    }
}
