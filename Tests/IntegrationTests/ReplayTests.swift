import Glibc
import TestSupport
import Testing

/// Recordings through `carparkd replay`: real ones of whole towns, and what mosquitto_sub really prints.
@Suite struct `A replay` {
    private let directory = ScratchDirectory()

    @Test(arguments: Recording.all)
    func `ends with the last values of`(recording: Recording) async throws {
        guard let rows = recording.rows() else {
            try Test.cancel("\(recording.path) is absent")
        }
        directory.write(rows.map(\.line).joined(separator: "\n") + "\n", to: "messages.json")
        var last: [String: Recording.Row] = [:]
        for row in rows where last[row.facility].map({ $0.time <= row.time }) ?? true {
            last[row.facility] = row
        }
        var town = Town(directory, port: 1883)
        town.facilities = last.keys.sorted()
        town.capacities = last.mapValues(\.capacity)
        let replay = try carparkd(["replay"] + town.write() + [directory.path("messages.json")])
        #expect(try await replay.exit(within: .seconds(300)) == .status(0), "\(replay.errors)")
        #expect(replay.errors == "")
        #expect(replay.output.hasPrefix("\(rows.count) messages, \(rows.count) readings, 0 late, "))

        let feed = try #require(town.published)
        #expect(feed.facilities.count == recording.facilityCount)
        for (identifier, row) in last {
            let facility = try #require(feed.facilities[identifier])
            #expect(facility.occupied == row.occupied, "\(identifier)")
            #expect(facility.free == max(0, row.capacity - row.occupied), "\(identifier)")
            #expect(facility.observedAt?.prefix(19) == row.time.prefix(19), "\(identifier)")
        }
        let end = try #require(last.values.map(\.time).max())
        #expect(feed.generatedAt.prefix(19) == end.prefix(19))
    }

