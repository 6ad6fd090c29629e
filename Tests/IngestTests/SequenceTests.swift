import Occupancy
import Parking
import Testing

@testable import Ingest

@Suite struct `Sequence numbers` {
    /// What becomes of numbers that come in this order.
    private func steps(_ numbers: [Int], wrapsAt: Int? = nil) -> [SequenceStep] {
        var window: SequenceWindow?
        return numbers.map { number in
            let (next, step) = SequenceStep.step(window, number: number, wrapsAt: wrapsAt)
            window = next ?? window
            return step
        }
    }

    @Test(
        arguments: [
            ([5, 6, 7], [.first, .next, .next]),
            ([5, 5], [.first, .repeated]),
            ([5, 6, 5, 6, 7], [.first, .next, .repeated, .repeated, .next]),
            ([5, 8], [.first, .gap(missing: 2)]),
            ([5, 8, 6, 6, 7, 9], [.first, .gap(missing: 2), .late, .repeated, .late, .next]),
            ([100, 0, 1, 2], [.first, .reset, .next, .next]),
            ([100, 20, 21], [.first, .reset, .next]),
            ([3, 0, 1], [.first, .reset, .next]),
            ([0, 0], [.first, .repeated]),
            ([10, 500, 436, 437], [.first, .gap(missing: 489), .reset, .next]),
            ([10, 500, 437], [.first, .gap(missing: 489), .late]),
        ] as [([Int], [SequenceStep])]
    )
    func `tell new, repeated, late and missing messages apart`(
        numbers: [Int],
        expected: [SequenceStep]
    ) {
        #expect(steps(numbers) == expected)
    }

    @Test(
        arguments: [
            ([255, 0, 1], [.first, .next, .next]),
            ([254, 1], [.first, .gap(missing: 2)]),
            ([0, 254], [.first, .late]),
            ([255, 1, 0, 0], [.first, .gap(missing: 1), .late, .reset]),
            ([1, 255, 0, 255], [.first, .late, .late, .repeated]),
            ([200, 100], [.first, .reset]),
        ] as [([Int], [SequenceStep])]
    )
    func `wrap the shorter way round`(numbers: [Int], expected: [SequenceStep]) {
        #expect(steps(numbers, wrapsAt: 256) == expected)
    }

    /// What becomes of numbers that come in this order, each with an identity.
    private func steps(
        _ messages: [(Int, MessageIdentity?)]
    ) -> [SequenceStep] {
        var window: SequenceWindow?
        return messages.map { number, identity in
            let (next, step) = SequenceStep.step(
                window,
                number: number,
                wrapsAt: nil,
                identity: identity
            )
            window = next ?? window
            return step
        }
    }

    @Test(
        arguments: [
            ([(0, 1), (0, 1)], [.first, .repeated]),
            ([(0, 1), (0, 2), (1, 2)], [.first, .reset, .next]),
            ([(7, 1), (9, 2), (10, 2)], [.first, .reset, .next]),
            ([(7, 1), (7, 0)], [.first, .repeated]),
            ([(7, 0), (7, 1)], [.first, .repeated]),
        ] as [([(Int, UInt8)], [SequenceStep])]
    )
    func `of another session are all new`(
        messages: [(Int, UInt8)],
        expected: [SequenceStep]
    ) {
        let identities = messages.map { ($0.0, MessageIdentity(session: $0.1, message: 0)) }
        #expect(steps(identities) == expected)
    }

    @Test(
        arguments: [
            ([(0, 1), (0, 1)], [.first, .repeated]),
            ([(0, 1), (0, 2), (1, 3)], [.first, .reset, .next]),
            ([(5, 1), (6, 2), (5, 1)], [.first, .next, .repeated]),
            ([(5, 1), (8, 2), (6, 3)], [.first, .gap(missing: 2), .late]),
        ] as [([(Int, UInt8)], [SequenceStep])]
    )
    func `of another message with the newest number are a new beginning`(
        messages: [(Int, UInt8)],
        expected: [SequenceStep]
    ) {
        let identities = messages.map { ($0.0, MessageIdentity(session: 9, message: $0.1)) }
        #expect(steps(identities) == expected)
    }

