import Parking
import Testing

@testable import Configuration

/// What stands in the tests' configuration: two facilities, one of them with zones.
private let zones = ["podium": ["level-1", "level-2"], "charlotte-street": []]

private func registry(_ bytes: [UInt8]) throws(ConfigurationError) -> DeviceRegistry {
    try DeviceReader(file: "d.csv", zones: zones).registry(bytes)
}

private func devices(_ text: String) throws(ConfigurationError) -> [Device] {
    try registry(Array(text.utf8)).devices
}

/// The complaints about the bytes of a list of devices, one a line.
private func deviceComplaints(_ bytes: [UInt8]) -> [String] {
    do {
        _ = try registry(bytes)
        return []
    } catch {
        return error.complaints.map(\.description)
    }
}

private func facility(_ id: String) throws -> FacilityIdentifier {
    try #require(FacilityIdentifier(id))
}

private func zone(_ id: String) throws -> ZoneIdentifier {
    try #require(ZoneIdentifier(id))
}

@Suite struct `A list of devices` {
    @Test func `tells all that there is to know of a device`() throws {
        let list = """
            device,facility,zone,bay,class,threshold,direction,clock_offset
            70B3D5,podium,level-1,A 12,disabled,1250.5,reversed,-90s
            """
        #expect(
            try devices(list) == [
                Device(
                    identifier: "70B3D5",
                    facility: facility("podium"),
                    zone: try zone("level-1"),
                    bay: "A 12",
                    bayClass: .disabled,
                    threshold: 1250.5,
                    direction: .reversed,
                    clockOffset: .seconds(-90)
                )
            ]
        )
    }

    @Test func `has its columns in any order, and those that it needs`() throws {
        let list = "bay,facility,device\n7,podium,b\n,charlotte-street,a\n"
        #expect(
            try devices(list) == [
                Device(identifier: "b", facility: facility("podium"), bay: "7"),
                Device(identifier: "a", facility: facility("charlotte-street")),
            ]
        )
    }

    /// What spreadsheets and people write, all of it the same two devices.
    @Test(arguments: [
        "device,facility,bay\na,podium,1\nb,podium,2\n",
        "device,facility,bay\na,podium,1\nb,podium,2",
        "device,facility,bay\r\na,podium,1\r\nb,podium,2\r\n",
        "\u{FEFF}device,facility,bay\na,podium,1\nb,podium,2\n",
        "# our sensors\n\ndevice,facility,bay\n# level 1\na,podium,1\n \n,,\nb,podium,2\n\n",
        "\"device\",\"facility\",\"bay\"\n\"a\",\"podium\",\"1\"\n\"b\",\"podium\",\"2\"\n",
        "device, facility, bay\na,\t podium ,1\nb , \"podium\" , 2\n",
    ]) func `is read as spreadsheets and people write it`(list: String) throws {
        #expect(
            try devices(list) == [
                Device(identifier: "a", facility: facility("podium"), bay: "1"),
                Device(identifier: "b", facility: facility("podium"), bay: "2"),
            ]
        )
    }

    @Test(arguments: [
        "device,facility,zone,bay\na,podium,level-1,1\nb,podium,level-2,1\nc,charlotte-street,,1\n",
        "device,facility,zone,bay\nA9,podium,level-1,\nd5,podium,level-2,A9\n",
        "device,facility,bay,direction\nA9,podium,,forward\nd5,podium,A9,\n",
        "device,facility,bay\nA9,podium,A9\nd5,podium,d5\n",
    ]) func `may have bays of one name where each is another`(list: String) {
        #expect(deviceComplaints(Array(list.utf8)) == [])
    }

    @Test(arguments: [
        ("\"a,b\"", "a,b"), ("\"a\"\"b\"", "a\"b"), ("\"\"\"\"", "\""), ("\" a \"", " a "),
        ("\"#1\"", "#1"), ("Dachgeschoß", "Dachgeschoß"), ("\"ö\"\"ö\"", "ö\"ö"),
    ]) func `keeps what a quoted field holds`(field: String, text: String) throws {
        let list = "device,facility\n\(field),podium\n"
        #expect(try devices(list).map(\.identifier) == [text])
    }

    @Test(arguments: [
        ("0s", Duration.zero), ("90s", .seconds(90)), ("+90s", .seconds(90)),
        ("-250ms", .milliseconds(-250)), ("-1d", .seconds(-86_400)),
    ]) func `says by how much a clock is wrong`(text: String, offset: Duration) throws {
        let list = "device,facility,clock_offset\na,podium,\(text)\n"
        #expect(try devices(list).map(\.clockOffset) == [offset])
    }

    @Test(arguments: tableRefusals + fieldRefusals + deviceRefusals)
    func `is refused with line and column`(list: String, complaints: [String]) {
        #expect(deviceComplaints(Array(list.utf8)) == complaints)
    }

    @Test func `that is not UTF-8 is refused where it is not`() {
        let list = Array("device,facility\n\u{E4}".utf8) + [0xE4] + Array(",podium\n".utf8)
        #expect(
            deviceComplaints(list) == ["d.csv:2:1: device: is not UTF-8; save the file as UTF-8"]
        )
    }

    @Test func `is held against the facilities and their zones`() throws {
        let podium = Facility(
            id: try facility("podium"),
            name: "Podium",
            capacity: 521,
            zones: [Zone(id: try zone("roof"), name: "Roof", capacity: 50)]
        )
        func parse(_ zone: String) throws(ConfigurationError) -> [Device] {
            let list = Array("device,facility,zone\na,podium,\(zone)\n".utf8)
            return try DeviceRegistry.parse(list, file: "d.csv", facilities: [podium]).devices
        }
        #expect(try parse("roof").map(\.zone) == [zone("roof")])
        #expect(throws: ConfigurationError.self) { try parse("level-1") }
    }

    @Test func `may name any facility where they are not known`() throws {
        let list = Array("device,facility,zone\na,nowhere,level-9\n".utf8)
        let registry = try DeviceReader(file: "d.csv", zones: nil).registry(list)
        #expect(
            registry.devices
                == [
                    Device(
                        identifier: "a",
                        facility: try facility("nowhere"),
                        zone: try zone("level-9")
                    )
                ]
        )
    }

    @Test func `that is all wrong is told of in a hundred lines`() {
        let list = "device,facility\n" + String(repeating: "a,nowhere\n", count: 150)
        let found = deviceComplaints(Array(list.utf8))
        #expect(found.count == 101)
        // The first line has one complaint, the others two: the device and its facility.
        #expect(found.last == "d.csv:52:3: and 199 more complaints from here on")
    }

    @Test func `of thousands of lines is read whole`() throws {
        var list = "device,facility,zone,bay,class\n"
        for number in 0..<20_000 {
            list +=
                "70b3d57ed00\(10_000 + number),podium,level-\(number % 2 + 1),\(number),electric\n"
        }
        let devices = try devices(list)
        #expect(devices.count == 20_000)
        #expect(devices.last?.identifier == "70b3d57ed0029999")
        #expect(devices.last?.bay == "19999")
    }

    @Test func `ends at so many devices`() throws {
        let list = Array("device,facility\na,podium\nb,podium\nc,podium\nd,podium\n".utf8)
        let reader = DeviceReader(maximumDevices: 3, file: "d.csv", zones: zones)
        do throws(ConfigurationError) {
            _ = try reader.registry(list)
            Issue.record("a fourth device was read")
        } catch {
            #expect(
                error.description == "d.csv:5:1: there are more than 3 devices; leave some out"
            )
        }
    }

    @Test func `ends at 64 MiB`() {
        let list = [UInt8](repeating: UInt8(ascii: "\n"), count: (64 << 20) + 1)
        #expect(
            deviceComplaints(list) == ["d.csv: the file is larger than 64 MiB (67,108,864 bytes)"]
        )
    }
}

