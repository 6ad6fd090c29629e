import Configuration
import Glibc
import Parking
import Testing

@Suite struct `A configuration` {
    @Test func `is read as it was meant`() throws {
        #expect(try Configuration.parse(everyKind, file: "c.yaml") == everyKindMeant())
    }

    @Test func `has defaults for everything that can have one`() throws {
        let configuration = try Configuration.parse(smallest, file: "c.yaml")
        let broker = try #require(configuration.brokers.first)
        #expect(broker.name == "town")
        #expect(broker.urls.map(\.description) == ["mqtt://localhost:1883"])
        #expect(broker.clientIdentifier == "carparkd")
        #expect(broker.username == nil && broker.password == nil && broker.tls == nil)
        #expect(broker.keepAlive == .seconds(30))
        #expect(broker.sessionExpiry == .seconds(7 * 86_400))
        #expect(broker.receiveMaximum == 1000)
        #expect(configuration.stateDirectory == "/var/lib/carparkd/state")
        #expect(configuration.feed.temporaryDirectory == "/srv/feed.tmp")
        #expect(configuration.feed.interval == .seconds(1))
        #expect(configuration.feed.heartbeat == .seconds(60))
        #expect(configuration.feed.publisher.name == nil)
        #expect(configuration.history.span == .seconds(86_400))
        #expect(configuration.history.step == .seconds(60))
        #expect(configuration.history.stepCount == 1440)
        #expect(configuration.history.trendWindow == .seconds(900))
        #expect(configuration.limits.payloadBytes == 65_536)
        #expect(configuration.limits.jsonDepth == 64)
        #expect(configuration.limits.topicBytes == 1024)
        #expect(configuration.limits.bays == 20_000)
        #expect(configuration.limits.sensors == 100_000)
        #expect(configuration.limits.unknownDevices == 1000)
        #expect(configuration.runtimeDirectory == nil)
        let podium = try #require(FacilityIdentifier("podium"))
        #expect(
            configuration.facilities == [Facility(id: podium, name: "Podium", capacity: 521)]
        )
        #expect(
            configuration.rules == [
                Rule(
                    topic: try TopicPattern("bath/{facility}/bay/{bay}"),
                    format: .json,
                    kind: .bay(
                        bay: .capture("bay"),
                        occupied: .pointer("/occupied"),
                        words: Rule.Words()
                    )
                )
            ]
        )
    }

    @Test func `says where the health of the daemon goes, and how many strangers it lists`() throws
    {
        let text = smallest + "runtime_directory: /run/town\nlimits: {unknown_devices: 7}\n"
        let configuration = try Configuration.parse(text, file: "c.yaml")
        #expect(configuration.runtimeDirectory == "/run/town")
        #expect(configuration.limits.unknownDevices == 7)
        #expect(configuration.limits.sensors == 100_000)
        #expect(configuration.summary.contains("health: '/run/town'"))
    }

    @Test(arguments: [
        ("mqtts://broker.example.org", "mqtts://broker.example.org:8883"),
        ("mqtt://10.0.0.1:1", "mqtt://10.0.0.1:1"),
        ("mqtt://[::1]", "mqtt://[::1]:1883"),
        ("mqtts://[2001:db8::1]:65535", "mqtts://[2001:db8::1]:65535"),
        ("mqtt://localhost/", "mqtt://localhost:1883"),
    ]) func `completes the address of a broker`(written: String, completed: String) throws {
        let text = try smallest.replacing(once: "[mqtt://localhost]", by: "[\"\(written)\"]")
        let configuration = try Configuration.parse(text, file: "c.yaml")
        #expect(configuration.brokers.first?.urls.map(\.description) == [completed])
    }

    @Test(arguments: [
        ("1000ms", Duration.seconds(1)), ("90s", .seconds(90)), ("15m", .seconds(900)),
        ("24h", .seconds(86_400)), ("7d", .seconds(604_800)), ("3650d", .seconds(315_360_000)),
    ]) func `reads a length of time`(written: String, meant: Duration) throws {
        let text = try smallest.replacing(
            once: "capacity: 521",
            by: "capacity: 521\n    stale_after: \(written)"
        )
        let configuration = try Configuration.parse(text, file: "c.yaml")
        #expect(configuration.facilities.first?.staleAfter == meant)
    }

    @Test func `takes a long interval as the least heartbeat`() throws {
        let text = try smallest.replacing(
            once: "  directory: /srv/feed\n",
            by: "  directory: /srv/feed\n  interval: 5m\n"
        )
        let feed = try Configuration.parse(text, file: "c.yaml").feed
        #expect(feed.heartbeat == .seconds(300))
    }

    @Test func `keeps the trend within a short history`() throws {
        let text = "history: {span: 5m, step: 10s}\n" + smallest
        let history = try Configuration.parse(text, file: "c.yaml").history
        #expect(history.trendWindow == .seconds(300))
    }

    @Test func `does not mind how a path writes its slashes`() throws {
        let text = try smallest.replacing(once: "/srv/feed", by: "//srv///feed/")
        let feed = try Configuration.parse(text, file: "c.yaml").feed
        #expect(feed.directory == "/srv/feed")
    }

    @Test func `subscribes to no filter that another one covers`() throws {
        let rules = """
            rules:
              - {topic: "a/{facility}/in", reading: movement, in: 1}
              - {topic: "a/{facility}/out", reading: movement, out: 1}
              - {topic: "b/#", reading: level, facility: podium, free: /free}
              - {topic: "a/{facility}/#", reading: level, free: /free}

            """
        let start = try #require(smallest.firstRange(of: "rules:")).lowerBound
        let configuration = try Configuration.parse(smallest[..<start] + rules, file: "c.yaml")
        #expect(configuration.topicFilters == ["b/#", "a/+/#"])
    }

    @Test func `is summed up in a few lines`() throws {
        let summary = try Configuration.parse(smallest, file: "c.yaml").summary
        #expect(
            summary == """
                broker 'town': mqtt://localhost:1883, client 'carparkd'
                facilities: 1 with 521 bays
                rules: 1
                subscription: 'bath/+/bay/+'
                feed: '/srv/feed'
                state: '/var/lib/carparkd/state'
                """
        )
    }

    @Test func `is summed up with the tls that nothing uses`() throws {
        let summary = try Configuration.parse(everyKind, file: "c.yaml").summary
        #expect(
            summary.hasPrefix(
                "broker 'council': mqtt://127.0.0.1:1883, client 'carparkd' as user 'carparkd'; "
                    + "its tls is unused, no address is mqtts\n"
            )
        )
    }
}

