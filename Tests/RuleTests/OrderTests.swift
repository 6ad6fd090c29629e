import Ingest
import Occupancy
import Parking
import Testing

/// Messages that come late, again, out of order, or after their sensor began anew.
@Suite struct `Messages out of order` {
    private static let counts = """
          - topic: gate/{facility}
            when: {/history: {present: true}}
            each: /history
            reading: counter
            in: /in
            observed: /at
            health: {silent_after: 1d}
          - topic: gate/{facility}
            reading: counter
            in: /in
            observed: /at
            health: {silent_after: 1d}
        """

    @Test(arguments: [
        (#"{"in": 90, "at": 1000}, {"in": 95, "at": 1900}"#, Incident.untimedTotal),
        (#"{"in": 90}, {"in": 95}"#, .untimedTotal),
        // 12:19 and 12:18, of a clock that is fast.
        (#"{"in": 95, "at": 1795436340}, {"in": 90, "at": 1795436280}"#, .untimedTotal),
    ]) func `a history without a usable time is no news`(
        history: String,
        incident: Incident
    ) throws {
        let council = try Council(Self.counts)
        council.send("gate/podium", #"{"in": 100}"#)
        council.wait(.seconds(60))
        council.send("gate/podium", #"{"history": [\#(history)]}"#)
        #expect(council.takeIncidents() == [incident])
        council.wait(.seconds(60))
        council.send("gate/podium", #"{"in": 101}"#)
        #expect(council.occupied == 1)
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `neither a history nor a retained message says that a clock is wrong`() throws {
        let council = try Council(Self.counts)
        council.send("gate/podium", #"{"history": [{"in": 90, "at": 1795420800}]}"#)
        #expect(council.sensor("gate/podium")?.clockError == nil)
        council.send("gate/station", #"{"in": 90, "at": 1795420800}"#, isRetained: true)
        #expect(council.sensor("gate/station")?.clockError == nil)
        council.send("gate/station", #"{"in": 90, "at": 1795420800}"#)
        #expect(council.sensor("gate/station")?.clockError == -14_400_000)
    }

    @Test func `a clock without a date that is minutes fast freezes nothing`() throws {
        let council = try Council(
            """
              - topic: d/{bay}
                reading: bay
                facility: podium
                occupied: /occupied
                observed: {field: /t, format: hhmm}
            """
        )
        for (occupied, time) in [("true", 1204), ("false", 1207)] {
            council.send("d/1", #"{"occupied": \#(occupied), "t": \#(time)}"#)
            council.wait(.seconds(60))
        }
        #expect(council.occupied == 0)
        council.wait(.seconds(28 * 60))
        council.send("d/1", #"{"occupied": true, "t": 1236}"#)
        #expect(council.occupied == 1)
        #expect(council.takeIncidents() == [.futureClock])
    }

    @Test func `of two states of one second the one with the larger number holds`() throws {
        let council = try Council(
            """
              - topic: bay/{bay}
                reading: bay
                facility: podium
                occupied: /occupied
                observed: /at
                sequence: /version
            """
        )
        for (version, occupied) in [(55, false), (57, true), (56, false)] {
            council.send(
                "bay/1",
                #"{"occupied": \#(occupied), "at": 1795435190, "version": \#(version)}"#
            )
        }
        #expect(council.bay("1") == true)
        #expect(council.occupied == 1)
    }

    @Test func `totals that fell because they are late are no reset`() throws {
        let council = try Council(
            "  - {topic: \"gate/{facility}\", reading: counter, in: /in, sequence: /n}"
        )
        for (number, total) in [(10, 100), (12, 110), (11, 105), (13, 111)] {
            council.send("gate/podium", #"{"n": \#(number), "in": \#(total)}"#)
        }
        #expect(council.occupied == 11)
        #expect(council.takeIncidents() == [.missingMessages])
    }

    @Test func `a sensor that counts its messages from 1 may begin anew`() throws {
        let council = try Council(
            "  - {topic: \"gate/{facility}\", reading: movement, in: /in, sequence: /n}"
        )
        for number in [1, 2, 3, 4, 5, 6, 7, 1, 2, 2, 3, 4] {
            council.send("gate/podium", #"{"n": \#(number), "in": 1}"#)
        }
        #expect(council.occupied == 11)
        #expect(council.takeIncidents() == [.sequenceReset, .repeatedMessage])
    }

    @Test func `a repeated 1 of a sensor that began at 0 is repeated`() throws {
        let council = try Council(
            "  - {topic: \"gate/{facility}\", reading: movement, in: /in, sequence: /n}"
        )
        for number in [0, 1, 2, 3, 4, 1] {
            council.send("gate/podium", #"{"n": \#(number), "in": 1}"#)
        }
        #expect(council.occupied == 5)
        #expect(council.takeIncidents() == [.repeatedMessage])
    }

    @Test func `a code is a code in each part of a sum`() throws {
        let council = try Council(
            "  - {topic: \"gate/{facility}\", reading: movement, in: [/a, /b], reset_above: 128}"
        )
        council.send("gate/podium", #"{"a": 65, "b": 64}"#)
        #expect(council.occupied == 129)
        council.send("gate/podium", #"{"a": 1, "b": 200}"#)
        #expect(council.occupied == 129)
        #expect(council.takeIncidents() == [.resetCode])
    }

    @Test func `numbers are a sensor's, whatever part its readings are about`() throws {
        let council = try Council(
            """
              - topic: d/{device}
                when: {/occupied: {present: true}}
                reading: bay
                class: disabled
                bay: "{device}"
                occupied: /occupied
                sequence: /n
              - topic: d/{device}
                reading: health
                sequence: /n
                health: {silent_after: 1d}
            """,
            devices: "device,facility\na,podium\n"
        )
        for number in 1...6 {
            let field = number.isMultiple(of: 2) ? #""occupied": true"# : #""firmware": 1"#
            council.send("d/a", #"{"n": \#(number), \#(field)}"#)
        }
        #expect(council.takeIncidents().isEmpty)
    }

    @Test(arguments: [
        (
            "ttn",
            #"{"uplink_message": {"f_cnt": NUMBER, "decoded_payload": {"in": 1}, "frm_payload": "AQ=="}}"#,
            #"{"uplink_message": {"f_cnt": NUMBER}}"#
        ),
        (
            "chirpstack",
            #"{"fCnt": NUMBER, "deduplicationId": "aNUMBER", "object": {"in": 1}, "data": "AQ=="}"#,
            #"{"fCnt": NUMBER, "deduplicationId": "aNUMBER", "data": ""}"#
        ),
    ]) func `an uplink without a payload is not missing`(
        envelope: String,
        uplink: String,
        empty: String
    ) throws {
        let council = try Council(
            """
              - topic: gate/{device}/up
                envelope: \(envelope)
                reading: movement
                in: /in
            """,
            devices: "device,facility\na,podium\n"
        )
        for (number, text) in [(7, uplink), (8, empty), (9, uplink)] {
            council.send("gate/a/up", text.replacing("NUMBER", with: "\(number)"))
        }
        #expect(council.occupied == 2)
        #expect(council.takeIncidents().isEmpty)
    }
}
