import Ingest
import Occupancy
import Parking
import Testing

@Suite struct `The five readings` {
    @Test(arguments: [
        (#"{"occupied":true}"#, 1), (#"{"occupied":false}"#, 0), (#"{"occupied":1}"#, 1),
        (#"{"occupied":0}"#, 0), (#"{"occupied":1.0}"#, 1), (#"{"occupied":"1"}"#, 1),
        (#"{"occupied":"false"}"#, 0), (#"{"occupied":1e0}"#, 1),
    ]) func `a bay is occupied or vacant`(payload: String, occupied: Int) throws {
        let bench = try Bench([bayRule()])
        bench.send("bath/podium/bay/7", payload)
        #expect(bench.occupied == occupied)
    }

    @Test func `words mean what the rule says, and nothing else`() throws {
        let bench = try Bench([bayRule(words: ["FULL": true, "EMPTY": false, "7": true])])
        bench.send("bath/podium/bay/1", #"{"occupied":"FULL"}"#)
        bench.send("bath/podium/bay/2", #"{"occupied":7}"#)
        #expect(bench.occupied == 2)
        bench.send("bath/podium/bay/1", #"{"occupied":"full"}"#)
        bench.send("bath/podium/bay/1", #"{"occupied":false}"#)
        #expect(bench.occupied == 2)
        #expect(bench.takeIncidents() == [.unknownWord])
        #expect(bench.incidents.refusals == 2)
    }

    @Test func `text is read without the white space around it`() throws {
        let pgs = try rule(
            "pgs/{sign}/state",
            .text,
            facility: .constant("podium"),
            yields: .bay(
                bay: .capture("sign"),
                occupied: .pointer(""),
                words: .init(["OCCUPIED": true, "FREE": false])
            )
        )
        let bench = try Bench([pgs])
        bench.send("pgs/a1/state", "OCCUPIED")
        bench.send("pgs/a2/state", " OCCUPIED\r\n")
        bench.send("pgs/a3/state", "FREE")
        #expect(bench.occupied == 2)
        bench.send("pgs/a3/state", "")
        #expect(bench.takeIncidents() == [.unknownWord])
    }

    @Test func `facility and bay may stand in the payload`() throws {
        let bench = try Bench([
            rule(
                "all",
                facility: .pointer("/where"),
                yields: .bay(bay: .pointer("/id"), occupied: .pointer("/o"), words: .init())
            )
        ])
        bench.send("all", #"{"where":"podium","id":"x","o":true}"#)
        bench.send("all", #"{"where":"podium","id":5,"o":true}"#)
        bench.send("all", #"{"where":"station","id":5,"o":true}"#)
        #expect(bench.occupied == 2)
        bench.send("all", #"{"where":"moon","id":5,"o":true}"#)
        bench.send("all", #"{"where":"podium","id":"","o":true}"#)
        bench.send("all", #"{"where":"podium","o":true}"#)
        bench.send("all", #"{"where":1,"id":5,"o":true}"#)
        let expected: Set<Incident> = [
            .unknownFacility, .badBayName, .fieldMissing, .fieldHasWrongType,
        ]
        #expect(Set(bench.takeIncidents()) == expected)
    }

    @Test func `a constant movement is one car a message`() throws {
        let bench = try Bench([
            rule(
                "{facility}/in",
                .text,
                yields: .movement(arrivals: .constant("1"), departures: nil)
            )
        ])
        for _ in 0..<3 { bench.send("podium/in", "whatever") }
        #expect(bench.occupied == 3)
    }

    @Test func `a retained movement is ignored`() throws {
        let bench = try Bench([
            rule(
                "{facility}/in",
                .text,
                yields: .movement(arrivals: .constant("1"), departures: nil)
            )
        ])
        bench.send("podium/in", "", isRetained: true)
        #expect(bench.occupied == nil)
        #expect(bench.takeIncidents() == [.retainedMovement])
    }

    @Test(arguments: [
        (#"{"in":2,"out":1}"#, 1), (#"{"in":"2","out":"0"}"#, 2),
        (#"{"in":65535,"out":0}"#, 65_535),
        (#"{"in":2.0,"out":0}"#, 2), (#"{"in":1e3,"out":0}"#, 1000), (#"{"in":-0,"out":0}"#, 0),
    ]) func `a movement counts both ways`(payload: String, occupied: Int) throws {
        let bench = try Bench([
            rule(
                "{facility}/moves",
                yields: .movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
            )
        ])
        bench.send("podium/moves", payload)
        #expect(bench.occupied == occupied)
    }

    @Test(arguments: [
        (#"{"in":-1,"out":1}"#, Incident.outOfRange), (#"{"in":65536,"out":1}"#, .outOfRange),
        (#"{"in":1.5,"out":1}"#, .fieldHasWrongType), (#"{"in":true,"out":1}"#, .fieldHasWrongType),
        (#"{"in":[1],"out":1}"#, .fieldHasWrongType), (#"{"in":"x","out":1}"#, .fieldHasWrongType),
        (#"{"in":"","out":1}"#, .fieldHasWrongType), (#"{"in":"1 ","out":1}"#, .fieldHasWrongType),
        (#"{"in":null,"out":1}"#, .fieldMissing), (#"{"in":1}"#, .fieldMissing),
        (#"{"in":9223372036854775808,"out":1}"#, .outOfRange),
        (#"{"in":18446744073709551615,"out":1}"#, .outOfRange),
        (#"{"in":1e300,"out":1}"#, .outOfRange),
        (#"{"in":"99999999999999999999","out":1}"#, .outOfRange),
        (#"{"in":1e400,"out":1}"#, .outOfRange),
        (#"{"in":1,"out":1}x"#, .notJSON), ("", .notJSON), ("\0", .notJSON),
        ("\u{FEFF}{\"in\":1,\"out\":1}", .notJSON),
        (String(repeating: "[", count: 513), .notJSON),
        (String(repeating: "[", count: 65) + String(repeating: "]", count: 65), .payloadTooDeep),
    ]) func `what is no movement is refused and says why`(payload: String, incident: Incident)
        throws
    {
        let bench = try Bench([
            rule(
                "{facility}/moves",
                yields: .movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
            )
        ])
        bench.send("podium/moves", payload)
        #expect(bench.takeIncidents() == [incident])
        #expect(bench.occupied == nil)
    }

    @Test(arguments: [(600, 600), (0, 0), (105, 105), (-8, 0)]) func `a level is what it says`(
        sent: Int,
        occupied: Int
    ) throws {
        let bench = try Bench([rule("{facility}/level", yields: .occupied(.pointer("/n")))])
        bench.send("podium/level", "{\"n\":\(sent)}")
        #expect(bench.occupied == occupied)
    }

    @Test(arguments: [(30, 70, 0), (100, 0, 0), (0, 100, 0), (-5, 105, 0), (120, 0, 20)])
    func `vacant bays are those that are not occupied`(sent: Int, occupied: Int, drift: Int) throws
    {
        let bench = try Bench([rule("{facility}/free", yields: .vacant(.pointer("/n")))])
        bench.send("podium/free", "{\"n\":\(sent)}")
        #expect(bench.occupied == occupied)
        #expect(bench.occupancy.counts(of: 0).drift == drift)
    }

    @Test func `a state is a word`() throws {
        let bench = try Bench([
            rule(
                "{facility}/state",
                .text,
                yields: .state(.pointer(""), words: .init(["OPEN": .open, "SHUT": .closed]))
            )
        ])
        bench.send("podium/state", "SHUT")
        #expect(bench.occupancy.counts(of: 0).operating == .closed)
        bench.send("podium/state", "closed")
        #expect(bench.takeIncidents() == [.unknownWord])
    }
}