@Suite struct `A rule for ChirpStack` {
    @Test(arguments: [
        ("application/+/device/{device}/event/up", true),
        ("application/+/device/{device}/event/+", false),
        ("renamed/{device}/up", false),
    ]) func `is remarked on where it leaves out the status and the log`(
        topic: String,
        isRemarked: Bool
    ) throws {
        let text = try smallest.replacing(
            once: "topic: bath/{facility}/bay/{bay}",
            by: "topic: \"\(topic)\"\n    envelope: chirpstack"
        )
        let devices = "devices: {file: devices.csv}\n"
        let configuration = try Configuration.parse(text + devices, file: "c.yaml") { _, _ in
            Array("device,facility\na,podium\n".utf8)
        }
        let remarks = configuration.summary.split(separator: "\n").filter {
            $0.hasPrefix("remark: ")
        }
        #expect(remarks.count == (isRemarked ? 1 : 0))
        #expect(remarks.allSatisfy { $0.contains("event/+") && $0.contains("'\(topic)'") })
    }
}

@Suite struct `A topic of a network server` {
    @Test(arguments: [
        ("v3/+/devices/{device}/up", "none", "/occupied", "ttn" as String?),
        ("v3/{app}/devices/{device}/up", "chirpstack", "/occupied", "ttn"),
        ("bridge/v3/a@ttn/devices/{device}/#", "none", "/occupied", "ttn"),
        ("application/+/device/{device}/event/+", "none", "/occupied", "chirpstack"),
        ("application/7/device/{device}/event/+", "ttn", "/occupied", "chirpstack"),
        ("v3/+/devices/{device}/up", "ttn", "/occupied", nil),
        ("application/+/device/{device}/event/+", "chirpstack", "/occupied", nil),
        // Whoever points into the message of the network server knows what it is.
        (
            "v3/+/devices/{device}/up", "none", "/uplink_message/decoded_payload/occupied", nil
        ), ("application/+/device/{device}/event/+", "none", "/object/occupied", nil),
        ("v3/+/sensors/{device}/up", "none", "/occupied", nil),
        ("application/{device}/up", "ttn", "/occupied", nil),
    ]) func `is remarked on where the rule's envelope is not that server's`(
        topic: String,
        envelope: String,
        pointer: String,
        wanted: String?
    ) throws {
        let text = try smallest.replacing(
            once: "topic: bath/{facility}/bay/{bay}",
            by: "topic: \"\(topic)\"\n    envelope: \(envelope)"
        ).replacing(once: "/occupied", by: pointer)
        let devices = "devices: {file: devices.csv}\n"
        let configuration = try Configuration.parse(text + devices, file: "c.yaml") { _, _ in
            Array("device,facility\na,podium\n".utf8)
        }
        let remarks = configuration.summary.split(separator: "\n").filter {
            $0.hasPrefix("remark: ")
        }
        #expect(remarks.count == (wanted == nil ? 0 : 1), "\(remarks)")
        #expect(
            remarks.allSatisfy {
                $0.contains("'\(topic)'") && $0.contains("say envelope: \(wanted ?? ""),")
            }
        )
    }
}

