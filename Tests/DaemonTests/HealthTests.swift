import Occupancy
import Parking
import Testing

@testable import Daemon

private let noon: Int64 = 1_795_435_200_000  // 2026-11-23T12:00:00Z

/// A health in which every value is another one.
private func someHealth() -> Health {
    var health = Health(
        version: "0.1.0",
        processIdentifier: 812,
        started: noon - 90_000_000,
        configured: noon - 7_200_000,
        generated: noon,
        interval: 5,
        feed: Health.Feed(directory: "/srv/feed", published: noon - 3000, trouble: nil)
    )
    health.brokers = [
        Health.Broker(
            name: "council",
            url: "mqtt://127.0.0.1:1883",
            state: .connected,
            since: noon - 60_000,
            reconnects: 2,
            lastFailure: "the broker hung up",
            advice: "look into the broker's log"
        )
    ]
    health.traffic = Health.Traffic(
        messages: 1,
        readings: 2,
        late: 3,
        redelivered: 4,
        refused: 5,
        bytes: 6,
        messagesPerSecond: 7.5,
        processorPercent: 0.5,
        memoryBytes: 8 << 20
    )
    health.facilities = Health.Listing(total: 2, first: ["podium", "station"].map(facility))
    health.facilities.first[0].parts = Health.Listing(
        total: 5,
        first: [
            Health.Part(zone: "low", capacity: 60, occupied: 41, free: 18, unknownBays: 1),
            Health.Part(zone: "low", bayClass: "disabled", capacity: 7, unknownBays: 0),
            Health.Part(bayClass: "coach", capacity: 2, occupied: 2, free: 0, unknownBays: 0),
        ]
    )
    health.sensors = someSensors()
    health.rules = [
        0: Health.Rule(place: "rules[0]", topic: "bath/{facility}/bay/{bay}"),
        1: Health.Rule(place: "rules[0] (bosch-tps110[1])", topic: "up/{device}"),
    ]
    addRefusals(to: &health)
    return health
}

private func facility(_ id: String) -> Health.Facility {
    Health.Facility(
        id: id,
        capacity: 100,
        occupied: id == "podium" ? 105 : nil,
        free: id == "podium" ? 0 : nil,
        state: id == "podium" ? "full" : "unknown",
        isStale: false,
        heard: id == "podium" ? noon - 61_000 : nil,
        knownBays: 9,
        unknownBays: 3,
        drift: 10
    )
}

private func someSensors() -> Health.Sensors {
    func sensor(_ name: String, _ battery: Battery? = nil) -> Health.Sensor {
        Health.Sensor(name: name, rule: 1, heard: noon - 7_200_000, battery: battery)
    }
    var sensors = Health.Sensors(
        count: 11,
        limit: 12,
        untracked: 13,
        silent: Health.Listing(total: 312, first: [sensor("s1"), sensor("s2", .percent(87))]),
        stuck: Health.Listing(total: 1, first: [sensor("s3", .volts(3.1))]),
        lowBattery: Health.Listing(total: 1, first: [sensor("s4", .low(true))]),
        faulty: Health.Listing(total: 1, first: [sensor("s5")]),
        wrongClock: Health.Listing(total: 1, first: [sensor("s6")]),
        missing: Health.Listing(
            total: 1,
            first: [Health.Gap(name: "s7", facility: "podium", missing: 14)]
        )
    )
    sensors.faulty.first[0].faults = ["tamper", "obstructed"]
    sensors.wrongClock.first[0].clockError = -600_000
    sensors.wrongClock.first[0].clockDrift = 4000
    return sensors
}

private func addRefusals(to health: inout Health) {
    let device = Health.UnknownDevice(
        name: "d1",
        rule: 1,
        topic: "up/d1",
        messages: 17,
        heard: noon - 1000
    )
    health.unknownDevices = Health.UnknownDevices(
        limit: 15,
        others: 16,
        devices: Health.Listing(total: 1, first: [device])
    )
    health.refusals.add(
        Health.Refusal(
            reason: "payload is not JSON",
            outcome: .refused,
            rule: 0,
            count: 18,
            lastTopic: "bath/podium/bay/7"
        )
    )
    health.quarantine = [
        Health.Quarantined(
            received: noon - 2000,
            reason: "payload is not JSON",
            rule: nil,
            topic: "elsewhere",
            shape: "text(12)"
        )
    ]
    health.unquarantined = 19
}

