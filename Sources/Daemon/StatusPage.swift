import Ingest
import Occupancy
import Parking

/// What `carparkd status` prints: trouble first, then what wants attention, then how all is.
///
/// **Trouble** is what the daemon itself can't do as it should, and facilities that are stale: then the exit status is 1. A single
/// silent sensor is worth attention, but a town always has some: it does not change the status.
///
/// Every text of the file is escaped: sensors, topics and keys come from the network.
struct StatusPage {
    /// The most entries of a list that a person is shown; `--json` has more.
    static let listLength = 10

    /// So many late readings say nothing, whatever share of all they are: a network repeats a few.
    private static let fewLate = 20

    private let health: Health
    private let liveness: Liveness
    private(set) var lines: [String] = []

    /// A page about a file.
    init(_ health: Health, _ liveness: Liveness) {
        self.health = health
        self.liveness = liveness
        let trouble = troubles
        heading(trouble)
        section("TROUBLE", trouble)
        section("ATTENTION", attentions)
        section("BROKERS", table(health.brokers.map(row)))
        section("TRAFFIC", traffic)
        section("FEED AND JOURNAL", [feed, journal])
        section("FACILITIES", facilities)
        section("SENSORS", sensors)
        section("UNKNOWN DEVICES", unknownDevices)
        section("REFUSED, IGNORED, OR COUNTED WITH A REMARK", refusals)
        section("LAST REFUSED", quarantine)
    }

    /// The status for a script, in the manner of LSB's init scripts: 0 well, 1 running with trouble, 3 not running, 4 not known.
    var exitStatus: ExitStatus {
        switch liveness {
        case .running: troubles.isEmpty ? .success : .failure
        case .hanging: .failure
        case .ended: .notRunning
        case .unknown(let seconds): seconds > Liveness.patience ? .statusUnknown : .success
        }
    }

    /// Whether the configuration is not the one that the process began with.
    private var isReloaded: Bool { health.configured - health.started >= 1000 }

    // MARK: What is wrong

    private mutating func heading(_ trouble: [String]) {
        let name = "carparkd \(visible(health.version))"
        let process = "process \(health.processIdentifier)"
        let reloaded = isReloaded ? ", \(age(health.configured)) since the reload" : ""
        let up = words(milliseconds: health.generated - health.started) + reloaded
        switch liveness {
        case .running:
            let how = trouble.isEmpty ? "is well" : "is running with trouble"
            lines.append("\(name) \(how) (\(process), up for \(up))")
        case .hanging(let seconds):
            lines.append("\(name) HANGS (\(process)): it last told how it is \(ago(seconds))")
            lines.append("  look at the load of the machine and at 'journalctl -u carparkd'")
        case .ended(let seconds):
            lines.append("\(name) IS NOT RUNNING: \(process) ended without a goodbye")
            lines.append("  what follows is from \(ago(seconds)); see 'journalctl -u carparkd'")
        case .unknown(let seconds):
            lines.append("\(name) as it was \(ago(seconds)) (\(process), up for \(up) then)")
        }
    }

    private var troubles: [String] {
        var lines: [String] = []
        if case .hanging = liveness { lines.append("the health file is old") }
        // One that a daemon has just begun to connect to is none.
        for broker in health.brokers
        where broker.state == .away
            || broker.state == .connecting && health.generated - broker.since > 30_000
        {
            let reason = broker.lastFailure.map { ": \(visible($0))" } ?? ""
            let word = broker.state == .away ? "away" : "not connected yet"
            lines.append(
                "broker \(visible(broker.name)) is \(word), for \(age(broker.since))\(reason)"
            )
            if let advice = broker.advice { lines.append("  \(visible(advice))") }
        }
        if let trouble = health.feed.trouble {
            lines += described(trouble, "the feed cannot be published")
        }
        if let trouble = health.journalTrouble {
            lines += described(trouble, "what is counted now would not survive a crash")
        }
        if health.staleFacilities > 0 {
            let names = health.facilities.first.filter(\.isStale).prefix(Self.listLength).map(\.id)
            lines.append(
                "\(health.staleFacilities) of \(health.facilities.total) facilities are stale: "
                    + enumerated(names, of: health.staleFacilities)
            )
            lines.append("  look at their gateways and sensors")
        }
        return lines
    }

    private func described(_ trouble: Health.Trouble, _ words: String) -> [String] {
        ["\(words): \(visible(trouble.error))"]
            + (trouble.advice.map { ["  \(visible($0))"] } ?? [])
    }

