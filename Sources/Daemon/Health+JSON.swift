import Feeds
import JSONDocument
import Occupancy
import Parking

// The names stand in both halves of this file; a test reads back what was written.

extension Health {
    /// The text of `health.json`.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { write(to: &$0) }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private func write(to writer: inout JSONWriter) {
        writer.member("version", version)
        writer.member("pid", processIdentifier)
        writer.member("started_at", time: started)
        writer.member("configured_at", time: configured)
        writer.member("generated_at", time: generated)
        writer.member("interval_seconds", interval)
        if let refusedReload {
            writer.name("refused_reload")
            writer.object { refusedReload.write(to: &$0) }
        }
        writer.list("brokers", brokers) { $0.write(to: &$1) }
        writer.name("traffic")
        writer.object { traffic.write(to: &$0) }
        writer.name("journal")
        writer.object { writer in
            writer.name("durable")
            writer.value(journalTrouble == nil)
            writer.trouble(journalTrouble)
        }
        writer.name("feed")
        writer.object { writer in
            writer.member("directory", feed.directory)
            writer.member("published_at", time: feed.published)
            writer.trouble(feed.trouble)
        }
        writer.member("stale_facilities", staleFacilities)
        writer.listing("facilities", facilities) { $0.write(to: &$1) }
        writer.name("sensors")
        writer.object { sensors.write(to: &$0) }
        writer.name("unknown_devices")
        writer.object { writer in
            writer.member("limit", unknownDevices.limit)
            writer.member("others", unknownDevices.others)
            writer.listing("devices", unknownDevices.devices) { $0.write(to: &$1) }
        }
        writer.list("rules", rules.sorted { $0.key < $1.key }) { rule, writer in
            writer.member("number", rule.key)
            writer.member("place", rule.value.place)
            writer.member("topic", rule.value.topic)
        }
        writer.listing("refusals", refusals) { $0.write(to: &$1) }
        writer.list("quarantine", quarantine) { $0.write(to: &$1) }
        writer.member("unquarantined", unquarantined)
    }

    /// The health that a text tells of; nil where it is no `health.json`.
    ///
    /// What a file of another version does not have is nothing, zero or empty.
    init?(json text: Span<UInt8>) {
        let document = JSONDocument(maximumBytes: Self.maximumBytes, maximumDepth: 16)
        do { try document.parse(text) } catch { return nil }
        let root = HealthNode(document: document, path: "")
        guard let generated = root["generated_at"].time, let version = root["version"].text else {
            return nil
        }
        self.init(
            version: version,
            processIdentifier: root["pid"].integer ?? 0,
            started: root["started_at"].time ?? generated,
            configured: root["configured_at"].time ?? root["started_at"].time ?? generated,
            generated: generated,
            interval: root["interval_seconds"].integer ?? 0,
            feed: Feed(
                directory: root["feed"]["directory"].text ?? "",
                published: root["feed"]["published_at"].time,
                trouble: Trouble(root["feed"])
            )
        )
        refusedReload = RefusedReload(root["refused_reload"])
        brokers = root["brokers"].elements.compactMap(Broker.init)
        traffic = Traffic(root["traffic"])
        journalTrouble = Trouble(root["journal"])
        staleFacilities = root["stale_facilities"].integer ?? 0
        facilities = Listing(root["facilities"], Facility.init)
        sensors = Sensors(root["sensors"])
        let unknown = root["unknown_devices"]
        unknownDevices = UnknownDevices(
            limit: unknown["limit"].integer ?? 0,
            others: unknown["others"].integer ?? 0,
            devices: Listing(unknown["devices"], UnknownDevice.init)
        )
        for rule in root["rules"].elements {
            guard let number = rule["number"].integer else { continue }
            rules[number] = Rule(
                place: rule["place"].text ?? "rules[\(number)]",
                topic: rule["topic"].text ?? ""
            )
        }
        refusals = Listing(root["refusals"], Refusal.init)
        quarantine = root["quarantine"].elements.compactMap(Quarantined.init)
        unquarantined = root["unquarantined"].integer ?? 0
    }
}

// MARK: Parts

extension Health.RefusedReload {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("at", time: at)
        writer.member("error", error)
        writer.member("advice", advice)
        writer.member("in_force_since", time: effective)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let at = node["at"].time, let error = node["error"].text else { return nil }
        self.init(
            at: at,
            error: error,
            advice: node["advice"].text,
            effective: node["in_force_since"].time ?? at
        )
    }
}

extension Health.Broker {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("name", name)
        writer.member("url", url)
        writer.member("state", state.rawValue)
        writer.member("since", time: since)
        writer.member("reconnects", reconnects)
        writer.member("last_failure", lastFailure)
        writer.member("advice", advice)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let name = node["name"].text,
            let state = node["state"].text.flatMap(State.init(rawValue:))
        else { return nil }
        self.init(
            name: name,
            url: node["url"].text,
            state: state,
            since: node["since"].time ?? 0,
            reconnects: node["reconnects"].integer ?? 0,
            lastFailure: node["last_failure"].text,
            advice: node["advice"].text
        )
    }
}