private let refusedReload = Health.RefusedReload(
    at: noon - 60_000,
    error: "carparkd.yaml:7:13: feed.interval: \u{1B}[2J",
    advice: "correct it",
    effective: noon - 7_200_000
)

/// What a text tells, as far as it is a health file.
private func read(_ text: [UInt8]) -> Health? { Health(json: text.span) }

@Suite struct `A health file` {
    @Test func `holds what was written`() {
        var health = someHealth()
        #expect(read(health.json) == health)
        health.feed.trouble = Health.Trouble(error: "full", advice: nil)
        health.journalTrouble = Health.Trouble(error: "full", advice: "free space")
        health.refusedReload = refusedReload
        health.feed.published = nil
        health.staleFacilities = 3
        health.brokers[0].url = nil
        health.quarantine[0].shape = nil
        #expect(read(health.json) == health)
    }

    @Test(arguments: ["", "{}", "[]", "null", "{\"version\":\"1\"", #"{"generated_at":"now"}"#])
    func `is not just any text`(text: String) {
        #expect(read(Array(text.utf8)) == nil)
    }

    @Test func `of another version says what it has`() throws {
        let text = Array(
            #"{"version":"9","generated_at":"2026-11-23T12:00:00Z","brokers":[{"name":"b"},7],"sensors":[]}"#
                .utf8
        )
        let health = try #require(read(text))
        #expect(health.version == "9")
        #expect(health.brokers.isEmpty)
        #expect(health.sensors == Health.Sensors())
    }

    @Test func `can stand on a terminal as it is`() {
        var health = someHealth()
        let hostile = "\u{1B}[2J\u{9B}31m\u{202E}\n\u{7}<script>"
        health.quarantine[0].topic = hostile
        health.sensors.silent.first[0].name = hostile
        let json = health.json
        let text = String(decoding: json, as: UTF8.self).dropLast()
        #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(!text.contains("\u{202E}"))
        #expect(read(json) == health)
    }

    @Test func `is bounded, however many sensors and refusals there are`() {
        let worst = String(repeating: "\u{1}", count: 200)
        var health = someHealth()
        var sensors = Health.Listing<Health.Sensor>()
        for _ in 0..<100_000 { sensors.add(Health.Sensor(name: worst)) }
        health.sensors = Health.Sensors(
            count: 1,
            limit: 1,
            untracked: 1,
            silent: sensors,
            stuck: sensors,
            lowBattery: sensors,
            faulty: sensors,
            wrongClock: sensors
        )
        var devices = Health.Listing<Health.UnknownDevice>()
        var gaps = Health.Listing<Health.Gap>()
        for _ in 0..<1000 {
            devices.add(
                Health.UnknownDevice(name: worst, rule: 0, topic: worst, messages: 1, heard: 1000)
            )
            gaps.add(Health.Gap(name: worst, facility: "f", missing: 1))
        }
        health.unknownDevices.devices = devices
        health.sensors.missing = gaps
        health.facilities.first = (0..<Health.facilityLength).map { _ in
            health.facilities.first[0]
        }
        for number in 0..<Health.partLength / 3 {
            for part in 0..<3 {
                health.facilities.first[number].parts.first[part].zone = String(
                    repeating: "z",
                    count: 64
                )
            }
        }
        health.quarantine = (0..<64).map { _ in
            Health.Quarantined(
                received: 0,
                reason: "r",
                rule: 0,
                topic: worst,
                shape: String(repeating: "s", count: 1000)
            )
        }
        #expect(sensors.total == 100_000)
        #expect(sensors.first.count == Health.listLength)
        #expect(health.json.count < Health.maximumBytes / 2)
        #expect(read(health.json) == health)
    }
}

@Suite struct `The health of a facility` {
    @Test func `has as many free bays as its feed: an unknown one is none`() throws {
        let podium = Parking.Facility(
            id: try #require(FacilityIdentifier("podium")),
            name: "Podium",
            capacity: 500
        )
        var counts = FacilityCounts()
        let now = Moment(recordedMilliseconds: noon)
        #expect(Health.Facility(podium, counts, at: now).free == nil)
        counts.occupied = 3
        counts.unknownBays = 2
        #expect(Health.Facility(podium, counts, at: now).free == 495)
    }

    @Test func `has its zones, their classes, and its own`() throws {
        let low = Zone(
            id: try #require(ZoneIdentifier("low")),
            name: "Low",
            capacity: 60,
            classes: [ClassCapacity(.disabled, capacity: 7)]
        )
        let podium = Parking.Facility(
            id: try #require(FacilityIdentifier("podium")),
            name: "Podium",
            capacity: 500,
            zones: [low],
            classes: [ClassCapacity(.coach, capacity: 2)]
        )
        var counts = FacilityCounts()
        counts.zones = [
            PartStatus(occupied: 41, unknown: 1, classes: [PartStatus(occupied: nil)])
        ]
        counts.classes = [PartStatus(occupied: 2)]
        let parts = Health.Facility(podium, counts, at: Moment(recordedMilliseconds: noon)).parts
        #expect(parts.total == 3)
        #expect(parts.first == someHealth().facilities.first[0].parts.first)
    }
}

@Suite struct `The status page` {
    private func page(_ health: Health, _ liveness: Liveness = .running) -> StatusPage {
        StatusPage(health, liveness)
    }

    @Test func `says that all is well`() {
        let page = page(someHealth())
        #expect(page.exitStatus == .success)
        #expect(
            page.lines[0]
                == "carparkd 0.1.0 is well (process 812, up for 1 d 1 h, 2 h 0 min since the reload)"
        )
        #expect(!page.lines.contains("TROUBLE"))
        for line in [
            "  council  connected  for 1 min  mqtt://127.0.0.1:1883  2 reconnects",
            "  podium          105/100  0 free   full     heard 1 min ago  9 bays known  3 unknown  drift 10",
            "    low           41/60    18 free                                          1 unknown",
            "    low disabled  -/7",
            "    coach         2/2      0 free",
            "    and 2 more",
            "  station         -/100             unknown  never heard      9 bays known  3 unknown  drift 10",
            "  312 silent sensors", "  silent: 312",
            "    s1  rules[0] (bosch-tps110[1]) up/{device}  heard 2 h 0 min ago",
            "    s2  rules[0] (bosch-tps110[1]) up/{device}  heard 2 h 0 min ago  battery 87.0 %",
            "    and 310 more; --json has the first 2",
            "    s5  rules[0] (bosch-tps110[1]) up/{device}  heard 2 h 0 min ago  tamper obstructed",
            "    s6  rules[0] (bosch-tps110[1]) up/{device}  heard 2 h 0 min ago  clock 10 min behind  gains 4 s a day",
            "    s7  podium  14 missing", "  d1  17 messages  last 1 s ago on up/d1",
            "  16 messages came from others, beyond limits.unknown_devices (15)",
            "  18 × payload is not JSON, rules[0] bath/{facility}/bay/{bay}, last on bath/podium/bay/7",
            "    the sensor sends something else than its rule's format",
            "  2026-11-23T11:59:58Z payload is not JSON, no rule, on elsewhere",
            "    text(12)", "  19 came too fast to be kept here",
        ] {
            #expect(
                page.lines.contains(line),
                "\(line)\nis not in\n\(page.lines.joined(separator: "\n"))"
            )
        }
    }