private let columns =
    "the first line names the columns: device, facility, zone, bay, class, threshold, direction, "
    + "clock_offset"

private let tableRefusals: [(String, [String])] = [
    (
        "",
        [
            "d.csv:1:1: the file is empty; its first line names the columns, such as device,facility,bay"
        ]
    ),
    (
        "# nothing yet\n\n",
        [
            "d.csv:1:1: the file is empty; its first line names the columns, such as device,facility,bay"
        ]
    ),
    (
        "device;facility\na;podium\n",
        ["d.csv:1:1: the columns are parted by semicolons; save the file with commas"]
    ),
    (
        "device\tfacility\na\tpodium\n",
        ["d.csv:1:1: the columns are parted by tabs; save the file with commas"]
    ),
    (
        "device,facility,colour\na,podium,red\n",
        ["d.csv:1:17: unknown column 'colour'; \(columns)"]
    ),
    (
        "devise,facility\na,podium\n",
        ["d.csv:1:1: unknown column 'devise'; did you mean 'device'?"]
    ),
    (
        "device,bay\na,1\n",
        ["d.csv:1:1: the column 'facility' is missing; \(columns)"]
    ),
    (
        "device,facility,bay,bay\na,podium,1,2\n",
        ["d.csv:1:21: the column 'bay' is there twice"]
    ),
    (
        String(repeating: "a,", count: 63) + "device,facility\n",
        ["d.csv:1:1: the line has more than 64 fields"]
    ),
    (
        "device,facility\na\nb,podium\nc,podium,1\n",
        [
            "d.csv:2:1: the line has 1 field, but the first one names 2 columns",
            "d.csv:4:1: the line has 3 fields, but the first one names 2 columns",
        ]
    ),
]

