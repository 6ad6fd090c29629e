internal import Parking

extension Configuration {
    /// What the daemon would do with this configuration, in a few lines for people.
    public var summary: String {
        let capacity = facilities.reduce(0) { $0 + $1.capacity }
        var lines = brokers.map { broker in
            let urls = broker.urls.map(\.description).joined(separator: ", ")
            let user = broker.username.map { " as user " + quoted($0) } ?? ""
            let isIdle = broker.tls != nil && !broker.urls.contains { $0.scheme == .mqtts }
            let tls = isIdle ? "; its tls is unused, no address is mqtts" : ""
            return "broker \(quoted(broker.name)): \(urls), "
                + "client \(quoted(broker.clientIdentifier))\(user)\(tls)"
        }
        lines.append("facilities: \(facilities.count) with \(capacity) bays")
        if let devices { lines.append("devices: \(devices.devices.count)") }
        lines.append("rules: \(rules.count)")
        lines += topicFilters.map { "subscription: " + quoted($0) }
        lines += overlaps.map { first, second in
            "remark: \(quoted(first)) and \(quoted(second)) overlap in part, and the broker may "
                + "deliver a message of both twice: a movement would count twice"
        }
        lines += uplinkTopics.map { topic in
            "remark: \(quoted(topic)) takes ChirpStack's event/up alone; let it end with event/+, and the "
                + "batteries of its status and the trouble of its log are read as well"
        }
        lines += (envelopeRemarks + doubts).map { "remark: " + $0 }
        lines.append("feed: " + quoted(feed.directory))
        lines.append("state: " + quoted(stateDirectory))
        if let runtimeDirectory { lines.append("health: " + quoted(runtimeDirectory)) }
        return lines.joined(separator: "\n")
    }

    /// The topics of rules that read ChirpStack's uplinks and none of its other events.
    private var uplinkTopics: [String] {
        var topics: [String] = []
        for rule in rules where rule.envelope == .chirpStack {
            let isUplink = rule.topic.levels.suffix(2) == [.literal("event"), .literal("up")]
            if isUplink, !topics.contains(rule.topic.text) { topics.append(rule.topic.text) }
        }
        return topics
    }

    /// The pairs of subscribed filters of which neither covers the other, but which have topics in common.
    private var overlaps: [(String, String)] {
        let patterns = subscribedPatterns
        return patterns.indices.flatMap { first in
            patterns[(first + 1)...].filter { patterns[first].overlaps($0) }
                .map { (patterns[first].filter, $0.filter) }
        }
    }
}
