import Ingest
import Occupancy
import Parking
import Testing

/// Messages that a broker delivers again, and messages that only look like it.
@Suite struct Redelivery {
    private func bench() throws -> Bench {
        let bench = try Bench([
            rule(
                "{facility}/in",
                .text,
                yields: .movement(arrivals: .constant("1"), departures: nil)
            )
        ])
        bench.ingest.connected(sessionPresent: false)
        return bench
    }

    /// Sends one car; identical topics and payloads, so that only the session tells them apart.
    private func car(_ bench: Bench, _ identifier: UInt16, again: Bool = false) {
        let topic = Array("podium/in".utf8)
        bench.ingest.receive(
            topic: topic.span,
            payload: Span(),
            promise: Promise(packetIdentifier: identifier, mayBeRedelivery: again),
            at: bench.now
        )
    }

    @Test func `a message counts when it is committed, and not before`() throws {
        let bench = try bench()
        car(bench, 1)
        #expect(bench.occupied == nil)
        bench.ingest.commit()
        #expect(bench.occupied == 1)
    }

    @Test func `what is delivered again does not count again`() throws {
        let bench = try bench()
        for identifier: UInt16 in 1...5 { car(bench, identifier) }
        bench.ingest.commit()
        bench.ingest.connected(sessionPresent: true)
        for identifier: UInt16 in 3...5 { car(bench, identifier, again: true) }
        bench.ingest.commit()
        #expect(bench.occupied == 5)
        #expect(bench.tally.redelivered == 3)
        #expect(bench.tally.messages == 8)
    }

    @Test func `what was under way and never received counts`() throws {
        let bench = try bench()
        for identifier: UInt16 in 1...3 { car(bench, identifier) }
        bench.ingest.commit()
        bench.ingest.connected(sessionPresent: true)
        for identifier: UInt16 in 2...6 { car(bench, identifier, again: true) }
        bench.ingest.commit()
        #expect(bench.occupied == 6)
    }

    @Test func `a first delivery counts whatever identifier it has`() throws {
        let bench = try bench()
        for _ in 0..<4 { car(bench, 1) }
        bench.ingest.connected(sessionPresent: true)
        car(bench, 1)
        bench.ingest.commit()
        #expect(bench.occupied == 5)
    }

    @Test func `an identifier is told by its newest message`() throws {
        let bench = try bench()
        for identifier: UInt16 in [1, 2, 1] { car(bench, identifier) }
        bench.ingest.commit()
        bench.ingest.connected(sessionPresent: true)
        // The broker has the second message under way, so it must have the third as well.
        for identifier: UInt16 in [2, 1] { car(bench, identifier, again: true) }
        bench.ingest.commit()
        #expect(bench.occupied == 3)
        // Once each: a broker of MQTT 5.0 delivers again at a new connection and at no other time.
        car(bench, 1, again: true)
        bench.ingest.commit()
        #expect(bench.occupied == 4)
    }

    @Test func `a broker of MQTT 3 may repeat at any time`() throws {
        let bench = try bench()
        bench.ingest.connected(sessionPresent: true, isOrdered: false)
        for identifier: UInt16 in [1, 2] { car(bench, identifier) }
        for identifier: UInt16 in [1, 2, 1, 2] { car(bench, identifier, again: true) }
        bench.ingest.commit()
        #expect(bench.occupied == 2)
    }

    @Test func `a new session has nothing to deliver again`() throws {
        let bench = try bench()
        car(bench, 1)
        bench.ingest.commit()
        bench.ingest.connected(sessionPresent: false)
        car(bench, 1, again: true)
        bench.ingest.commit()
        #expect(bench.occupied == 2)
    }

    @Test func `more may be under way than we allowed`() throws {
        // mosquitto 2.0.11 sends as many again as we allowed with each acknowledgement of a backlog.
        let bench = try bench()
        for identifier: UInt16 in 1...30_000 { car(bench, identifier) }
        bench.ingest.commit()
        bench.ingest.connected(sessionPresent: true)
        for identifier: UInt16 in 1...30_001 { car(bench, identifier, again: true) }
        bench.ingest.commit()
        #expect(bench.occupied == 30_001)
    }

    @Test func `an identifier that went round tells nothing of the message before`() throws {
        let bench = try bench()
        for identifier: UInt16 in 1...65_535 { car(bench, identifier) }
        bench.ingest.commit()
        bench.ingest.connected(sessionPresent: true)
        // Sent and never received: the broker has given their identifiers anew.
        for identifier: UInt16 in 1...32_767 { car(bench, identifier, again: true) }
        bench.ingest.commit()
        #expect(bench.occupied == 65_535 + 32_767)
    }

    @Test func `another payload under the same identifier is another message`() throws {
        let bench = try bench()
        car(bench, 1)
        bench.ingest.connected(sessionPresent: true)
        let topic = Array("podium/in".utf8)
        let payload = Array("x".utf8)
        bench.ingest.receive(
            topic: topic.span,
            payload: payload.span,
            promise: Promise(packetIdentifier: 1, mayBeRedelivery: true),
            at: bench.now
        )
        bench.ingest.commit()
        #expect(bench.occupied == 2)
    }

    @Test func `marks survive a journal`() throws {
        var marks = DeliveryMarks()
        for number in 1...40_000 {
            marks.append(DeliveryMark(packetIdentifier: UInt16(number), digest: UInt64(number)))
        }
        let bytes = DeliveryMarks.bytes(marks.all)
        let copy = try DeliveryMarks(bytes.span)
        #expect(copy.all.count == 32_767)
        #expect(Array(copy.all) == Array(marks.all))
    }
}