@Suite struct `What is no mistake and hardly meant` {
    private func remarks(
        _ facility: String,
        rule: String = "facility: podium",
        devices: String = "device,facility\na,podium\n"
    ) throws -> [String] {
        let text = """
            brokers: [{urls: [mqtt://localhost]}]
            feed: {directory: /srv/feed}
            devices: {file: devices.csv}
            facilities:
              - {id: podium, name: Podium, capacity: 2}
              - {id: station, name: Station, capacity: 3\(facility)}
            rules:
              - {topic: "a/{x}/{y}", reading: bay, occupied: /o, bay: "{y}", \(rule)}
            """
        let configuration = try Configuration.parse(text, file: "c.yaml") { _, _ in
            Array(devices.utf8)
        }
        return configuration.summary.split(separator: "\n").filter { $0.hasPrefix("remark: ") }
            .map { String($0.dropFirst(8)) }
    }

    @Test(arguments: [
        ("facility: podium", "device,facility\na,station\n", false),
        ("facility: /f", "device,facility\na,podium\n", true),
        ("facility: '{x}'", "device,facility\na,podium\n", true),
        ("device: '{x}'", "device,facility\na,podium\n", false),
        ("device: '{x}'", "device,facility\na,podium\nb,station\n", true),
    ]) func `is remarked on: a facility that nothing reaches`(
        rule: String,
        devices: String,
        isReached: Bool
    ) throws {
        let expected = [
            "no rule and no listed device reaches 'station': nothing is ever known there"
        ]
        #expect(try remarks("", rule: rule, devices: devices) == (isReached ? [] : expected))
    }

    @Test func `is remarked on: more listed bays than there are`() throws {
        let zones = ", zones: [{id: low, name: L, capacity: 1}, {id: high, name: H, capacity: 2}]"
        let list = "device,facility,zone,bay\na,station,low,1\nb,station,low,2\nc,station,high,1\n"
        let one = "the list of devices has 2 bays in zone 'low' of 'station', whose capacity is 1"
        #expect(try remarks(zones, rule: "facility: /f", devices: list) == [one])
        #expect(
            try remarks(zones, rule: "facility: /f", devices: list + "d,station,,9\ne,podium,,1\n")
                == ["the list of devices has 4 bays in 'station', whose capacity is 3", one]
        )
    }

    @Test func `is remarked on: a state beyond the capacity`() throws {
        #expect(try remarks(", full: {rising: 3, falling: 1}", rule: "facility: /f").isEmpty)
        #expect(
            try remarks(
                ", full: {rising: 4, falling: 1}, almost_full: {rising: 3, falling: 1}",
                rule: "facility: /f"
            ) == [
                "full.rising of 'station' is 4, and its capacity 3: it is full only with more vehicles than bays"
            ]
        )
    }
}