    @Test func `a gap that is filled is missing no longer`() {
        var window = SequenceStep.step(nil, number: 1, wrapsAt: nil).window
        for (number, missing) in [(5, 3), (3, 2), (2, 1), (4, 0), (6, 0)] {
            window = SequenceStep.step(window, number: number, wrapsAt: nil).window
            #expect(window?.missing == missing)
        }
    }

    private func gate(wrapsAt: Int? = nil) throws -> Rule {
        Rule(
            topic: try TopicPattern("{facility}/gate"),
            format: .json,
            sequence: Rule.Sequence(number: .pointer("/n"), wrapsAt: wrapsAt),
            kind: .movement(arrivals: .constant("1"), departures: nil)
        )
    }

    @Test func `a message that its network repeats is one car`() throws {
        let bench = try Bench([gate()])
        for number in [1, 2, 2, 3, 3, 3] { bench.send("podium/gate", #"{"n":\#(number)}"#) }
        #expect(bench.occupied == 3)
        #expect(bench.takeIncidents() == [.repeatedMessage])
        #expect(bench.incidents.refusals == 3)
    }

    @Test func `missing messages are counted, each of them`() throws {
        let bench = try Bench([gate()])
        for number in [1, 11, 12] { bench.send("podium/gate", #"{"n":\#(number)}"#) }
        #expect(bench.occupied == 3)
        #expect(bench.incidents.all.map(\.total) == [9])
        #expect(bench.takeIncidents() == [.missingMessages])
    }

    @Test func `a sensor that begins anew counts on`() throws {
        let bench = try Bench([gate()])
        for number in [900, 901, 0, 1, 2] { bench.send("podium/gate", #"{"n":\#(number)}"#) }
        #expect(bench.occupied == 5)
        #expect(bench.takeIncidents() == [.sequenceReset])
    }

    @Test func `a leap that no loss explains is a new beginning`() throws {
        let known = SequenceWindow(newest: 6)
        #expect(
            SequenceStep.step(known, number: 6 + 16_384, wrapsAt: nil).step == .gap(missing: 16_383)
        )
        let leap = SequenceStep.step(known, number: 4_294_967_295, wrapsAt: nil)
        #expect(leap.step == .reset)
        #expect(leap.window?.missing == 0)
        let back = SequenceStep.step(leap.window, number: 7, wrapsAt: nil)
        #expect(back.step == .reset)
    }

    @Test func `names of bays in repeated messages take no room`() throws {
        var numbered = try rule(
            "bath/{facility}/bays",
            yields: .bay(bay: .pointer("/bay"), occupied: .pointer("/occupied"), words: .init([:]))
        )
        numbered.sequence = .init(number: .pointer("/n"), wrapsAt: nil)
        let bench = try Bench([numbered])
        for bay in 0..<100 {
            bench.send("bath/podium/bays", #"{"bay": "\#(bay)", "occupied": true, "n": 1}"#)
        }
        #expect(bench.occupancy.bays.count == 1)
        bench.send("bath/station/bays", #"{"bay": "1", "occupied": true, "n": 1}"#)
        #expect(bench.occupancy.counts(of: 1).occupied == 1)
    }

    @Test func `a repeated message counts once in a car park that is full of bays`() throws {
        let rules = try ["bay", "gate"].map { kind in
            var numbered = try rule(
                "bath/{facility}/all",
                yields: kind == "bay"
                    ? .bay(bay: .pointer("/bay"), occupied: .pointer("/o"), words: .init([:]))
                    : .movement(arrivals: .pointer("/in"), departures: nil)
            )
            numbered.sequence = .init(number: .pointer("/n"), wrapsAt: nil)
            numbered.continues = kind == "bay"
            return numbered
        }
        let bench = try Bench([try bayRule()] + rules)
        for bay in 0..<50 { bench.send("bath/podium/bay/\(bay)", #"{"occupied":false}"#) }
        for _ in 0..<2 {
            bench.send("bath/podium/all", #"{"bay": "x", "o": true, "in": 5, "n": 1}"#)
        }
        #expect(bench.occupied == 5)
        #expect(Set(bench.takeIncidents()) == [.tooManyBays, .repeatedMessage])
    }

    @Test func `each topic numbers its own messages`() throws {
        let bench = try Bench([
            Rule(
                topic: try TopicPattern("{facility}/gate/+"),
                format: .json,
                sequence: Rule.Sequence(number: .pointer("/n")),
                kind: .movement(arrivals: .constant("1"), departures: nil)
            )
        ])
        bench.send("podium/gate/a", #"{"n":1}"#)
        bench.send("podium/gate/b", #"{"n":1}"#)
        bench.send("podium/gate/a", #"{"n":1}"#)
        #expect(bench.occupied == 2)
    }

    @Test(arguments: [
        (#"{"n":-1}"#, Incident.outOfRange), (#"{"n":4294967296}"#, .outOfRange),
        (#"{"n":"x"}"#, .fieldHasWrongType), (#"{"n":1.5}"#, .fieldHasWrongType),
    ]) func `a number that is none is refused`(payload: String, incident: Incident) throws {
        let bench = try Bench([gate()])
        bench.send("podium/gate", payload)
        #expect(bench.takeIncidents() == [incident])
        #expect(bench.occupied == nil)
    }

    @Test(arguments: [#"{}"#, #"{"n":null}"#])
    func `a message without a number counts`(payload: String) throws {
        let bench = try Bench([gate()])
        bench.send("podium/gate", payload)
        bench.send("podium/gate", payload)
        #expect(bench.occupied == 2)
    }

    @Test func `a retained message that comes again is no fault`() throws {
        let bench = try Bench([
            Rule(
                topic: try TopicPattern("{facility}/level"),
                format: .json,
                sequence: Rule.Sequence(number: .pointer("/n")),
                kind: .occupied(.pointer("/o"))
            )
        ])
        for _ in 0..<3 { bench.send("podium/level", #"{"n":4,"o":17}"#, isRetained: true) }
        #expect(bench.occupied == 17)
        #expect(bench.takeIncidents().isEmpty)
    }
}

@Suite struct `An explained message` {
    @Test func `shows its number`() throws {
        let plan = IngestPlan(
            facilities: [
                Facility(
                    id: try #require(FacilityIdentifier("podium")),
                    name: "Podium",
                    capacity: 1
                )
            ],
            rules: [
                Rule(
                    topic: try TopicPattern("{facility}/gate"),
                    format: .json,
                    sequence: Rule.Sequence(number: .pointer("/n")),
                    kind: .movement(arrivals: .constant("1"), departures: nil)
                )
            ]
        )
        let topic = Array("podium/gate".utf8)
        let payload = Array(#"{"n":17}"#.utf8)
        let explanation = plan.explain(
            topic: topic.span,
            payload: payload.span,
            at: Moment(recordedMilliseconds: Bench.noon)
        )
        let outcome = try #require(explanation.attempts.first?.readings.first)
        #expect(outcome.sequence == 17)
        #expect(outcome.reading == .movement(arrivals: 1, departures: 0))
    }
}

@Suite struct `A message of several readings` {
    private func bench() throws -> Bench {
        var rule = Rule(
            topic: try TopicPattern("{facility}/counts"),
            format: .json,
            sequence: Rule.Sequence(number: .pointer("/n")),
            kind: .movement(arrivals: .pointer("/in"), departures: nil)
        )
        rule.elements = "/counts"
        return try Bench([rule])
    }

    @Test func `counts all of them once, however often it comes`() throws {
        let bench = try bench()
        for _ in 0..<3 { bench.send("podium/counts", #"{"n":4,"counts":[{"in":1},{"in":2}]}"#) }
        #expect(bench.occupied == 3)
        #expect(bench.takeIncidents() == [.repeatedMessage])
        bench.send("podium/counts", #"{"n":5,"counts":[{"in":4},{"in":8}]}"#)
        #expect(bench.occupied == 15)
    }

    @Test func `that has none has a number all the same`() throws {
        let bench = try bench()
        bench.send("podium/counts", #"{"n":4,"counts":[{"in":1}]}"#)
        bench.send("podium/counts", #"{"n":5,"counts":[]}"#)
        bench.send("podium/counts", #"{"n":6,"counts":[{"in":2}]}"#)
        #expect(bench.occupied == 3)
        #expect(bench.takeIncidents().isEmpty)
    }

    @Test func `carries its number on the first that can be read`() throws {
        let bench = try bench()
        for _ in 0..<2 {
            bench.send("podium/counts", #"{"n":4,"counts":[{"in":"?"},{"in":2},{"in":4}]}"#)
        }
        #expect(bench.occupied == 6)
    }
}
