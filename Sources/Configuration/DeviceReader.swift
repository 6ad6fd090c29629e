public import Parking

extension DeviceRegistry {
    /// Checks the bytes of a list of devices that was read from `file`.
    ///
    /// - Parameter facilities: Those that a device may name.
    /// - Throws: Everything that is wrong with it, as far as ``DeviceReader/maximumComplaints`` goes.
    public static func parse(
        _ csv: [UInt8],
        file: String,
        facilities: [Facility]
    ) throws(ConfigurationError) -> DeviceRegistry {
        try DeviceReader(file: file, zones: DeviceReader.zones(of: facilities)).registry(csv)
    }
}

/// Reads the list of devices: comma-separated values, whose first line names the columns.
struct DeviceReader {
    /// The largest file that is read: 64 MiB.
    static let maximumBytes = 64 << 20

    /// The most complaints about one file; of the others only the number is told.
    static let maximumComplaints = 100

    /// How wrong a clock may be: a year, for one that never learned which.
    static let clockOffsets = Duration.seconds(-366 * 86_400)...Duration.seconds(366 * 86_400)

    /// The most devices.
    var maximumDevices = 1_000_000

    /// The file, as complaints name it.
    let file: String

    /// The identifiers of the zones of each facility; nil where the facilities are not all known.
    let zones: [String: [String]]?

    /// The identifiers of the zones of each facility.
    static func zones(of facilities: [Facility]) -> [String: [String]] {
        Dictionary(facilities.map { ($0.id.text, $0.zones.map(\.id.text)) }) { first, _ in first }
    }

    func registry(_ bytes: [UInt8]) throws(ConfigurationError) -> DeviceRegistry {
        guard bytes.count <= Self.maximumBytes else {
            let message = "the file is larger than 64 MiB (67,108,864 bytes)"
            throw ConfigurationError([
                Complaint(file: file, line: 0, column: 0, path: "", message: message)
            ])
        }
        var table = DeviceTable(records: CSVRecords(bytes), file: file, zones: zones)
        let devices = table.devices(maximum: maximumDevices)
        guard table.complaints.isEmpty else { throw ConfigurationError(table.complaints) }
        return DeviceRegistry(devices)
    }
}

/// The columns, by the names in the first line.
private enum Column: Int, CaseIterable {
    case device, facility, zone, bay, bayClass, threshold, direction, clockOffset

    var name: String {
        switch self {
        case .device: "device"
        case .facility: "facility"
        case .zone: "zone"
        case .bay: "bay"
        case .bayClass: "class"
        case .threshold: "threshold"
        case .direction: "direction"
        case .clockOffset: "clock_offset"
        }
    }

    init?(name: String) {
        guard let column = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = column
    }
}

/// One pass over the lines of the file.
private struct DeviceTable {
    /// The name of a bay, byte by byte, and the car park that it is in.
    private struct BayName: Hashable {
        let facility: FacilityIdentifier
        let bytes: [UInt8]
    }

    /// A bay, which a single device may watch.
    private struct Place: Hashable {
        let name: BayName
        let zone: ZoneIdentifier?
    }

    /// The line of the device that watches a bay.
    private struct Watch {
        let line: Int
        /// Whether the device is the bay, since the line names none.
        let isDevice: Bool
    }

    private static let thresholds = -1e9...1e9

    private static let columns =
        "the first line names the columns: "
        + Column.allCases.map(\.name).joined(separator: ", ")

    private var records: CSVRecords
    private let file: String
    private let zones: [String: [String]]?
    private let list = ShortList()

    /// Where each column stands in a line; nil where it is absent.
    private var places = [Int?](repeating: nil, count: Column.allCases.count)
    private var width = 0

    /// The line of each device, by what it calls itself byte by byte.
    private var lines: [[UInt8]: Int] = [:]
    /// Who watches each bay, and the first in any zone that has a bay of a name.
    private var bays: [Place: Watch] = [:]
    private var zonedBays: [BayName: Watch] = [:]

    init(records: CSVRecords, file: String, zones: [String: [String]]?) {
        self.records = records
        self.file = file
        self.zones = zones
    }

    /// What is wrong with the file, in its order.
    var complaints: [Complaint] { list.complaints }

    /// The devices; incomplete after a complaint.
    mutating func devices(maximum: Int) -> [Device] {
        guard header() else { return [] }
        var devices: [Device] = []
        var rows = 0
        while records.advance() {
            guard rows < maximum else {
                complain(
                    records.lineStart,
                    nil,
                    "there are more than \(maximum) devices; leave some out"
                )
                break
            }
            rows += 1
            guard split(), !records.fields.allSatisfy(\.isEmpty) else { continue }
            guard records.fields.count == width else {
                complain(
                    records.lineStart,
                    nil,
                    "the line has \(counted(records.fields.count, "field")), but the first one names "
                        + counted(width, "column")
                )
                continue
            }
            if let device = device() { devices.append(device) }
        }
        return devices
    }

    // MARK: The first line

