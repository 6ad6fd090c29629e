import Testing

@testable import Parking

/// The time of an RFC 3339 text.
private func time(_ text: String) throws -> Int64 {
    let bytes = Array(text.utf8)
    let milliseconds = RFC3339.milliseconds(bytes.span)
    return try #require(milliseconds, "\(text) is no time")
}

private func read(_ text: String, by clock: ObservationClock, near received: Int64) -> Int64? {
    let bytes = Array(text.utf8)
    return clock.milliseconds(text: bytes.span, near: received)
}

/// A zone with these changes: the time in UTC, and the hours ahead of UTC from then on.
private func zone(first: Int64, _ changes: KeyValuePairs<String, Double>) throws -> ZoneOffsets {
    ZoneOffsets(
        first: first * 3_600_000,
        changes: try changes.map { (time: try time($0.key), offset: Int64($0.value * 3_600_000)) }
    )
}

private func london() throws -> ZoneOffsets {
    try zone(
        first: 0,
        [
            "2026-03-29T01:00:00Z": 1, "2026-10-25T01:00:00Z": 0,
            "2027-03-28T01:00:00Z": 1, "2027-10-31T01:00:00Z": 0,
        ]
    )
}

private func sydney() throws -> ZoneOffsets {
    try zone(first: 11, ["2026-04-04T16:00:00Z": 10, "2026-10-03T16:00:00Z": 11])
}

/// Changes by half an hour.
private func lordHowe() throws -> ZoneOffsets {
    try zone(first: 11, ["2026-04-04T15:00:00Z": 10.5, "2026-10-03T15:30:00Z": 11])
}

/// Had no 30th of December in 2011.
private func apia() throws -> ZoneOffsets {
    try zone(first: -10, ["2011-12-30T10:00:00Z": 14])
}

/// What a clock says: the text, when it is received, and what it means; nil where it means nothing.
private struct Example: Sendable, CustomTestStringConvertible {
    let text: String
    let received: String
    let meant: String?

    init(_ text: String, at received: String, _ meant: String?) {
        self.text = text
        self.received = received
        self.meant = meant
    }

    var testDescription: String { "\(text) at \(received)" }
}

@Suite struct `A clock` {
    private func check(_ clock: ObservationClock, _ example: Example) throws {
        let meant = read(example.text, by: clock, near: try time(example.received))
        #expect(meant.map(RFC3339.text) == example.meant)
    }

    @Test(arguments: [
        Example("2010", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:00Z"),
        Example("20:10", at: "2026-11-23T20:10:30Z", "2026-11-23T20:10:00Z"),
        Example("810", at: "2026-11-23T20:10:30Z", "2026-11-23T08:10:00Z"),
        Example("8:10", at: "2026-11-23T20:10:30Z", "2026-11-23T08:10:00Z"),
        Example("5", at: "2026-11-23T20:10:30Z", "2026-11-23T00:05:00Z"),
        Example("0000", at: "2026-11-23T20:10:30Z", "2026-11-23T00:00:00Z"),
        // A message of before midnight, and a clock that is a little ahead of ours.
        Example("2359", at: "2026-11-24T00:00:10Z", "2026-11-23T23:59:00Z"),
        Example("0002", at: "2026-11-23T23:58:00Z", "2026-11-24T00:02:00Z"),
        Example("2015", at: "2026-11-23T20:10:00Z", "2026-11-23T20:15:00Z"),
        // Of a clock that is fast, up to an hour: more, and it is of the day before.
        Example("2016", at: "2026-11-23T20:10:00Z", "2026-11-23T20:16:00Z"),
        Example("2109", at: "2026-11-23T20:10:00Z", "2026-11-23T21:09:00Z"),
        Example("2110", at: "2026-11-23T20:10:00Z", "2026-11-22T21:10:00Z"),
        // Ends of years, and a leap day.
        Example("2350", at: "2027-01-01T00:01:00Z", "2026-12-31T23:50:00Z"),
        Example("2350", at: "2028-03-01T00:01:00Z", "2028-02-29T23:50:00Z"),
        Example("2350", at: "2027-03-01T00:01:00Z", "2027-02-28T23:50:00Z"),
        Example("2350", at: "1969-12-31T00:01:00Z", "1969-12-30T23:50:00Z"),
    ]) fileprivate func `that says hour and minute means the last time that it was so`(
        example: Example
    ) throws {
        try check(ObservationClock(format: .hourMinute), example)
    }

    @Test(arguments: [
        "", "2460", "2400", "1160", "12345", "20:1", ":10", "20:60", "2:010", "-110", "12a4",
        "20.10", " 2010", "20:100",
    ]) func `that says no minute of a day says nothing`(text: String) throws {
        let example = Example(text, at: "2026-11-23T20:10:30Z", nil)
        try check(ObservationClock(format: .hourMinute), example)
    }

    @Test(arguments: [
        (2010, "2026-11-23T20:10:00Z"), (5, "2026-11-23T00:05:00Z"), (0, "2026-11-23T00:00:00Z"),
        (2359, "2026-11-22T23:59:00Z"), (2360, nil), (2460, nil), (1199, nil), (-5, nil),
        (Int64.max, nil), (Int64.min, nil),
    ]) func `may say hour and minute as a number`(number: Int64, meant: String?) throws {
        let clock = ObservationClock(format: .hourMinute)
        let read = clock.milliseconds(integer: number, near: try time("2026-11-23T20:10:30Z"))
        #expect(read.map(RFC3339.text) == meant)
    }

    @Test func `may say a number with a fraction that is none`() throws {
        let received = try time("2026-11-23T20:10:30Z")
        let clock = ObservationClock(format: .hourMinute)
        #expect(
            try clock.milliseconds(real: 2010.0, near: received) == time("2026-11-23T20:10:00Z")
        )
        #expect(clock.milliseconds(real: 2010.5, near: received) == nil)
        let instants = ObservationClock(offsetMilliseconds: -90_000)
        #expect(instants.milliseconds(real: 1_795_435_198.5, near: received) == 1_795_435_108_500)
        #expect(instants.milliseconds(real: .infinity, near: received) == nil)
    }

