import Glibc
import Parking
import Testing

@testable import Configuration

/// What the element of a document means as a time zone, or the complaints about it.
private func zone(_ name: String, read: @escaping FileReader) -> (ZoneOffsets?, [String]) {
    let list = ComplaintList(file: "c.yaml")
    do {
        let document = try YAMLDocument(Array("zone: \(name)\n".utf8), file: "c.yaml")
        guard let keys = Element(node: document.root, path: "", list: list).keys(),
            let element = keys.take("zone")
        else { return (nil, list.complaints.map(\.description)) }
        let offsets = ZoneReader(read: read).offsets(element)
        return (offsets, list.complaints.map(\.description))
    } catch {
        return (nil, [error.description])
    }
}

private func zone(_ name: String) throws -> ZoneOffsets {
    let (offsets, complaints) = zone(name, read: Configuration.content)
    return try #require(offsets, "\(complaints)")
}

/// The names of all zones of this system.
private func systemZones() throws -> [String] {
    let table = try Configuration.content("/usr/share/zoneinfo/tzdata.zi", maximumBytes: 1 << 20)
    let lines = String(decoding: table, as: UTF8.self).split(separator: "\n")
    return lines.compactMap { line in
        let words = line.split(separator: " ")
        return words[0] == "Z" ? String(words[1]) : words[0] == "L" ? String(words[2]) : nil
    }
}

/// What the C library, which reads the same files in its own way, says of a zone.
private struct LibraryZone {
    init(_ name: String) {
        unsafe setenv("TZ", ":\(name)", 1)
        tzset()
    }

    func offset(at milliseconds: Int64) -> Int64 {
        var seconds = time_t(milliseconds / 1000)
        var broken = unsafe tm()
        unsafe localtime_r(&seconds, &broken)
        return unsafe Int64(broken.tm_gmtoff) * 1000
    }
}

@Suite(.serialized) struct `A time zone` {
    private static let second: Int64 = 1000
    private static let day: Int64 = 86_400_000
    /// 2100-01-01T00:00:00Z.
    private static let end: Int64 = 4_102_444_800_000

    @Test func `of this system has the offsets that the C library finds`() throws {
        let names = try systemZones()
        #expect(names.count > 400)
        for name in names {
            let zone = try zone(name)
            let library = LibraryZone(name)
            // Another hour and another season from zone to zone.
            var time = Int64(name.utf8.reduce(0) { $0 + Int($1) }) * 3_611 * Self.second
            while time < Self.end {
                try #require(
                    zone.offset(at: time) == library.offset(at: time),
                    "\(name) at \(RFC3339.text(time))"
                )
                time += 397 * Self.day + 7 * 3_600_000 + 13 * Self.second
            }
        }
    }

    /// Zones whose rules are peculiar: of the south, of half hours, behind UTC, back in winter, with hours beyond a day.
    @Test(arguments: [
        "Europe/London", "Europe/Dublin", "Australia/Sydney", "Australia/Lord_Howe", "Asia/Gaza",
        "America/Nuuk", "America/St_Johns", "Africa/Casablanca", "Pacific/Chatham",
        "Asia/Kathmandu",
    ]) func `changes in the very half hour`(name: String) throws {
        let zone = try zone(name)
        let library = LibraryZone(name)
        // 2026, 2038 and 2090: from the table, just behind its end, and long after it.
        for (first, years) in [(20_454, 1), (24_837, 1), (43_830, 1)] as [(Int64, Int64)] {
            var time = first * Self.day
            while time < (first + 366 * years) * Self.day {
                try #require(
                    zone.offset(at: time) == library.offset(at: time),
                    "\(name) at \(RFC3339.text(time))"
                )
                time += 1_800_000
            }
        }
    }

    @Test func `reads as the rule says that it does`() throws {
        let london = ObservationClock(format: .hourMinute, zone: try zone("Europe/London"))
        // 2026-07-15T19:11:00Z, where it is 20:11.
        #expect(london.milliseconds(integer: 2010, near: 1_784_142_660_000) == 1_784_142_600_000)
    }

    @Test(arguments: [
        ("UTC", 0), ("+01:00", 3600), ("\"-05:30\"", -19_800), ("+00:00", 0), ("+14:00", 50_400),
    ]) func `may be a distance from UTC`(name: String, seconds: Int64) {
        let (offsets, complaints) = zone(name, read: Configuration.noFile)
        #expect(complaints.isEmpty)
        #expect(offsets == ZoneOffsets(fixed: seconds * 1000))
    }

    @Test(arguments: [
        (
            "Europe/Londn",
            "the time zone 'Europe/Londn' cannot be read from /usr/share/zoneinfo: "
                + "No such file or directory; did you mean 'Europe/London'?"
        ),
        (
            "europe/london",
            "the time zone 'europe/london' cannot be read from /usr/share/zoneinfo: "
                + "No such file or directory; did you mean 'Europe/London'?"
        ),
        // Summer time in London, and a zone of Bangladesh: abbreviations are no names.
        (
            "BST",
            "the time zone 'BST' cannot be read from /usr/share/zoneinfo: No such file or directory"
        ),
        (
            "Europe",
            "the time zone 'Europe' cannot be read from /usr/share/zoneinfo: Is a directory"
        ),
        (
            "right/Europe/London",
            "'/usr/share/zoneinfo/right/Europe/London' is no time zone that can be read"
        ),
        ("tzdata.zi", nil), ("../../../etc/passwd", nil), ("/etc/localtime", nil), ("+1:00", nil),
        ("+15:00", nil), ("Europe//London", nil), ("''", nil),
    ]) func `that is none is refused with advice`(name: String, message: String?) {
        let bare = name == "''" ? "" : name
        let standard =
            "must be the name of a time zone such as Europe/London, or its distance from UTC "
            + "such as +01:00, not '\(bare)'"
        let (offsets, complaints) = zone(name, read: Configuration.content)
        #expect(offsets == nil)
        #expect(complaints == ["c.yaml:1:7: zone: \(message ?? standard)"])
    }

    @Test func `of a system without zones is refused with advice`() {
        let (_, complaints) = zone("Europe/London") { _, _ throws(UnreadableFile) in
            throw UnreadableFile(reason: "No such file or directory")
        }
        #expect(
            complaints == [
                "c.yaml:1:7: zone: the time zone 'Europe/London' cannot be read from "
                    + "/usr/share/zoneinfo: No such file or directory; is the package tzdata installed?"
            ]
        )
    }
}

