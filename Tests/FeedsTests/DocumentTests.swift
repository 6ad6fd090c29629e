import LinuxSystem
import Parking
import Testing

@testable import Feeds

struct ParkingDocumentTests {
    private func document(_ facilities: [Facility], hasHistory: Bool = false) -> ParkingDocument {
        ParkingDocument(
            facilities: facilities,
            publisher: samplePublisher,
            interval: .seconds(1),
            heartbeat: .seconds(60),
            hasHistory: hasHistory
        )
    }

    private func text(_ document: ParkingDocument) -> String {
        let chunks = document.chunks(generatedMilliseconds: sampleMilliseconds)
        return String(decoding: chunks.joined(), as: UTF8.self)
    }

    private let head =
        #"{"generated_at":"2026-11-23T06:12:45Z","publisher":{"#
        + #""name":"Bath \u0026 North East Somerset Council","#
        + #""url":"https://www.example.org/parking","licence":"OGL-UK-3.0","#
        + #""attribution":"Contains public sector information."},"facilities":["#

    private let tail =
        "\n"
        + #"],"interval_seconds":1,"heartbeat_seconds":60,"durable":true,"schema":"parking.schema.json"}"#
        + "\n"

    @Test func `The document has the members of the contract, in its order`() throws {
        let location = Location(latitude: 51.3837, longitude: -2.3665)
        var document = document(
            [
                try facility(
                    "charlotte-street",
                    name: "Charlotte Street Car Park",
                    capacity: 1056,
                    location: location
                ),
                try facility("podium", capacity: 521),
            ],
            hasHistory: true
        )
        let isNew = document.update(0, status(600, trend: .increasing))
        #expect(isNew)
        #expect(
            text(document) == head + "\n"
                + #"{"id":"charlotte-street","name":"Charlotte Street Car Park","#
                + #""location":{"latitude":51.3837,"longitude":-2.3665},"#
                + #""capacity":1056,"occupied":600,"free":456,"state":"open","trend":"increasing","#
                + #""observed_at":"2026-11-23T06:12:44Z","stale":false,"#
                + #""history":"history/charlotte-street.json"},"# + "\n"
                + #"{"id":"podium","name":"podium","location":null,"capacity":521,"#
                + #""occupied":null,"free":null,"state":"unknown","trend":null,"#
                + #""observed_at":null,"stale":false,"history":"history/podium.json"}"# + tail
        )
    }

    @Test func `Zones and classes stand in their facility, with the bays that nobody knows of`()
        throws
    {
        var document = document([try zonedFacility(), try facility("plain")], hasHistory: true)
        _ = document.update(0, zonedStatus())
        #expect(
            text(document) == head + "\n"
                + #"{"id":"podium","name":"Podium","location":null,"#
                + #""capacity":521,"occupied":130,"free":384,"unknown":7,"#
                + #""state":"open","trend":"stable","#
                + #""observed_at":"2026-11-23T06:12:44Z","stale":false,"#
                + #""history":"history/podium.json","#
                + #""classes":["#
                + #"{"class":"disabled","capacity":20,"occupied":12,"free":6,"unknown":2},"#
                + #"{"class":"parent","capacity":10,"occupied":null,"free":null,"unknown":0}],"#
                + #""zones":["#
                + #"{"id":"level-1","name":"Level 1","#
                + #""capacity":200,"occupied":120,"free":75,"unknown":5,"classes":["#
                + #"{"class":"electric","capacity":4,"occupied":1,"free":2,"unknown":1}]},"#
                + #"{"id":"level-2","name":"Level 2","#
                + #""capacity":300,"occupied":null,"free":null,"unknown":0}]},"# + "\n"
                + #"{"id":"plain","name":"plain","location":null,"capacity":100,"#
                + #""occupied":null,"free":null,"state":"unknown","trend":null,"#
                + #""observed_at":null,"stale":false,"history":"history/plain.json"}"# + tail
        )
    }

    @Test func `Before the first reading zones and classes are there, and nothing is known`() throws
    {
        let text = text(document([try zonedFacility()]))
        #expect(text.contains(#""class":"disabled","capacity":20,"occupied":null,"free":null"#))
        #expect(text.contains(#""id":"level-1","name":"Level 1","capacity":200,"occupied":null"#))
    }

    @Test func `A document without facilities is one, too`() {
        #expect(text(document([])) == head + tail)
    }

    @Test func `More vehicles than bays are told, and no bay is free then`() throws {
        var document = document([try facility("a", capacity: 100)])
        _ = document.update(0, status(105, state: .full, trend: nil, isStale: true))
        #expect(
            text(document).contains(
                #""capacity":100,"occupied":105,"free":0,"state":"full","trend":null,"#
                    + #""observed_at":"2026-11-23T06:12:44Z","stale":true}"#
            )
        )
    }

    @Test(arguments: hostileNames)
    func `No name can end its string or begin a tag`(name: String) throws {
        let facilities = [try facility("a", name: name), try zonedFacility(name: name, zone: name)]
        let text = text(document(facilities))
        #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } == 4)
        #expect(!text.contains("<"))
        #expect(!text.contains(">"))
        #expect(text.contains(#","location":null,"capacity":100"#))
    }

    @Test func `An equal status is no change`() throws {
        var document = document([try facility("a")])
        #expect(!document.hasChanged)
        let first = document.update(0, .unknown)
        let second = document.update(0, status(1))
        let third = document.update(0, status(1))
        #expect([first, second, third] == [false, true, false])
        #expect(document.hasChanged)
        document.markPublished()
        #expect(!document.hasChanged)
    }

    /// Fragments grow and shrink within blocks; whatever the order, only the last status of each counts.
    @Test(arguments: [1, 31, 32, 33, 64, 65, 200])
    func `A document after many changes equals one that was made from the last of them`(count: Int)
        throws
    {
        var generator = SystemRandomNumberGenerator()
        let facilities = try (0..<count).map { try facility("f-\($0)", capacity: 1_000_000) }
        var changed = document(facilities)
        var last = [FacilityStatus](repeating: .unknown, count: count)
        var compressor = GzipCompressor()
        for round in 0..<1000 {
            let index = Int.random(in: 0..<count, using: &generator)
            last[index] = status(
                Bool.random(using: &generator) ? Int.random(in: 0...1_000_000) : nil,
                state: FacilityState.allCases.randomElement(using: &generator) ?? .open
            )
            _ = changed.update(index, last[index])
            if round % 100 == 0 {
                _ = changed.compressed(generatedMilliseconds: 0, with: &compressor)
            }
        }
        var fresh = document(facilities)
        for (index, status) in last.enumerated() { _ = fresh.update(index, status) }
        #expect(text(changed) == text(fresh))
        let one = changed.compressed(generatedMilliseconds: 0, with: &compressor)
        let other = fresh.compressed(generatedMilliseconds: 0, with: &compressor)
        #expect(one == other)
    }
}

struct HistoryDocumentTests {
    @Test func `Columns have null where nothing is known`() throws {
        let series = HistorySeries(
            startMilliseconds: sampleMilliseconds,
            stepMilliseconds: 60_000,
            slots: [
                HistorySlot(occupied: 5, lowest: 3, highest: 7, arrivals: 4, departures: 2), nil,
                HistorySlot(occupied: nil, lowest: nil, highest: nil, arrivals: 1, departures: 0),
            ]
        )
        var writer = JSONWriter()
        HistoryDocument.write(series, of: try facility("podium", capacity: 521), to: &writer)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"id":"podium","step_seconds":60,"start":"2026-11-23T06:12:45Z","#
                + #""capacity":521,"occupied":[5,null,null],"lowest":[3,null,null],"#
                + #""highest":[7,null,null],"arrivals":[4,null,1],"departures":[2,null,0]}"#
        )
    }
}