    /// Reads the names of the columns, and tells whether the lines can be read by them.
    private mutating func header() -> Bool {
        guard records.advance() else {
            list.add {
                Complaint(
                    file: file,
                    line: 1,
                    column: 1,
                    path: "",
                    message: "the file is empty; its first line names the columns, such as "
                        + "device,facility,bay"
                )
            }
            return false
        }
        guard split() else { return false }
        width = records.fields.count
        var missing: Set<Column> = [.device, .facility]
        for (index, field) in records.fields.enumerated() {
            if width == 1, let separator = separator(in: field) {
                complain(
                    field.offset,
                    nil,
                    "the columns are parted by \(separator); save the file with commas"
                )
                return false
            }
            guard let name = text(field, nil) else { continue }
            guard let column = Column(name: name) else {
                let near = nearest(to: name, among: Column.allCases.map(\.name))
                let advice = near.map { "did you mean \(quoted($0))?" } ?? Self.columns
                complain(field.offset, nil, "unknown column \(quoted(name)); \(advice)")
                if let meant = near.flatMap(Column.init(name:)) { missing.remove(meant) }
                continue
            }
            missing.remove(column)
            if places[column.rawValue] != nil {
                complain(field.offset, nil, "the column \(quoted(name)) is there twice")
            }
            places[column.rawValue] = index
        }
        for column in Column.allCases where missing.contains(column) {
            complain(
                records.lineStart,
                nil,
                "the column \(quoted(column.name)) is missing; \(Self.columns)"
            )
        }
        return field(.device) != nil && field(.facility) != nil
    }

    /// What a spreadsheet put between the columns instead of commas.
    private func separator(in field: CSVRecords.Field) -> String? {
        let separators: [Character: String] = [";": "semicolons", "\t": "tabs", "|": "'|'"]
        return records.text(of: field)?.lazy.compactMap { separators[$0] }.first
    }

    // MARK: A line

    private mutating func device() -> Device? {
        let before = list.count
        let identifier = name(.device)
        if identifier == nil, isEmpty(.device) {
            complain(.device, "must not be empty; it is what the sensor calls itself")
        }
        if let identifier {
            let bytes = Array(identifier.utf8)
            if let line = lines[bytes] {
                complain(.device, "\(quoted(identifier)) stands in line \(line) already")
            } else {
                lines[bytes] = records.line
            }
        }
        let facility = facility()
        let zone = facility.flatMap { self.zone(of: $0) }
        let bay = name(.bay)
        if let facility, zone != nil || isEmpty(.zone) {
            if let bay {
                watch(bay, facility, zone, isDevice: false)
            } else if let identifier, isEmpty(.bay), isEmpty(.direction) {
                // Without a direction it may be no counter, but a bay of its own name.
                watch(identifier, facility, zone, isDevice: true)
            }
        }
        let bayClass = choice(.bayClass, of: BayClass.self)
        let threshold = threshold()
        let direction = choice(.direction, of: Device.Direction.self)
        let clockOffset = clockOffset()
        guard list.count == before, let identifier, let facility else {
            return nil
        }
        return Device(
            identifier: identifier,
            facility: facility,
            zone: zone,
            bay: bay,
            bayClass: bayClass,
            threshold: threshold,
            direction: direction ?? .forward,
            clockOffset: clockOffset
        )
    }

    /// Takes note of the bay that the device watches, and complains if it is not the only one.
    private mutating func watch(
        _ bay: String,
        _ facility: FacilityIdentifier,
        _ zone: ZoneIdentifier?,
        isDevice: Bool
    ) {
        let name = BayName(facility: facility, bytes: Array(bay.utf8))
        let place = Place(name: name, zone: zone)
        // In no zone and in one the same name is the same bay, as when a car park was divided into zones.
        let elsewhere = zone == nil ? zonedBays[name] : bays[Place(name: name, zone: nil)]
        if let other = bays[place] ?? elsewhere {
            complain(
                isDevice ? .device : .bay,
                complaint(bay, other, isDevice: isDevice, isElsewhere: bays[place] == nil)
            )
            return
        }
        let watch = Watch(line: records.line, isDevice: isDevice)
        bays[place] = watch
        if zone != nil, zonedBays[name] == nil { zonedBays[name] = watch }
    }

    private func complaint(
        _ bay: String,
        _ other: Watch,
        isDevice: Bool,
        isElsewhere: Bool
    ) -> String {
        if isDevice {
            return
                "\(quoted(bay)) without a bay is a bay of that name, which has its device in line "
                + "\(other.line) already; say its bay, or its direction if it counts"
        }
        if other.isDevice {
            return
                "\(quoted(bay)) is the device in line \(other.line), which without a bay is a bay of "
                + "that name; say its bay there, or its direction if it counts"
        }
        return isElsewhere
            ? "\(quoted(bay)) has its device in line \(other.line) already, where one of the two is in "
                + "no zone; say its zone"
            : "\(quoted(bay)) has its device in line \(other.line) already"
    }