    @Test func `says trouble first, with advice`() throws {
        var health = someHealth()
        health.brokers[0].state = .away
        health.feed.trouble = Health.Trouble(error: "disk full", advice: "free space")
        health.journalTrouble = Health.Trouble(error: "read-only", advice: "remount it")
        health.staleFacilities = 1
        health.facilities.first[0].isStale = true
        let page = page(health)
        #expect(page.exitStatus == .failure)
        #expect(
            page.lines.prefix(12) == [
                "carparkd 0.1.0 is running with trouble (process 812, up for 1 d 1 h, 2 h 0 min since the reload)",
                "",
                "TROUBLE",
                "  broker council is away, for 1 min: the broker hung up",
                "    look into the broker's log", "  the feed cannot be published: disk full",
                "    free space",
                "  what is counted now would not survive a crash: read-only", "    remount it",
                "  1 of 2 facilities are stale: podium", "    look at their gateways and sensors",
                "",
            ]
        )
    }

    @Test(arguments: [
        (200, 19, false), (200, 20, false), (200, 21, true), (1, 19, false), (20, 20, true),
        (1_000_000, 100_001, true),
    ]) func `says that many readings are late`(readings: Int, late: Int, isSaid: Bool) {
        var health = someHealth()
        health.traffic.readings = readings
        health.traffic.late = late
        let words = "  \(late) of \(readings) readings came late: "
        #expect(page(health).lines.contains { $0.hasPrefix(words) } == isSaid)
    }

    @Test func `says that a changed configuration was refused, and which is in force`() {
        var health = someHealth()
        health.refusedReload = refusedReload
        let page = page(health)
        #expect(page.exitStatus == .success)
        #expect(
            page.lines.dropFirst().prefix(4) == [
                "", "ATTENTION",
                #"  the configuration was refused at 2026-11-23T11:59:00Z: carparkd.yaml:7:13: feed.interval: \u{1b}[2J"#,
                "    that of 2026-11-23T10:00:00Z is in force; correct it",
            ]
        )
    }

    @Test(arguments: [
        (true as Bool?, 3, Liveness.running, Daemon.ExitStatus.success),
        (true, 31, .hanging(seconds: 31), .failure), (false, 3, .ended(seconds: 3), .notRunning),
        (nil, 3, .unknown(seconds: 3), .success), (nil, 31, .unknown(seconds: 31), .statusUnknown),
    ]) func `tells whether there is a daemon`(
        isHeld: Bool?,
        age: Int,
        liveness: Liveness,
        status: Daemon.ExitStatus
    ) {
        #expect(Liveness(isHeld: isHeld, ageSeconds: age) == liveness)
        #expect(page(someHealth(), liveness).exitStatus == status)
    }

    @Test func `lets nothing from the network steer the terminal`() {
        let hostile = "\u{1B}[2J\u{9B}31m\u{202E}\n\r\u{7}\u{200B}"
        var health = someHealth()
        health.version = hostile
        health.brokers[0].name = hostile
        health.brokers[0].state = .away
        health.brokers[0].lastFailure = hostile
        health.brokers[0].advice = hostile
        health.feed.directory = hostile
        health.facilities.first[0].id = hostile
        health.facilities.first[0].isStale = true
        health.staleFacilities = 1
        health.rules[1] = Health.Rule(place: hostile, topic: hostile)
        health.sensors.silent.first[0].name = hostile
        health.sensors.faulty.first[0].faults = [hostile]
        health.sensors.missing.first[0].name = hostile
        health.unknownDevices.devices.first[0].name = hostile
        health.unknownDevices.devices.first[0].topic = hostile
        health.refusals.first[0].reason = hostile
        health.refusals.first[0].lastTopic = hostile
        health.quarantine[0].topic = hostile
        health.quarantine[0].shape = hostile
        for line in page(health).lines {
            let isPlain = line.unicodeScalars.allSatisfy {
                ![.control, .format].contains($0.properties.generalCategory)
            }
            #expect(isPlain, "\(line.debugDescription)")
        }
    }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"), (90_000, "1 d 1 h"),
    ]) func `says lengths of time in words`(seconds: Int, words: String) {
        #expect(StatusPage.words(seconds: seconds) == words)
    }
}