    @Test(arguments: [
        // Winter and summer.
        Example("0810", at: "2026-01-15T08:11:00Z", "2026-01-15T08:10:00Z"),
        Example("0910", at: "2026-07-15T08:11:00Z", "2026-07-15T08:10:00Z"),
        Example("0030", at: "2026-07-14T23:31:00Z", "2026-07-14T23:30:00Z"),
        // 2026-03-29: at 01:00 it is 02:00. What cannot be is read as before the change.
        Example("0059", at: "2026-03-29T01:00:30Z", "2026-03-29T00:59:00Z"),
        Example("0200", at: "2026-03-29T01:00:30Z", "2026-03-29T01:00:00Z"),
        Example("0130", at: "2026-03-29T01:31:00Z", "2026-03-29T01:30:00Z"),
        Example("0230", at: "2026-03-29T01:31:00Z", "2026-03-29T01:30:00Z"),
        Example("2330", at: "2026-03-29T01:31:00Z", "2026-03-28T23:30:00Z"),
        // 2026-10-25: at 02:00 it is 01:00 again, and half past one comes twice.
        Example("0130", at: "2026-10-25T00:31:00Z", "2026-10-25T00:30:00Z"),
        Example("0130", at: "2026-10-25T01:20:00Z", "2026-10-25T00:30:00Z"),
        Example("0130", at: "2026-10-25T01:26:00Z", "2026-10-25T01:30:00Z"),
        Example("0130", at: "2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        Example("0059", at: "2026-10-25T01:31:00Z", "2026-10-24T23:59:00Z"),
        Example("0200", at: "2026-10-25T02:00:05Z", "2026-10-25T02:00:00Z"),
    ]) fileprivate func `knows both changes of summer time in London`(example: Example) throws {
        try check(ObservationClock(format: .hourMinute, zone: london()), example)
    }

    @Test(arguments: [
        // 2026-04-05: at 03:00 it is 02:00 again.
        Example("0230", at: "2026-04-04T15:31:00Z", "2026-04-04T15:30:00Z"),
        Example("0230", at: "2026-04-04T16:31:00Z", "2026-04-04T16:30:00Z"),
        // 2026-10-04: at 02:00 it is 03:00.
        Example("0230", at: "2026-10-03T16:31:00Z", "2026-10-03T16:30:00Z"),
        Example("0330", at: "2026-10-03T16:31:00Z", "2026-10-03T16:30:00Z"),
        Example("0000", at: "2026-12-31T13:01:00Z", "2026-12-31T13:00:00Z"),
    ]) fileprivate func `knows both changes of summer time in Sydney`(example: Example) throws {
        try check(ObservationClock(format: .hourMinute, zone: sydney()), example)
    }

    @Test(arguments: [
        Example("0145", at: "2026-04-04T14:46:00Z", "2026-04-04T14:45:00Z"),
        Example("0145", at: "2026-04-04T15:16:00Z", "2026-04-04T15:15:00Z"),
        Example("0215", at: "2026-10-03T15:46:00Z", "2026-10-03T15:45:00Z"),
    ]) fileprivate func `knows changes by half an hour`(example: Example) throws {
        try check(ObservationClock(format: .hourMinute, zone: lordHowe()), example)
    }

    @Test(arguments: [
        // The day after the 29th was the 31st.
        Example("2359", at: "2011-12-30T10:01:00Z", "2011-12-30T09:59:00Z"),
        Example("0001", at: "2011-12-30T10:01:30Z", "2011-12-30T10:01:00Z"),
        Example("0200", at: "2011-12-30T11:00:00Z", "2011-12-29T12:00:00Z"),
    ]) fileprivate func `survives a day that is left out`(example: Example) throws {
        try check(ObservationClock(format: .hourMinute, zone: apia()), example)
    }

    @Test(arguments: [
        Example("2026-07-15 09:10:00", at: "2026-07-15T08:11:00Z", "2026-07-15T08:10:00Z"),
        Example("2026-07-15T09:10:45.9", at: "2026-07-15T08:11:00Z", "2026-07-15T08:10:45Z"),
        Example("2026-07-15 09:10", at: "2026-07-15T08:11:00Z", "2026-07-15T08:10:00Z"),
        Example("2026-10-25 01:30:00", at: "2026-10-25T00:31:00Z", "2026-10-25T00:30:00Z"),
        Example("2026-10-25 01:30:00", at: "2026-10-25T01:20:00Z", "2026-10-25T00:30:00Z"),
        Example("2026-10-25 01:30:00", at: "2026-10-25T01:31:00Z", "2026-10-25T01:30:00Z"),
        Example("2026-10-25 01:30:00", at: "2026-10-26T00:00:00Z", "2026-10-25T01:30:00Z"),
        Example("2026-03-29 01:30:00", at: "2026-03-29T01:31:00Z", "2026-03-29T01:30:00Z"),
        Example("2028-02-29 00:00:00", at: "2028-02-29T00:00:10Z", "2028-02-29T00:00:00Z"),
        // Far from the reception it is what it is; whether that may be is for others to say.
        Example("2027-01-01 00:00:00", at: "2026-07-15T08:11:00Z", "2027-01-01T00:00:00Z"),
        Example("0000-01-01 00:00:00", at: "2026-07-15T08:11:00Z", "0000-01-01T00:00:00Z"),
        Example("9999-12-31 23:59:59", at: "2026-07-15T08:11:00Z", "9999-12-31T23:59:59Z"),
        Example("2026-07-15T09:10:00Z", at: "2026-07-15T08:11:00Z", nil),
        Example("2026-07-15 09:10:00+01:00", at: "2026-07-15T08:11:00Z", nil),
        Example("2027-02-29 00:00:00", at: "2026-07-15T08:11:00Z", nil),
        Example("2026-07-15", at: "2026-07-15T08:11:00Z", nil),
        Example("2026-07-15 24:00", at: "2026-07-15T08:11:00Z", nil),
        Example("1795414365", at: "2026-07-15T08:11:00Z", nil),
        Example("", at: "2026-07-15T08:11:00Z", nil),
    ]) fileprivate func `may say date and time of its place`(example: Example) throws {
        try check(ObservationClock(format: .local, zone: london()), example)
    }

    @Test func `of a place takes no number`() throws {
        let clock = ObservationClock(format: .local)
        #expect(
            clock.milliseconds(integer: 1_795_414_365, near: try time("2026-11-23T06:12:50Z"))
                == nil
        )
    }

