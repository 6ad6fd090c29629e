internal import Parking

extension Configuration {
    /// Remarks on rules whose topic is that of a network server and whose envelope is not.
    ///
    /// Such a rule finds nothing of its sensor, or ignores all that comes as events of the network server: nothing is counted, and
    /// nothing looks wrong.
    var envelopeRemarks: [String] {
        var remarks: [String] = []
        for rule in rules {
            guard let server = NetworkServer.allCases.first(where: { $0.publishes(rule.topic) }),
                rule.envelope != server.envelope
            else { continue }
            guard rule.envelope != .none || server.isUnread(by: rule) else { continue }
            let found =
                rule.envelope == .none
                ? "and the rule has no envelope" : "and the rule's envelope is that of another one"
            let remark =
                "\(quoted(rule.topic.text)) is a topic of \(server.name), \(found): "
                + "say envelope: \(server.envelope.rawValue), or nothing is counted"
            if !remarks.contains(remark) { remarks.append(remark) }
        }
        return remarks
    }
}

/// A network server that is known by its topics.
private enum NetworkServer: CaseIterable {
    case theThingsStack, chirpStack

    var envelope: Rule.Envelope {
        switch self {
        case .theThingsStack: .theThingsStack
        case .chirpStack: .chirpStack
        }
    }

    var name: String {
        switch self {
        case .theThingsStack: "The Things Stack"
        case .chirpStack: "ChirpStack"
        }
    }

    /// The literal levels of its topics, and how far each is from the first.
    ///
    /// Source: The Things Stack documentation, "MQTT server"; ChirpStack documentation, "MQTT integration".
    private var landmarks: [(offset: Int, level: String)] {
        switch self {
        case .theThingsStack: [(0, "v3"), (2, "devices")]
        case .chirpStack: [(0, "application"), (2, "device"), (4, "event")]
        }
    }

    /// Whether it publishes on topics of a pattern; a bridge may have put levels before them.
    func publishes(_ topic: TopicPattern) -> Bool {
        let levels = topic.levels
        return levels.indices.contains { first in
            landmarks.allSatisfy { landmark in
                levels.indices.contains(first + landmark.offset)
                    && levels[first + landmark.offset] == .literal(landmark.level)
            }
        }
    }

    /// Members of its messages in which a rule without an envelope may find a sensor all the same.
    private var members: [String] {
        switch self {
        case .theThingsStack: ["/uplink_message", "/end_device_ids"]
        case .chirpStack: ["/object", "/data", "/deviceInfo", "/rxInfo"]
        }
    }

    /// Whether a rule without an envelope reads something of a message, and nothing of what is in its messages.
    func isUnread(by rule: Rule) -> Bool {
        let sources = rule.namedSources.map(\.source) + rule.conditions.map(\.source)
        let pointers = sources.compactMap { source in
            if case .pointer(let pointer) = source { pointer } else { nil }
        }
        let read = pointers + (rule.elements.map { [$0] } ?? [])
        return !read.isEmpty
            && !read.contains { pointer in
                members.contains { pointer == $0 || pointer.hasPrefix($0 + "/") }
            }
    }
}
