import Ingest
import Occupancy
import Parking
import Testing

@Suite struct `Time of observation` {
    private func observed(_ time: String, at now: Int64 = Bench.noon) throws -> (Int64?, [Incident])
    {
        let bench = try Bench([bayRule()])
        bench.now = Moment(recordedMilliseconds: now)
        bench.send("bath/podium/bay/1", "{\"occupied\":true,\"time\":\(time)}")
        return (bench.occupancy.counts(of: 0).observedMilliseconds, bench.takeIncidents())
    }

    @Test(arguments: [
        "\"2026-11-23T11:59:58.5Z\"", "\"2026-11-23T12:59:58.5+01:00\"", "1795435198.5",
        "1795435198500", "\"1795435198.5\"", "\"1795435198500\"", "1.7954351985e9",
    ]) func `is RFC 3339, or unix seconds or milliseconds, as number or text`(time: String) throws {
        let (observed, incidents) = try observed(time)
        #expect(observed == Bench.noon - 1500)
        #expect(incidents.isEmpty)
    }

    @Test(arguments: [
        ("\"2026-11-23T12:05:00Z\"", Bench.noon + 300_000), ("1795435500", Bench.noon + 300_000),
        ("\"2025-11-22T12:00:00Z\"", Bench.noon - 31_622_400_000),
    ]) func `is believed up to five minutes ahead and a year back`(
        time: String,
        milliseconds: Int64
    ) throws {
        let (observed, incidents) = try observed(time)
        #expect(observed == milliseconds)
        #expect(incidents.isEmpty)
    }

    @Test(arguments: [
        ("\"2026-11-23T12:05:00.001Z\"", Incident.futureClock), ("4102444800", .futureClock),
        ("\"9999-12-31T23:59:59Z\"", .futureClock), ("0", .unsetClock), ("-1", .unsetClock),
        ("\"0000-01-01T00:00:00Z\"", .unsetClock), ("\"1969-12-31T23:59:59Z\"", .unsetClock),
        ("\"2025-11-22T11:59:59.999Z\"", .unsetClock), ("\"2000-01-01T00:00:00Z\"", .unsetClock),
        ("\"yesterday\"", .unreadableTime), ("\"2026-11-23T12:00:00\"", .unreadableTime),
        ("true", .unreadableTime), ("{}", .unreadableTime), ("1e300", .unreadableTime),
        ("18446744073709551615", .unreadableTime),
    ]) func `is that of reception where the sensor's cannot be`(
        time: String,
        incident: Incident
    ) throws {
        let (observed, incidents) = try observed(time)
        #expect(observed == Bench.noon)
        #expect(incidents == [incident])
    }

    @Test(arguments: [#"{"occupied":true}"#, #"{"occupied":true,"time":null}"#])
    func `may be left out by a sensor that has no clock`(payload: String) throws {
        let bench = try Bench([bayRule()])
        bench.send("bath/podium/bay/1", payload)
        #expect(bench.occupancy.counts(of: 0).observedMilliseconds == Bench.noon)
        #expect(bench.takeIncidents().isEmpty)
    }

    @Test func `2038 is a year like any other`() throws {
        let (observed, incidents) = try observed("2147483648", at: 2_147_483_700_000)
        #expect(observed == 2_147_483_648_000)
        #expect(incidents.isEmpty)
    }

    @Test func `a late reading changes nothing`() throws {
        let bench = try Bench([bayRule()])
        bench.send("bath/podium/bay/1", #"{"occupied":true,"time":1795435190}"#)
        bench.send("bath/podium/bay/1", #"{"occupied":false,"time":1795435180}"#)
        #expect(bench.occupied == 1)
        #expect(bench.tally.late == 1)
        #expect(bench.tally.messages == 2)
    }
}
