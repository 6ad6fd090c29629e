import Parking
import Testing

@Suite struct `RFC 3339` {
    private func parsed(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        return RFC3339.milliseconds(bytes.span)
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-23T06:12:45Z", 1_795_414_365_000),
        ("2026-11-23t06:12:45z", 1_795_414_365_000),
        ("2026-11-23 06:12:45Z", 1_795_414_365_000),
        ("2026-11-23T07:12:45+01:00", 1_795_414_365_000),
        ("2026-11-23T00:42:45-05:30", 1_795_414_365_000),
        ("2026-11-23T06:12:45.5Z", 1_795_414_365_500),
        ("2026-11-23T06:12:45.123456789Z", 1_795_414_365_123),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("2038-01-19T03:14:08Z", 2_147_483_648_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000),
    ]) func `a time is read to the millisecond`(text: String, milliseconds: Int64) {
        #expect(parsed(text) == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-11-23", "2026-11-23T06:12:45", "2026-11-23T06:12Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z", "2026-11-00T00:00:00Z", "2026-11-23T24:00:00Z",
        "2026-11-23T00:60:00Z", "2026-11-23T00:00:61Z", "2026-11-23T00:00:00.Z",
        "2026-11-23T00:00:00+0100", "2026-11-23T00:00:00+24:00", "2026-11-23T00:00:00Z ",
        "+026-11-23T00:00:00Z", "2026-11-23T00:00:00ZZ", "２026-11-23T00:00:00Z",
    ]) func `what is no time is refused`(text: String) {
        #expect(parsed(text) == nil)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (1_795_414_365_999, "2026-11-23T06:12:45Z"),
        (Int64.min, "0000-01-01T00:00:00Z"),
        (Int64.max, "9999-12-31T23:59:59Z"),
    ]) func `a time is written in whole seconds`(milliseconds: Int64, text: String) {
        #expect(RFC3339.text(milliseconds) == text)
    }

    @Test func `every day from 1600 to 2400 is read as it was written`() {
        for day in stride(from: Int64(-135_140), through: 157_054, by: 1) {
            let milliseconds = day * 86_400_000 + 45_296_000
            #expect(parsed(RFC3339.text(milliseconds)) == milliseconds)
        }
    }
}