    @Test(arguments: [
        Example("2026-11-23T06:12:45Z", at: "2026-11-23T06:12:50Z", "2026-11-23T06:11:15Z"),
        Example("1795414365", at: "2026-11-23T06:12:50Z", "2026-11-23T06:11:15Z"),
        Example("1795414365000", at: "2026-11-23T06:12:50Z", "2026-11-23T06:11:15Z"),
        Example("yesterday", at: "2026-11-23T06:12:50Z", nil),
    ]) fileprivate func `that is fast is set back`(example: Example) throws {
        try check(ObservationClock(offsetMilliseconds: -90_000), example)
    }

    @Test(arguments: [
        // The sensor says ten past where it is four minutes past; without its offset that was yesterday's.
        Example("2010", at: "2026-11-23T20:04:00Z", "2026-11-23T20:00:00Z"),
        Example("0004", at: "2026-11-23T23:54:30Z", "2026-11-23T23:54:00Z"),
    ]) fileprivate func `that is fast is set back before its day is told`(example: Example) throws {
        try check(ObservationClock(format: .hourMinute, offsetMilliseconds: -600_000), example)
    }

    @Test(arguments: [Int64.min, -1, 0, .max], [Int64.min, -1, 0, .max])
    func `never breaks, whatever the times`(received: Int64, offset: Int64) throws {
        for format in ObservationClock.Format.allCases {
            let clock = ObservationClock(
                format: format,
                zone: try london(),
                offsetMilliseconds: offset
            )
            for text in ["2010", "2026-11-23 06:12:45", "9999-12-31T23:59:59Z", "-99999999999999"] {
                let meant = read(text, by: clock, near: received)
                #expect(offset.magnitude <= 1 || meant == nil)
            }
            #expect(clock.milliseconds(integer: .min, near: received) == nil)
        }
    }
}