    private var attentions: [String] {
        let sensors = health.sensors
        let lists: [(Int, String)] = [
            (sensors.silent.total, "silent sensors"),
            (sensors.stuck.total, "sensors that say the same for too long"),
            (sensors.faulty.total, "sensors that report a fault"),
            (sensors.lowBattery.total, "sensors with a low battery"),
            (sensors.wrongClock.total, "sensors with a wrong clock, or whose messages come late"),
            (sensors.missing.total, "sensors of which messages are missing"),
        ]
        var lines = refusedReload + lists.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        if sensors.untracked > 0 {
            lines.append(
                "\(sensors.untracked) messages or listed devices are of sensors beyond limits.sensors (\(sensors.limit)), which nobody watches"
            )
        }
        let unknown = health.unknownDevices
        if unknown.devices.total > 0 {
            lines.append("\(unknown.devices.total) unknown devices")
        }
        let traffic = health.traffic
        if traffic.late >= Self.fewLate, traffic.late > traffic.readings / 10 {
            lines.append(
                "\(traffic.late) of \(traffic.readings) readings came late: something newer was known, and they changed nothing"
            )
            lines.append(
                "  look at the sensors' clocks, and whether two sensors speak for one bay or counter"
            )
        }
        if health.traffic.refused > 0 {
            lines.append(
                "\(health.traffic.refused) of \(health.traffic.messages) messages were refused"
            )
        }
        return lines
    }

    private var refusedReload: [String] {
        guard let refused = health.refusedReload else { return [] }
        let advice = refused.advice.map { "; \(visible($0))" } ?? ""
        return [
            "the configuration was refused at \(RFC3339.text(refused.at)): \(visible(refused.error))",
            "  that of \(RFC3339.text(refused.effective)) is in force\(advice)",
        ]
    }

    // MARK: How all is

    private func row(_ broker: Health.Broker) -> [String] {
        [
            visible(broker.name), broker.state.rawValue, "for \(age(broker.since))",
            broker.url.map(visible) ?? "",
            broker.reconnects > 0 ? "\(broker.reconnects) reconnects" : "",
        ]
    }

    private var traffic: [String] {
        let traffic = health.traffic
        return [
            "\(traffic.messagesPerSecond) messages/s over the last minute, \(traffic.processorPercent) % CPU, \(traffic.memoryBytes >> 20) MB",
            "\(traffic.messages) messages since the \(isReloaded ? "reload" : "start"): \(traffic.readings) readings, \(traffic.late) late, "
                + "\(traffic.redelivered) redelivered, \(traffic.refused) refused",
        ]
    }

    private var feed: String {
        let published =
            health.feed.published.map { "published \(age($0)) ago" } ?? "not published yet"
        return "feed     \(published) to \(visible(health.feed.directory))"
    }

    private var journal: String {
        "journal  \(health.journalTrouble == nil ? "durable" : "NOT DURABLE")"
    }

    private var facilities: [String] {
        var rows: [[String]] = []
        for facility in health.facilities.first {
            rows.append(row(facility))
            rows += facility.parts.first.map(row)
            let more = facility.parts.total - facility.parts.first.count
            if more > 0 { rows.append(["  and \(more) more"]) }
        }
        return table(rows) + rest(health.facilities)
    }

    private func row(_ facility: Health.Facility) -> [String] {
        [
            facility.id,
            facility.occupied.map { "\($0)/\(facility.capacity)" } ?? "-/\(facility.capacity)",
            facility.free.map { "\($0) free" } ?? "", facility.state,
            facility.heard.map { "heard \(age($0)) ago" } ?? "never heard",
            facility.isStale ? "STALE" : "",
            facility.knownBays > 0 ? "\(facility.knownBays) bays known" : "",
            facility.unknownBays > 0 ? "\(facility.unknownBays) unknown" : "",
            facility.drift > 0 ? "drift \(facility.drift)" : "",
        ].map(visible)
    }

    /// A zone or a class, in the columns of its facility.
    private func row(_ part: Health.Part) -> [String] {
        let name = [part.zone, part.bayClass].compactMap { $0 }.joined(separator: " ")
        let count = part.occupied.map { "\($0)" } ?? "-"
        let free = part.free.map { "\($0) free" } ?? ""
        let unknown = part.unknownBays > 0 ? "\(part.unknownBays) unknown" : ""
        return ["  " + visible(name), "\(count)/\(part.capacity)", free, "", "", "", "", unknown]
    }

    private var sensors: [String] {
        let sensors = health.sensors
        var lines: [String] = []
        if sensors.count > 0 { lines.append("\(sensors.count) of at most \(sensors.limit)") }
        func list(_ words: String, _ list: Health.Listing<Health.Sensor>) {
            guard list.total > 0 else { return }
            lines.append("\(words): \(list.total)")
            lines += table(list.first.prefix(Self.listLength).map { row($0) }).map { "  \($0)" }
            lines += rest(list, shown: Self.listLength).map { "  \($0)" }
        }
        list("silent", sensors.silent)
        list("stuck", sensors.stuck)
        list("faulty", sensors.faulty)
        list("low battery", sensors.lowBattery)
        list("wrong clock or late", sensors.wrongClock)
        if sensors.missing.total > 0 {
            lines.append("missing messages: \(sensors.missing.total)")
            let rows = sensors.missing.first.sorted { $0.missing > $1.missing }
                .prefix(Self.listLength).map {
                    [visible($0.name), visible($0.facility), "\($0.missing) missing"]
                }
            lines += table(rows).map { "  \($0)" }
            lines += rest(sensors.missing, shown: Self.listLength).map { "  \($0)" }
        }
        return lines
    }