@Suite struct `Filters that overlap` {
    private func remarks(_ first: String, _ second: String) throws -> [Substring] {
        let text = """
            brokers: [{urls: [mqtt://localhost]}]
            state_directory: /var/lib/carparkd/state
            feed: {directory: /srv/feed}
            facilities: [{id: podium, name: Podium, capacity: 1}]
            rules:
              - {topic: "\(first)", reading: level, free: /free, facility: podium}
              - {topic: "\(second)", reading: level, free: /free, facility: podium}
            """
        return try Configuration.parse(text, file: "c.yaml").summary.split(separator: "\n")
            .filter { $0.hasPrefix("remark: ") }
    }

    @Test(arguments: [
        ("a/+/x", "a/b/+"), ("+/b", "a/+"), ("a/b/#", "a/+/c"), ("a/+/x", "a/b/#"),
        ("a/b/#", "+/b"), ("a/{n}/x", "a/b/{m}"),
    ]) func `in part are remarked on`(first: String, second: String) throws {
        #expect(try remarks(first, second).count == 1)
    }

    @Test(arguments: [
        ("a/b", "a/+"), ("a/b", "a/c"), ("a/+/x", "a/+/y"), ("a/+", "a/b/+"), ("+/b/c", "a/b"),
        ("a/#", "b/#"), ("a/+/x/#", "a/b/y/+"),
    ]) func `or not, or wholly, are none`(first: String, second: String) throws {
        #expect(try remarks(first, second).isEmpty)
    }
}

@Suite struct `A document` {
    @Test func `is refused with every complaint in the order of its lines`() {
        let text = """
            brokers:
              - urls: [mqtt://localhost:x, mqtt://localhost]
                keep_alive: 1s
            feed: {directory: feed}
            limits: {json_deph: 64}
            facilities:
              - {id: podium, name: Podium, capacity: -1}
              - {id: podium, name: Podium, capacity: 1}
            rules:
              - {topic: a/+, reading: level, free: /free, facility: podium}
              - {topic: "a/{facility}", reading: level}
            """
        #expect(
            complaints(text) == [
                "c.yaml:2:12: brokers[0].urls[0]: the port must be a number from 1 to 65535",
                "c.yaml:3:17: brokers[0].keep_alive: must be from 5s to 65535s, not 1s",
                "c.yaml:4:19: feed.directory: must be an absolute path below /, not 'feed'",
                "c.yaml:5:10: limits.json_deph: unknown key; did you mean 'json_depth'?",
                "c.yaml:7:42: facilities[0].capacity: must be from 1 to 2097151, not -1",
                "c.yaml:8:10: facilities[1].id: facilities[0] has the id 'podium' already",
                "c.yaml:11:5: rules[1]: a level reading needs either 'occupied' or 'free'",
                "c.yaml:11:13: rules[1].topic: this rule never matches: rules[0] ('a/+') comes "
                    + "first and takes all its topics",
            ]
        )
    }

    @Test(arguments: [
        ("", "c.yaml:1:1: the file is empty; start from the example that comes with carparkd"),
        (
            "# nothing\n",
            "c.yaml:1:1: the file is empty; start from the example that comes with carparkd"
        ),
        ("true\n", "c.yaml:1:1: must be a mapping of keys to values"),
        ("[]\n", "c.yaml:1:1: must be a mapping of keys to values"),
        ("a\0", "c.yaml:1:2: a control character (U+0) stands here; remove it"),
    ]) func `must hold keys`(text: String, complaint: String) {
        #expect(complaints(text) == [complaint])
    }

    @Test(
        arguments: [
            [0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80],
            [0xE2, 0x82], [0xF0, 0x9F, 0x9A],
        ] as [[UInt8]]
    ) func `must be UTF-8`(bytes: [UInt8]) {
        let text = Array("brokers:\n  ü".utf8)
        #expect(
            complaints(text + bytes) == [
                "c.yaml:2:4: the file is not UTF-8 from here on; save it as UTF-8"
            ]
        )
    }

    @Test func `must not be larger than 4 MiB`() {
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: 4 << 20)
        let text = Array(smallest.utf8)
        #expect(complaints(text + comment.dropLast(text.count)) == [])
        #expect(
            complaints(comment + [UInt8(ascii: "#")])
                == ["c.yaml: the file is larger than 4 MiB (4,194,304 bytes)"]
        )
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func `may be nested absurdly without harm`(opening: String) {
        for depth in [900, 100_000] {
            #expect(!complaints(String(repeating: opening, count: depth)).isEmpty)
        }
    }

    @Test func `may repeat itself absurdly without harm`() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...40 {
            text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n"
        }
        let found = complaints(text)
        #expect(found.count == 41)
        #expect(found.allSatisfy { $0.contains("anchors and aliases are refused") })
    }

    @Test func `is quoted without its control characters`() {
        #expect(
            complaints(#""a\nb\u202E": 1"#).first
                == #"c.yaml:1:1: a\u{A}b\u{202E}: unknown key; remove it"#
        )
    }
}