    private func facility() -> FacilityIdentifier? {
        guard let text = text(.facility) else {
            if isEmpty(.facility) {
                complain(.facility, "must not be empty; it is the id of the car park")
            }
            return nil
        }
        let isKnown = zones.map { $0[text] != nil } ?? true
        guard isKnown, let facility = FacilityIdentifier(text) else {
            complain(
                .facility,
                "there is no facility with the id \(quoted(text))"
                    + hint(text, zones.map { $0.keys.sorted() } ?? [])
            )
            return nil
        }
        return facility
    }

    private func zone(of facility: FacilityIdentifier) -> ZoneIdentifier? {
        guard let text = text(.zone) else { return nil }
        let known = zones?[facility.text]
        guard known?.contains(text) ?? true, let zone = ZoneIdentifier(text) else {
            complain(
                .zone,
                "\(quoted(facility.text)) has no zone with the id \(quoted(text))"
                    + hint(text, known ?? [])
            )
            return nil
        }
        return zone
    }

    private func threshold() -> Double? {
        guard let text = text(.threshold) else { return nil }
        guard let value = DecimalNumber.value(text), Self.thresholds.contains(value) else {
            complain(
                .threshold,
                "must be a number from -1000000000 to 1000000000, not \(quoted(text))"
            )
            return nil
        }
        return value
    }

    private func clockOffset() -> Duration? {
        guard let text = text(.clockOffset) else { return nil }
        guard let value = LengthOfTime.signed(text), DeviceReader.clockOffsets.contains(value)
        else {
            complain(
                .clockOffset,
                "must be a length of time from -366d to 366d such as -90s, which sets back a clock "
                    + "that is fast, not \(quoted(text))"
            )
            return nil
        }
        return value
    }

    private func choice<Value: CaseIterable & RawRepresentable<String>>(
        _ column: Column,
        of: Value.Type
    ) -> Value? {
        guard let text = text(column) else { return nil }
        guard let value = Value(rawValue: text) else {
            complain(column, notOne(of: Value.self, text))
            return nil
        }
        return value
    }

    // MARK: Fields

    private func field(_ column: Column) -> CSVRecords.Field? {
        places[column.rawValue].map { records.fields[$0] }
    }

    private func isEmpty(_ column: Column) -> Bool { field(column)?.isEmpty ?? true }

    /// The text of a column that is there and not empty.
    private func text(_ column: Column) -> String? {
        guard let field = field(column), !field.isEmpty else { return nil }
        return text(field, column)
    }

    /// A text that a sensor may send: no longer than a name may be.
    private func name(_ column: Column) -> String? {
        guard let text = text(column) else { return nil }
        guard text.utf8.count <= Device.maximumNameBytes else {
            complain(
                column,
                "is \(text.utf8.count) bytes long; at most \(Device.maximumNameBytes) are allowed"
            )
            return nil
        }
        return text
    }

    private func text(_ field: CSVRecords.Field, _ column: Column?) -> String? {
        guard let text = records.text(of: field) else {
            complain(field.offset, column, "is not UTF-8; save the file as UTF-8")
            return nil
        }
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            complain(field.offset, column, "the text holds a control character; remove it")
            return nil
        }
        return text
    }

    private mutating func split() -> Bool {
        do {
            try records.split()
            return true
        } catch {
            complain(error.offset, nil, error.message)
            return false
        }
    }

    // MARK: Complaints

    private func counted(_ count: Int, _ noun: String) -> String {
        count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
    }

    private func hint(_ text: String, _ candidates: [String]) -> String {
        nearest(to: text, among: candidates).map { "; did you mean \(quoted($0))?" } ?? ""
    }

    private func complain(_ column: Column, _ message: @autoclosure () -> String) {
        complain(field(column)?.offset ?? records.lineStart, column, message())
    }

    /// Complains about a place in the current line.
    private func complain(
        _ offset: Int,
        _ column: Column?,
        _ message: @autoclosure () -> String
    ) {
        list.add {
            Complaint(
                file: file,
                line: records.line,
                column: records.column(of: offset),
                path: column?.name ?? "",
                message: message()
            )
        }
    }
}

/// The complaints that somebody may read, and the number of the others.
private final class ShortList {
    /// The number of all complaints.
    private(set) var count = 0
    private var kept: [Complaint] = []
    private var firstOmitted: Complaint?

    /// Counts a complaint, and makes it if it is kept.
    func add(_ complaint: () -> Complaint) {
        count += 1
        if kept.count < DeviceReader.maximumComplaints {
            kept.append(complaint())
        } else if firstOmitted == nil {
            firstOmitted = complaint()
        }
    }

    /// The complaints that were kept, and one that tells of the others.
    var complaints: [Complaint] {
        guard let firstOmitted else { return kept }
        let summary = Complaint(
            file: firstOmitted.file,
            line: firstOmitted.line,
            column: firstOmitted.column,
            path: "",
            message: "and \(count - kept.count) more complaints from here on"
        )
        return kept + [summary]
    }
}
