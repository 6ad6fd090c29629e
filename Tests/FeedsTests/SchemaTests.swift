import Parking
import TestSupport
import Testing

@testable import Feeds

private let isValidatorInstalled = Command.run([
    "python3", "-c", "from jsonschema import Draft202012Validator",
])

/// The feed against its published schemas, with Python's jsonschema.
@Suite(.enabled(if: isValidatorInstalled, "needs python3 with jsonschema 4"))
struct SchemaTests {
    /// Validates the schema itself, then the document.
    private static let program = """
        import json, sys
        from jsonschema import Draft202012Validator as Validator
        schema, document = (json.load(open(path)) for path in sys.argv[1:3])
        Validator.check_schema(schema)
        Validator(schema).validate(document)
        """

    private func validates(_ document: String, _ schema: String) -> Bool {
        Command.run(["python3", "-c", Self.program, schema, document])
    }

    @Test func `Feed and history are as their schemas say, whatever the names`() throws {
        let scratch = ScratchDirectory()
        let facilities = try FacilityState.allCases.enumerated().map { index, state in
            let location = Location(latitude: 51.4, longitude: -2.4)
            return try facility(
                "f-\(index)",
                name: hostileNames[index],
                location: index == 0 ? location : nil
            )
        }
        var publisher = FeedPublisher(
            settings: FeedSettings(
                directory: "\(scratch.path)/feed",
                publisher: Publisher(name: hostileNames[0]),
                historyStep: .seconds(60)
            ),
            facilities: facilities + [try zonedFacility(zone: hostileNames[0])]
        )
        for (index, state) in FacilityState.allCases.enumerated() where index > 0 {
            publisher.update(index, status: status(105 - index, state: state, isStale: index == 2))
        }
        publisher.update(facilities.count, status: zonedStatus())
        let slot = HistorySlot(occupied: 5, lowest: 3, highest: 7, arrivals: 4, departures: 2)
        let report = publisher.flush(at: moment(0)) { _ in
            HistorySeries(startMilliseconds: 0, stepMilliseconds: 60_000, slots: [nil, slot])
        }
        #expect(report.problems == [])
        let feed = "\(scratch.path)/feed"
        #expect(validates("\(feed)/parking.json", "\(feed)/parking.schema.json"))
        #expect(validates("\(feed)/history/f-1.json", "\(feed)/history.schema.json"))
        // A schema that lets everything pass would pass as well.
        #expect(!validates("\(feed)/history/f-1.json", "\(feed)/parking.schema.json"))
        #expect(!validates("\(feed)/parking.json", "\(feed)/history.schema.json"))
    }
}