@Suite struct `A file` {
    @Test func `that is not there is one complaint`() {
        #expect(throws: ConfigurationError.self) { try Configuration.load(path: "/nonexistent") }
        do throws(ConfigurationError) {
            _ = try Configuration.load(path: "/nonexistent/carparkd.yaml")
        } catch {
            #expect(
                error.description
                    == "/nonexistent/carparkd.yaml: the file cannot be read: No such file or directory"
            )
        }
    }

    @Test func `that is a directory is one complaint`() {
        do throws(ConfigurationError) {
            _ = try Configuration.load(path: "/")
            Issue.record("a directory was read")
        } catch {
            #expect(error.description == "/: the file cannot be read: Is a directory")
        }
    }

    @Test func `in Config works as it is`() throws {
        let configuration = try Configuration.load(path: packageRoot + "/Config/carparkd.yaml")
        #expect(
            configuration.brokers.first?.urls.map(\.description) == ["mqtt://127.0.0.1:18830"]
        )
        #expect(configuration.facilities.map(\.capacity) == [1056, 630, 521, 720, 140])
        #expect(configuration.feed.directory == "/var/lib/carparkd/feed")
        #expect(configuration.stateDirectory == "/var/lib/carparkd/state")
    }

    @Test func `in Config names the defaults that hold`() throws {
        // What is commented out there, with its default, must change nothing when it is taken in.
        let written = try text(ofFile: packageRoot + "/Config/carparkd.yaml")
        var lines: [Substring] = []
        for line in written.split(separator: "\n", omittingEmptySubsequences: false) {
            lines.append(line)
        }
        let keys = [
            "client_id", "keep_alive", "session_expiry", "receive_maximum", "temporary_directory",
            "interval", "heartbeat", "history", "span", "step", "trend_window", "limits",
            "payload_bytes", "json_depth", "topic_bytes", "bays", "sensors", "unknown_devices",
            "bay",
        ]
        var uncommented = 0
        for index in lines.indices {
            guard let hash = lines[index].firstRange(of: "# "),
                lines[index][..<hash.lowerBound].allSatisfy({ $0 == " " })
            else { continue }
            let rest = lines[index][hash.upperBound...]
            let key = rest.drop { $0 == " " }.prefix { $0 != ":" }
            guard keys.contains(String(key)) else { continue }
            lines[index] = lines[index][..<hash.lowerBound] + rest
            uncommented += 1
        }
        #expect(uncommented == keys.count)
        let all = lines.joined(separator: "\n")
        #expect(
            try Configuration.parse(all, file: "all") == Configuration.parse(written, file: "some")
        )
    }

    @Test(.enabled(if: isThere(contractPath), "the reference example is not on this machine"))
    func `that is the contract means the same`() throws {
        let configuration = try Configuration.load(path: contractPath)
        #expect(try configuration == everyKindMeant())
    }
}

private let contractPath = packageRoot + "/../shared/design/carparkd-example.yaml"

@Suite struct `A sequence number` {
    @Test func `is read with its wrap`() throws {
        let text = try smallest.replacing(
            once: "    occupied: /occupied\n",
            by: "    occupied: /occupied\n    sequence: /f_cnt\n    sequence_wraps_at: 65536\n"
        )
        let rule = try #require(try Configuration.parse(text, file: "c.yaml").rules.first)
        let expected = Rule.Sequence(number: .pointer("/f_cnt"), wrapsAt: 65_536)
        #expect(rule.sequence == expected)
    }

    @Test func `is absent by default`() throws {
        let rule = try #require(try Configuration.parse(smallest, file: "c.yaml").rules.first)
        #expect(rule.sequence == nil)
    }
}