extension Health.Traffic {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("messages", messages)
        writer.member("readings", readings)
        writer.member("late", late)
        writer.member("redelivered", redelivered)
        writer.member("refused", refused)
        writer.member("bytes", bytes)
        writer.name("messages_per_second")
        writer.value(messagesPerSecond)
        writer.name("cpu_percent")
        writer.value(processorPercent)
        writer.member("memory_bytes", memoryBytes)
    }

    fileprivate init(_ node: HealthNode) {
        messages = node["messages"].integer ?? 0
        readings = node["readings"].integer ?? 0
        late = node["late"].integer ?? 0
        redelivered = node["redelivered"].integer ?? 0
        refused = node["refused"].integer ?? 0
        bytes = node["bytes"].integer ?? 0
        messagesPerSecond = node["messages_per_second"].number ?? 0
        processorPercent = node["cpu_percent"].number ?? 0
        memoryBytes = node["memory_bytes"].integer ?? 0
    }
}

extension Health.Trouble {
    fileprivate init?(_ node: HealthNode) {
        guard let error = node["error"].text else { return nil }
        self.init(error: error, advice: node["advice"].text)
    }
}

extension Health.Part {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("zone", zone)
        writer.member("class", bayClass)
        writer.member("capacity", capacity)
        writer.member("occupied", occupied)
        writer.member("free", free)
        writer.member("unknown_bays", unknownBays)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let capacity = node["capacity"].integer else { return nil }
        self.init(
            zone: node["zone"].text,
            bayClass: node["class"].text,
            capacity: capacity,
            occupied: node["occupied"].integer,
            free: node["free"].integer,
            unknownBays: node["unknown_bays"].integer ?? 0
        )
    }
}

extension Health.Facility {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("id", id)
        writer.member("capacity", capacity)
        writer.member("occupied", occupied)
        writer.member("free", free)
        writer.member("state", state)
        writer.name("stale")
        writer.value(isStale)
        writer.member("heard_at", time: heard)
        writer.member("known_bays", knownBays)
        writer.member("unknown_bays", unknownBays)
        writer.member("drift", drift)
        writer.listing("parts", parts) { $0.write(to: &$1) }
    }

    fileprivate init?(_ node: HealthNode) {
        guard let id = node["id"].text else { return nil }
        self.init(
            id: id,
            capacity: node["capacity"].integer ?? 0,
            occupied: node["occupied"].integer,
            free: node["free"].integer,
            state: node["state"].text ?? "",
            isStale: node["stale"].flag ?? false,
            heard: node["heard_at"].time,
            knownBays: node["known_bays"].integer ?? 0,
            unknownBays: node["unknown_bays"].integer ?? 0,
            drift: node["drift"].integer ?? 0,
            parts: Health.Listing(node["parts"], Health.Part.init)
        )
    }
}

extension Health.Sensor {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("sensor", name)
        writer.member("rule", rule)
        writer.member("heard_at", time: heard)
        switch battery {
        case .percent(let percent):
            writer.name("battery_percent")
            writer.value(percent)
        case .volts(let volts):
            writer.name("battery_volts")
            writer.value(volts)
        case .low(let isLow):
            writer.name("battery_low")
            writer.value(isLow)
        case nil: break
        }
        if !faults.isEmpty {
            writer.name("faults")
            writer.array { for fault in faults { $0.value(fault) } }
        }
        if let clockError { writer.member("clock_ahead_milliseconds", Int(clockError)) }
        if let clockDrift { writer.member("clock_gains_milliseconds_a_day", Int(clockDrift)) }
    }

    fileprivate init?(_ node: HealthNode) {
        guard let name = node["sensor"].text else { return nil }
        self.init(
            name: name,
            rule: node["rule"].integer,
            heard: node["heard_at"].time,
            battery: node["battery_percent"].number.map { .percent($0) }
                ?? node["battery_volts"].number.map { .volts($0) }
                ?? node["battery_low"].flag.map { .low($0) },
            faults: node["faults"].elements.compactMap(\.text),
            clockError: node["clock_ahead_milliseconds"].integer.map { Int64($0) },
            clockDrift: node["clock_gains_milliseconds_a_day"].integer.map { Int64($0) }
        )
    }
}

extension Health.Gap {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("sensor", name)
        writer.member("facility", facility)
        writer.member("missing", missing)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let name = node["sensor"].text else { return nil }
        self.init(
            name: name,
            facility: node["facility"].text ?? "",
            missing: node["missing"].integer ?? 0
        )
    }
}