@Suite struct `Unix times` {
    @Test(arguments: [
        ("1549844689", 1_549_844_689_000), ("1549844689.0", 1_549_844_689_000),
        ("1549844689.5", 1_549_844_689_500), ("1549844689.123456", 1_549_844_689_123),
        ("1549844689123", 1_549_844_689_123), ("1549844689123.9", 1_549_844_689_123), ("0", 0),
        ("-1.5", -1500), ("99999999999", 99_999_999_999_000), ("100000000000", 100_000_000_000),
    ]) func `are read from text`(text: String, milliseconds: Int64) {
        let bytes = Array(text.utf8)
        let read = UnixTime.milliseconds(text: bytes.span)
        #expect(read == milliseconds)
    }

    @Test(arguments: [
        "", "-", ".5", "1.", "1.5.5", "1e9", "+1", " 1", "0x10", "1000000000000000",
        "9999999999999999999999999", "1.9999999999999999999999999",
    ]) func `are not made of anything else`(text: String) {
        let bytes = Array(text.utf8)
        let read = UnixTime.milliseconds(text: bytes.span)
        #expect(read == nil)
    }
}

@Suite struct `Offsets` {
    /// Two years in steps of 31 minutes, without what comes twice: written in local time, and read at its reception.
    @Test(arguments: [0, 59_000, 7 * 3_600_000]) func `lead back to the time that was written`(
        delay: Int64
    ) throws {
        for zone in [try london(), try sydney(), try lordHowe(), ZoneOffsets(fixed: 20_700_000)] {
            let clock = ObservationClock(format: .hourMinute, zone: zone)
            let dated = ObservationClock(format: .local, zone: zone)
            var wrong: [String] = []
            var minute = try time("2026-01-01T00:00:00Z")
            let end = try time("2027-12-31T23:53:00Z")
            while minute < end {
                let local = minute + zone.offset(at: minute)
                let times = zone.times(ofLocal: local)
                let isRepeated = times.first == minute && times.last != minute
                if !isRepeated || times.last > minute + delay + ObservationClock.futureTolerance {
                    let number = local / 3_600_000 % 24 * 100 + local / 60_000 % 60
                    let text = String(RFC3339.text(local).dropLast())
                    let meant = [
                        clock.milliseconds(integer: number, near: minute + delay),
                        read(text, by: dated, near: minute + delay),
                    ]
                    if meant != [minute, minute] { wrong.append(RFC3339.text(minute)) }
                }
                minute += 31 * 60_000
            }
            #expect(wrong.isEmpty, "\(wrong.count), first \(wrong.first ?? "")")
        }
    }

    @Test func `change at their times and not before`() throws {
        let zone = try london()
        let change = try time("2026-10-25T01:00:00Z")
        #expect(zone.offset(at: change - 1) == 3_600_000)
        #expect(zone.offset(at: change) == 0)
        #expect(zone.offset(at: .min) == 0)
        #expect(zone.offset(at: .max) == 0)
    }

    @Test func `that do not differ are no change`() throws {
        let once = try zone(first: 0, ["2026-10-25T01:00:00Z": 1])
        let twice = try zone(first: 0, ["2026-03-29T01:00:00Z": 0, "2026-10-25T01:00:00Z": 1])
        #expect(once == twice)
    }
}