private let fieldRefusals: [(String, [String])] = [
    (
        "device,facility\nä,\"podium\nb,podium\n",
        ["d.csv:2:3: the quote that opens here is not closed on this line"]
    ),
    (
        "device,facility\na\"b\",podium\n",
        [
            "d.csv:2:2: a quote stands inside a field; put the whole field in quotes and double "
                + "those that belong to it"
        ]
    ),
    (
        "device,facility\n\"a\"b,podium\n",
        [
            "d.csv:2:4: after a field in quotes comes a comma or the end of the line; a quote that "
                + "belongs to the field is doubled"
        ]
    ),
    (
        "device,facility\na\u{7}b,podium\n",
        ["d.csv:2:1: device: the text holds a control character; remove it"]
    ),
    (
        "device,facility\na,podium\rb,podium\r",
        ["d.csv:2:1: the line has 3 fields, but the first one names 2 columns"]
    ),
]

private let deviceRefusals: [(String, [String])] = [
    (
        "device,facility\n,podium\na,\n",
        [
            "d.csv:2:1: device: must not be empty; it is what the sensor calls itself",
            "d.csv:3:3: facility: must not be empty; it is the id of the car park",
        ]
    ),
    (
        "device,facility\na,podium\na,charlotte-street\n",
        ["d.csv:3:1: device: 'a' stands in line 2 already"]
    ),
    (
        "device,facility\n\(String(repeating: "x", count: 256)),podium\n",
        ["d.csv:2:1: device: is 256 bytes long; at most 255 are allowed"]
    ),
    (
        "device,facility\na,podiun\nb,Podium!\n",
        [
            "d.csv:2:3: facility: there is no facility with the id 'podiun'; did you mean 'podium'?",
            "d.csv:3:3: facility: there is no facility with the id 'Podium!'; did you mean 'podium'?",
        ]
    ),
    (
        "device,facility,zone\na,podium,level-3\nb,charlotte-street,roof\n",
        [
            "d.csv:2:10: zone: 'podium' has no zone with the id 'level-3'; did you mean 'level-1'?",
            "d.csv:3:20: zone: 'charlotte-street' has no zone with the id 'roof'",
        ]
    ),
    (
        "device,facility,zone,bay\na,podium,level-7,1\nb,podium,,1\n",
        ["d.csv:2:10: zone: 'podium' has no zone with the id 'level-7'; did you mean 'level-1'?"]
    ),
    (
        "device,facility,zone,bay\na,podium,level-1,1\nb,podium,level-2,1\nc,podium,level-1,1\n",
        ["d.csv:4:18: bay: '1' has its device in line 2 already"]
    ),
    (
        "device,facility,zone,bay\na,podium,level-1,1\nb,podium,,1\nc,podium,,2\nd,podium,level-2,2\n",
        [
            "d.csv:3:11: bay: '1' has its device in line 2 already, where one of the two is in no zone; "
                + "say its zone",
            "d.csv:5:18: bay: '2' has its device in line 4 already, where one of the two is in no zone; "
                + "say its zone",
        ]
    ),
    (
        "device,facility,bay\nA9,podium,\nd5,podium,A9\nd6,podium,A7\nA7,podium,\n",
        [
            "d.csv:3:11: bay: 'A9' is the device in line 2, which without a bay is a bay of that name; "
                + "say its bay there, or its direction if it counts",
            "d.csv:5:1: device: 'A7' without a bay is a bay of that name, which has its device in line 4 "
                + "already; say its bay, or its direction if it counts",
        ]
    ),
    (
        "device,facility,bay\n\u{E9},podium,a\u{308}\ne\u{301},podium,\u{E4}\n\u{E9},podium,b\n",
        ["d.csv:4:1: device: '\u{E9}' stands in line 2 already"]
    ),
    (
        "device,facility,class\na,podium,disable\n",
        [
            "d.csv:2:10: class: must be one of standard, disabled, electric, parent, motorcycle, "
                + "coach, not 'disable'; did you mean 'disabled'?"
        ]
    ),
    (
        "device,facility,threshold\na,podium,1e3\nb,podium,-1.5\nc,podium,10000000000\n",
        [
            "d.csv:2:10: threshold: must be a number from -1000000000 to 1000000000, not '1e3'",
            "d.csv:4:10: threshold: must be a number from -1000000000 to 1000000000, not '10000000000'",
        ]
    ),
    (
        "device,facility,direction\na,podium,backward\n",
        ["d.csv:2:10: direction: must be one of forward, reversed, not 'backward'"]
    ),
    (
        "device,facility,clock_offset\na,podium,-90\nb,podium,--1s\nc,podium,367d\n",
        ["-90", "--1s", "367d"].enumerated().map { index, text in
            "d.csv:\(index + 2):10: clock_offset: must be a length of time from -366d to 366d such "
                + "as -90s, which sets back a clock that is fast, not '\(text)'"
        }
    ),
]