@Suite struct `The file of a zone` {
    private func london() throws -> [UInt8] {
        try Configuration.content("/usr/share/zoneinfo/Europe/London", maximumBytes: 1 << 20)
    }

    @Test func `is refused wherever it is cut off`() throws {
        let whole = try london()
        #expect(TimeZoneFile.offsets(whole) != nil)
        for count in 0..<whole.count {
            try #require(TimeZoneFile.offsets(Array(whole[..<count])) == nil, "cut at \(count)")
        }
    }

    @Test(arguments: 1...4) func `may be damaged without harm`(seed: UInt64) throws {
        let sound = try london()
        var random = seed
        var refused = 0
        for _ in 0..<500 {
            var bytes = sound
            for _ in 0..<3 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(random >> 33) % bytes.count] = UInt8(truncatingIfNeeded: random >> 25)
            }
            guard let zone = TimeZoneFile.offsets(bytes) else {
                refused += 1
                continue
            }
            // Whatever it tells now, it can be asked.
            let clock = ObservationClock(format: .hourMinute, zone: zone)
            #expect(clock.milliseconds(integer: 1200, near: 1_784_142_660_000) != nil)
        }
        #expect(refused > 100, "so little damage tests nothing")
    }

    @Test(arguments: [
        ("GMT0BST,M3.5.0/1,M10.5.0", true), ("EST5EDT,M3.2.0,M11.1.0", true),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true), ("<+0545>-5:45", true),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", true), ("EET-2EEST,M3.4.4/50,M10.4.4/50", true),
        ("", false), ("GMT", false), ("0", false), ("GMT0BST", false), ("GMT0BST,M3.5.0", false),
        ("GMT0BST,M13.5.0,M10.5.0", false), ("GMT0BST,M3.6.0,M10.5.0", false),
        ("GMT0BST,M3.5.7,M10.5.0", false), ("GMT0BST,J60,J300", false), ("<GMT0", false),
        ("GMT0BST,M3.5.0/1,M10.5.0 ", false), ("GMT200", false),
        ("GMT0BST,M3.5.0/168,M10.5.0", false),
    ]) func `ends with a rule that is read or refused`(text: String, isRule: Bool) {
        #expect((PlaceTime(Array(text.utf8)[...]) != nil) == isRule)
    }
}