    @Test(arguments: ["%j", "%J"])
    func `reads what mosquitto_sub prints`(format: String) async throws {
        let broker = try await Broker.started()
        let messages = [
            ("park/bays/bay/a", #"{"occupied": true, "name": "Größe \"1\" \u0041"}"#),
            ("park/bays/bay/b", #"{ "occupied" : 1 }"#),
            ("park/level/level", #"{"count": 12, "more": [1.5, null, {"x": "y"}]}"#),
            ("park/counted/count", #"{"in": 7, "out": 2}"#),
            ("park/counted/count", #"{"in": 9, "out": 3}"#),
            ("park/gate/gate/in", "1"),
            // mosquitto_sub -F '%J' leaves out a payload that is no JSON.
            ("park/gate/gate/in", "a car"),
            ("park/signed/state", format == "%j" ? "closed" : #""closed""#),
        ]
        let count = format == "%j" ? messages.count : messages.count - 1
        let recorder = try broker.listen("park/#", count: count, ["-F", format])
        let isListening = try await eventually { broker.log.contains("Sending SUBACK") }
        #expect(isListening)
        for (topic, payload) in messages { try await broker.publish(topic, payload) }
        #expect(try await recorder.exit() == .status(0))
        directory.write(recorder.output, to: "messages.json")

        let town = Town(directory, port: 1883)
        let replay = try carparkd(["replay"] + town.write() + [directory.path("messages.json")])
        let exit = try await replay.exit()
        #expect(exit == .status(0), "\(replay.errors)\n\(recorder.output)")
        let facilities = try #require(town.published).facilities
        #expect(facilities["bays"]?.occupied == 2)
        #expect(facilities["level"]?.occupied == 12)
        #expect(facilities["counted"]?.occupied == 1)
        #expect(facilities["gate"]?.occupied == (format == "%j" ? 2 : 1))
        // In '%J' this payload keeps its quotation marks, with which no rule knows the word.
        #expect(facilities["signed"]?.state == (format == "%j" ? "closed" : "unknown"))
    }

    @Test func `complains about lines that are no messages, and takes the others`() async throws {
        let good = Recording.Row(facility: "level", time: "2026-11-23T06:00:00.000000", occupied: 4)
        let lines = [
            good.line,
            "not JSON",
            "",
            #"{"tst": "yesterday", "topic": "park/level/level", "payload": ""}"#,
            #"{"tst": "2026-11-23T06:12:45.000000Z+0000", "payload": "1"}"#,
            #"{"tst":"2026-11-23T06:12:45.000000Z+0000","topic":"park/\u001b[2J/level","payload":"{}"}"#,
            #"{"tst": "\u001b[2J", "topic": "x", "payload": ""}"#,
        ]
        directory.write(lines.joined(separator: "\n"), to: "messages.json")
        let path = directory.path("messages.json")
        let town = Town(directory, port: 1883)
        let replay = try carparkd(["replay"] + town.write() + [path])
        #expect(try await replay.exit() == .status(65))
        let complaints = replay.errors.split(separator: "\n")
        #expect(complaints.map { $0.hasPrefix(path) } == [true, true, true, true])
        for (complaint, words) in zip(complaints, [":2: ", ":4: ", ":5: ", ":7: "]) {
            #expect(complaint.contains(path + words), "\(complaint)")
        }
        #expect(!(replay.errors + replay.output).contains("\u{1B}"))
        #expect(replay.output.hasPrefix("2 messages, 1 readings, 0 late, 1 refused\n"))
        #expect(town.published?.facilities["level"]?.occupied == 4)
    }

    @Test func `tells what was ignored from what was refused`() async throws {
        var town = Town(directory, port: 1883)
        town.rules.append(
            #"{topic: "noise/{facility}", when: {/x: 1}, reading: level, occupied: /n}"#
        )
        let lines = ["noise/level", "park/moon/level"].map {
            #"{"tst": "2026-11-23T06:12:45.000000Z+0000", "topic": "\#($0)", "payload": "{}"}"#
        }
        directory.write(lines.joined(separator: "\n"), to: "messages.json")
        let replay = try carparkd(["replay"] + town.write() + [directory.path("messages.json")])
        #expect(try await replay.exit() == .status(0), "\(replay.errors)")
        for line in [
            "2 messages, 1 readings, 0 late, 1 refused",
            "  1 × no rule's conditions hold (ignored), rules[6], last on noise/level",
            "  1 × unknown facility, rules[4], last on park/moon/level",
        ] {
            #expect(replay.output.contains(line + "\n"), "\(line)\nis not in\n\(replay.output)")
        }
    }

    @Test func `says which recording it can't read`() async throws {
        let town = Town(directory, port: 1883)
        let replay = try carparkd(["replay"] + town.write() + [directory.path("absent.json")])
        #expect(try await replay.exit() == .status(1))
        #expect(replay.errors.hasPrefix(directory.path("absent.json") + ": No such file"))
        #expect(town.published == nil)
    }
}

/// A town's levels in a CSV file beside the package.
struct Recording: CustomTestStringConvertible {
    static let all = [
        Recording(
            name: "aarhus_2014.csv",
            columns: ("garagecode", "updatetime", "vehiclecount", "totalspaces"),
            facilityCount: 8
        ),
        Recording(
            name: "bath_2015-01-01.csv",
            columns: ("name", "lastupdate", "occupancy", "capacity"),
            facilityCount: 5
        ),
    ]

    struct Row {
        var facility: String
        /// `2014-05-22T09:09:04.145000`: they sort as the times do.
        var time: String
        var occupied: Int
        var capacity = 1

        /// As `mosquitto_sub -F '%j'` prints it.
        var line: String {
            let payload = #"{"count": \#(occupied)}"#
            let quoted = #"{\"count\": \#(occupied)}"#
            return #"{"tst":"\#(time)Z+0000","topic":"park/\#(facility)/level","qos":1,"#
                + #""retain":0,"payloadlen":\#(payload.utf8.count),"mid":1,"payload":"\#(quoted)"}"#
        }
    }

    let name: String
    let columns: (facility: String, time: String, occupied: String, capacity: String)
    let facilityCount: Int

    var path: String { packageRoot + "/../shared/data/" + name }
    var testDescription: String { name }

    /// Its rows in the order of the file; nil where there is no file.
    func rows() -> [Row]? {
        guard let bytes = Files.read(path) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let cells = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        guard let head = cells.first,
            let facility = head.firstIndex(where: { $0 == columns.facility }),
            let time = head.firstIndex(where: { $0 == columns.time }),
            let occupied = head.firstIndex(where: { $0 == columns.occupied }),
            let capacity = head.firstIndex(where: { $0 == columns.capacity })
        else { return nil }
        return cells.dropFirst().compactMap { row in
            guard let occupied = Int(row[occupied]), let capacity = Int(row[capacity])
            else { return nil }
            let parts = row[time].split(whereSeparator: { $0 == " " || $0 == "." })
            let fraction = parts.count > 2 ? parts[2] : ""
            let zeros = String(repeating: "0", count: 6 - fraction.count)
            return Row(
                facility: String(row[facility].lowercased().map { $0 == " " ? "-" : $0 }),
                time: "\(parts[0])T\(parts[1]).\(fraction)\(zeros)",
                occupied: occupied,
                capacity: capacity
            )
        }
    }
}