extension Health.Sensors {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("count", count)
        writer.member("limit", limit)
        writer.member("untracked", untracked)
        writer.listing("silent", silent) { $0.write(to: &$1) }
        writer.listing("stuck", stuck) { $0.write(to: &$1) }
        writer.listing("low_battery", lowBattery) { $0.write(to: &$1) }
        writer.listing("faulty", faulty) { $0.write(to: &$1) }
        writer.listing("wrong_clock", wrongClock) { $0.write(to: &$1) }
        writer.listing("missing_messages", missing) { $0.write(to: &$1) }
    }

    fileprivate init(_ node: HealthNode) {
        count = node["count"].integer ?? 0
        limit = node["limit"].integer ?? 0
        untracked = node["untracked"].integer ?? 0
        silent = Health.Listing(node["silent"], Health.Sensor.init)
        stuck = Health.Listing(node["stuck"], Health.Sensor.init)
        lowBattery = Health.Listing(node["low_battery"], Health.Sensor.init)
        faulty = Health.Listing(node["faulty"], Health.Sensor.init)
        wrongClock = Health.Listing(node["wrong_clock"], Health.Sensor.init)
        missing = Health.Listing(node["missing_messages"], Health.Gap.init)
    }
}

extension Health.UnknownDevice {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("device", name)
        writer.member("rule", rule)
        writer.member("last_topic", topic)
        writer.member("messages", messages)
        writer.member("heard_at", time: heard)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let name = node["device"].text else { return nil }
        self.init(
            name: name,
            rule: node["rule"].integer ?? 0,
            topic: node["last_topic"].text ?? "",
            messages: node["messages"].integer ?? 0,
            heard: node["heard_at"].time ?? 0
        )
    }
}

extension Health.Refusal {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("reason", reason)
        writer.member("outcome", outcome.rawValue)
        writer.member("rule", rule)
        writer.member("count", count)
        writer.member("last_topic", lastTopic)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let reason = node["reason"].text else { return nil }
        self.init(
            reason: reason,
            outcome: node["outcome"].text.flatMap(Outcome.init(rawValue:)) ?? .refused,
            rule: node["rule"].integer,
            count: node["count"].integer ?? 0,
            lastTopic: node["last_topic"].text ?? ""
        )
    }
}

extension Health.Quarantined {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("received_at", time: received)
        writer.member("reason", reason)
        writer.member("rule", rule)
        writer.member("topic", topic)
        writer.member("shape", shape)
    }

    fileprivate init?(_ node: HealthNode) {
        guard let reason = node["reason"].text else { return nil }
        self.init(
            received: node["received_at"].time ?? 0,
            reason: reason,
            rule: node["rule"].integer,
            topic: node["topic"].text ?? "",
            shape: node["shape"].text
        )
    }
}

// MARK: Writing

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, _ text: String?) {
        self.name(name)
        value(text)
    }

    fileprivate mutating func member(_ name: StaticString, _ number: Int?) {
        self.name(name)
        value(number)
    }

    fileprivate mutating func member(_ name: StaticString, time milliseconds: Int64?) {
        member(name, milliseconds.map(RFC3339.text))
    }

    fileprivate mutating func trouble(_ trouble: Health.Trouble?) {
        member("error", trouble?.error)
        member("advice", trouble?.advice)
    }

    fileprivate mutating func list<Element>(
        _ name: StaticString,
        _ elements: [Element],
        _ write: (Element, inout JSONWriter) -> Void
    ) {
        self.name(name)
        array { writer in
            for element in elements { writer.object { write(element, &$0) } }
        }
    }

    fileprivate mutating func listing<Element>(
        _ name: StaticString,
        _ listing: Health.Listing<Element>,
        _ write: (Element, inout JSONWriter) -> Void
    ) {
        self.name(name)
        object { writer in
            writer.member("total", listing.total)
            writer.list("first", listing.first, write)
        }
    }
}

// MARK: Reading

extension Health.Listing {
    fileprivate init(_ node: HealthNode, _ read: (HealthNode) -> Element?) {
        self.init(
            total: node["total"].integer ?? 0,
            first: node["first"].elements.compactMap(read)
        )
    }
}

/// A place in a `health.json`, whether something stands there or not.
private struct HealthNode {
    let document: JSONDocument
    let path: String

    /// The longest array that is read: no list of ours is longer.
    private static let longest = 20_000

    subscript(name: String) -> HealthNode {
        HealthNode(document: document, path: "\(path)/\(name)")
    }

    var elements: [HealthNode] {
        var elements: [HealthNode] = []
        while elements.count < Self.longest, case let next = self["\(elements.count)"],
            next.kind != .absent
        {
            elements.append(next)
        }
        return elements
    }

    var text: String? {
        value { kind, text in
            kind == .string ? String(decoding: text.indices.map { text[$0] }, as: UTF8.self) : nil
        }
    }

    var time: Int64? {
        value { kind, text in kind == .string ? RFC3339.milliseconds(text) : nil }
    }

    var integer: Int? {
        if case .integer(let number) = kind { Int(number) } else { nil }
    }

    var number: Double? {
        switch kind {
        case .integer(let number): Double(number)
        case .real(let number): number
        default: nil
        }
    }

    var flag: Bool? {
        if case .boolean(let flag) = kind { flag } else { nil }
    }

    private var kind: JSONKind { value { kind, _ in kind } }

    private func value<Value>(_ read: (JSONKind, Span<UInt8>) -> Value) -> Value {
        guard let pointer = JSONPointer(path) else { fatalError("\(path) is no JSON Pointer") }
        return document.withValue(at: pointer, read)
    }
}