    private func row(_ sensor: Health.Sensor) -> [String] {
        var words = [
            visible(sensor.name), rule(sensor.rule),
            sensor.heard.map { "heard \(age($0)) ago" } ?? "never heard",
        ]
        switch sensor.battery {
        case .percent(let percent): words.append("battery \(percent) %")
        case .volts(let volts): words.append("battery \(volts) V")
        case .low(let isLow): words.append(isLow ? "battery low" : "battery good")
        case nil: words.append("")
        }
        words.append(sensor.faults.map(visible).joined(separator: " "))
        if let error = sensor.clockError, error.magnitude >= 1000 {
            let direction = error > 0 ? "ahead" : "behind"
            let size = self.words(milliseconds: Int64(clamping: error.magnitude))
            words.append("clock \(size) \(direction)")
        } else {
            words.append("")
        }
        if let drift = sensor.clockDrift, drift.magnitude >= 1000 {
            words.append("\(drift > 0 ? "gains" : "loses") \(drift.magnitude / 1000) s a day")
        }
        return words
    }

    private var unknownDevices: [String] {
        let unknown = health.unknownDevices
        let rows = unknown.devices.first.prefix(Self.listLength).map { device in
            [
                visible(device.name), "\(device.messages) messages",
                "last \(age(device.heard)) ago on \(visible(device.topic))",
            ]
        }
        var lines = table(rows) + rest(unknown.devices, shown: Self.listLength)
        if unknown.others > 0 {
            lines.append(
                "\(unknown.others) messages came from others, beyond limits.unknown_devices (\(unknown.limit))"
            )
        }
        if unknown.devices.total > 0 {
            lines.append("enter them in the list of devices, or look for who publishes them")
        }
        return lines
    }

    private var refusals: [String] {
        health.refusals.first.prefix(Self.listLength).flatMap { entry in
            let kind = entry.outcome == .refused ? "" : " (\(entry.outcome.rawValue))"
            let advice = Incident(rawValue: entry.reason)?.advice
            return [
                "\(entry.count) × \(visible(entry.reason))\(kind), \(rule(entry.rule)), last on \(visible(entry.lastTopic))"
            ] + (advice.map { ["  \($0)"] } ?? [])
        } + rest(health.refusals, shown: Self.listLength)
    }

    private var quarantine: [String] {
        var lines = health.quarantine.prefix(Self.listLength).flatMap { message in
            [
                "\(RFC3339.text(message.received)) \(visible(message.reason)), \(rule(message.rule)), on \(visible(message.topic))",
                "  \(message.shape.map(visible) ?? "(refused after it was read)")",
            ]
        }
        let more = health.quarantine.count - Self.listLength
        if more > 0 { lines.append("and \(more) more; --json has them") }
        if health.unquarantined > 0 {
            lines.append("\(health.unquarantined) came too fast to be kept here")
        }
        return lines
    }

    // MARK: Words

    private func visible(_ text: String) -> String { Console.visible(text) }

    private func rule(_ number: Int?) -> String {
        guard let number else { return "no rule" }
        guard let rule = health.rules[number] else { return "rules[\(number)]" }
        return "\(visible(rule.place)) \(visible(rule.topic))"
    }

    /// How long before the file was written something was.
    private func age(_ milliseconds: Int64) -> String {
        words(milliseconds: health.generated - milliseconds)
    }

    private func ago(_ seconds: Int) -> String { "\(Self.words(seconds: seconds)) ago" }

    private func words(milliseconds: Int64) -> String {
        Self.words(seconds: Int(max(0, milliseconds) / 1000))
    }

    /// A length of time in its two largest units.
    static func words(seconds: Int) -> String {
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
        if minutes == 0 { return "\(seconds) s" }
        if hours == 0 { return "\(minutes) min" }
        return days == 0
            ? "\(hours) h \(minutes % 60) min" : "\(days) d \(hours % 24) h"
    }

    private func enumerated(_ names: [String], of total: Int) -> String {
        names.map(visible).joined(separator: ", ") + (total > names.count ? ", …" : "")
    }

    private func rest<Element>(_ listing: Health.Listing<Element>, shown: Int = .max) -> [String] {
        let more = listing.total - min(listing.first.count, shown)
        return more > 0 ? ["and \(more) more; --json has the first \(listing.first.count)"] : []
    }

    private mutating func section(_ title: String, _ body: [String]) {
        guard !body.isEmpty else { return }
        lines += ["", title] + body.map { "  \($0)" }
    }

    /// Rows in columns as wide as their widest cell.
    private func table(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() where widths[column] > 0 {
                line += cell + String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