@Suite struct `The key devices` {
    private let town = smallest + "devices: {file: devices.csv}\n"

    private func complaints(
        _ text: String,
        file: String,
        _ read: @escaping FileReader
    ) -> [String] {
        do {
            _ = try Configuration.parse(text, file: file, read: read)
            return []
        } catch {
            return error.complaints.map(\.description)
        }
    }

    @Test(arguments: [
        ("c.yaml", "devices.csv", "devices.csv"),
        ("/etc/carparkd/c.yaml", "devices.csv", "/etc/carparkd/devices.csv"),
        ("town/c.yaml", "lists/devices.csv", "town/lists/devices.csv"),
        ("town/c.yaml", "/srv/devices.csv", "/srv/devices.csv"),
    ]) func `names a file beside the configuration`(
        file: String,
        path: String,
        expected: String
    ) throws {
        let text = try town.replacing(once: "devices.csv", by: path)
        let configuration = try Configuration.parse(text, file: file) {
            path,
            _ throws(UnreadableFile) in
            guard path == expected else { throw UnreadableFile(reason: "it is \(path)") }
            return Array("device,facility\na,podium\n".utf8)
        }
        #expect(
            configuration.devices
                == DeviceRegistry([Device(identifier: "a", facility: try facility("podium"))])
        )
        #expect(configuration.summary.contains("\ndevices: 1\n"))
    }

    @Test func `has its complaints after those about the configuration`() throws {
        let text = try town.replacing(once: "    capacity: 521", by: "    capacity: 521\n    x: 1")
        let found = complaints(text, file: "/etc/c.yaml") { _, _ in
            Array("device,facility\n,podium\na,podiun\n".utf8)
        }
        #expect(
            found == [
                "/etc/c.yaml:10:5: facilities[0].x: unknown key; remove it",
                "/etc/devices.csv:2:1: device: must not be empty; it is what the sensor calls itself",
                "/etc/devices.csv:3:3: facility: there is no facility with the id 'podiun'; "
                    + "did you mean 'podium'?",
            ]
        )
    }

    @Test func `says why the file cannot be read`() {
        let found = complaints(town, file: "/etc/c.yaml") { _, _ throws(UnreadableFile) in
            throw UnreadableFile(reason: "Permission denied")
        }
        #expect(
            found == [
                "/etc/c.yaml:14:17: devices.file: '/etc/devices.csv' cannot be read: "
                    + "Permission denied"
            ]
        )
    }

    @Test func `has an example in Config that fits the other one`() throws {
        let written = try text(ofFile: packageRoot + "/Config/carparkd.yaml")
        let all = try written.replacing(once: "# devices: {", by: "devices: {")
        let list = Array(try text(ofFile: packageRoot + "/Config/devices.csv").utf8)
        let configuration = try Configuration.parse(all, file: "all") { path, _ in
            path == "devices.csv" ? list : []
        }
        #expect(configuration.devices?.devices.count == 5)
    }

    @Test(arguments: ["../devices.csv", "a/./b", "lists/"])
    func `refuses a path that wanders`(path: String) throws {
        let text = try town.replacing(once: "devices.csv", by: path)
        #expect(
            complaints(text, file: "c.yaml", Configuration.noFile) == [
                "c.yaml:14:17: devices.file: must be the path of a file without . and .., "
                    + "not '\(path)'"
            ]
        )
    }
}
