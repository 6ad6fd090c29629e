import Ingest
import Occupancy
import Parking
import Testing

/// One message of a sensor that writes its time in its own way.
private struct Saying: Sendable, CustomTestStringConvertible {
    let written: String
    let received: String
    let observed: String
    let incidents: [Incident]

    init(_ written: String, at received: String, _ observed: String, _ incidents: Incident...) {
        self.written = written
        self.received = received
        self.observed = observed
        self.incidents = incidents
    }

    var testDescription: String { "\(written) at \(received)" }
}

private func time(_ text: String) throws -> Int64 {
    let bytes = Array(text.utf8)
    let milliseconds = RFC3339.milliseconds(bytes.span)
    return try #require(milliseconds, "\(text) is no time")
}

/// Sends the message under a rule with this `observed`, and compares what is known of the facility then.
private func check(_ saying: Saying, observed: String, offset: String = "") throws {
    let council = try Council(
        """
          - topic: d/{device}
            reading: bay
            occupied: /occupied
            observed: \(observed)
        """,
        devices: "device,facility,bay,clock_offset\na,podium,1,\(offset)\n"
    )
    council.now = Moment(recordedMilliseconds: try time(saying.received))
    council.send("d/a", #"{"occupied":true,"time":\#(saying.written)}"#)
    let known = council.occupancy.counts(of: 0).observedMilliseconds
    #expect(known.map(RFC3339.text) == saying.observed)
    #expect(council.takeIncidents() == saying.incidents)
}

@Suite struct `The time of an observation` {
    @Test(arguments: [
        Saying("2010", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:00Z"),
        Saying("2010.0", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:00Z"),
        Saying(#""20:10""#, at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:00Z"),
        Saying("2359", at: "2026-11-24T00:00:10Z", "2026-11-23T23:59:00Z"),
        Saying("2", at: "2026-11-23T23:58:00Z", "2026-11-24T00:02:00Z"),
        Saying("910", at: "2026-07-15T08:11:00Z", "2026-07-15T08:10:00Z"),
        Saying("130", at: "2026-03-29T01:31:00Z", "2026-03-29T01:30:00Z"),
        Saying("200", at: "2026-03-29T01:00:30Z", "2026-03-29T01:00:00Z"),
        Saying("130", at: "2026-10-25T00:31:00Z", "2026-10-25T00:30:00Z"),
        Saying("130", at: "2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        Saying("2460", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:30Z", .unreadableTime),
        Saying("true", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:30Z", .unreadableTime),
        Saying("null", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:30Z"),
    ]) fileprivate func `may be hour and minute of a place`(saying: Saying) throws {
        try check(saying, observed: "{field: /time, format: hhmm, zone: Europe/London}")
    }

    @Test(arguments: [
        Saying(#""2026-07-15 09:10:00""#, at: "2026-07-15T08:11:00Z", "2026-07-15T08:10:00Z"),
        Saying(#""2026-10-25T01:30:00""#, at: "2026-10-25T00:31:00Z", "2026-10-25T00:30:00Z"),
        Saying(#""2026-10-25T01:30:00""#, at: "2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        Saying(#""2026-03-29 01:30:00""#, at: "2026-03-29T01:31:00Z", "2026-03-29T01:30:00Z"),
        Saying(
            #""2026-07-15 09:17:00""#,
            at: "2026-07-15T08:11:00Z",
            "2026-07-15T08:11:00Z",
            .futureClock
        ),
        Saying(
            #""2026-07-15T09:10:00Z""#,
            at: "2026-07-15T08:11:00Z",
            "2026-07-15T08:11:00Z",
            .unreadableTime
        ),
    ]) fileprivate func `may be date and time of a place`(saying: Saying) throws {
        try check(saying, observed: "{field: /time, format: local, zone: Europe/London}")
    }

    @Test func `of a place without a zone is UTC`() throws {
        let saying = Saying(
            #""2026-07-15 09:10:00""#,
            at: "2026-07-15T09:11:00Z",
            "2026-07-15T09:10:00Z"
        )
        try check(saying, observed: "{field: /time, format: local}")
    }

    /// A sensor that is 90 seconds fast, by its rule, by the list of devices, or half by each.
    @Test(arguments: [
        ("{field: /time, offset: -90s}", ""), ("/time", "-90s"),
        ("{field: /time, offset: -60s}", "-30s"),
    ]) func `is set back where the clock is fast`(observed: String, offset: String) throws {
        let saying = Saying(
            #""2026-11-23T12:01:20Z""#,
            at: "2026-11-23T12:00:00Z",
            "2026-11-23T11:59:50Z"
        )
        try check(saying, observed: observed, offset: offset)
    }

    @Test func `is set back before its day is told`() throws {
        let saying = Saying("1305", at: "2026-11-23T12:00:30Z", "2026-11-22T13:05:00Z")
        try check(saying, observed: "{field: /time, format: hhmm}")
        let fast = Saying("1305", at: "2026-11-23T12:00:30Z", "2026-11-23T12:00:00Z")
        try check(fast, observed: "{field: /time, format: hhmm}", offset: "-65m")
    }

    @Test func `without a date is that of reception where the clock is ten minutes ahead`() throws {
        let received = "2026-11-23T12:00:30Z"
        let saying = Saying("1210", at: received, received, .futureClock)
        try check(saying, observed: "{field: /time, format: hhmm}")
    }

    @Test func `is that of reception where the clock is ten minutes ahead`() throws {
        let saying = Saying(
            #""2026-11-23T12:10:00Z""#,
            at: "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:00Z",
            .futureClock
        )
        try check(saying, observed: "/time")
    }

    @Test(arguments: [
        (
            "{field: /t, format: hhm}",
            "observed.format: must be one of instant, hhmm, local, not 'hhm'; did you mean 'hhmm'?"
        ),
        (
            "{field: /t, zone: Europe/London}",
            "observed.zone: an instant needs no zone; remove it, or say 'format: hhmm' or 'format: local'"
        ),
        (
            "{field: /t, format: hhmm, zone: Europe/Londn}",
            "observed.zone: the time zone 'Europe/Londn' cannot be read from /usr/share/zoneinfo: "
                + "No such file or directory; did you mean 'Europe/London'?"
        ),
        (
            "{field: /t, offset: 90}",
            "observed.offset: must be a length of time from -366d to 366d such as -90s, not '90'"
        ),
        ("{format: hhmm}", "observed.field: this key is missing: where the message says it"),
        (
            "{field: noon}",
            "observed.field: a time can't be the constant 'noon'; give a JSON Pointer or a \"{name}\""
        ),
        ("{field: /t, tz: UTC}", "observed.tz: unknown key; remove it"),
    ]) func `is refused where it can't be read`(observed: String, complaint: String) {
        let rule = """
              - topic: "{facility}/{bay}"
                reading: bay
                occupied: /occupied
                observed: \(observed)
            """
        let found = complaints(rule).map { $0.drop { $0 != "]" }.dropFirst(2) }
        #expect(found == [complaint[...]])
    }
}
