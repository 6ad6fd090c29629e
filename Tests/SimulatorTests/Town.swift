import Parking
import Simulator
import Testing

/// A small town with every kind of sensor, for the tests.
enum Town {
    /// 2026-11-23T06:00:00Z, a Monday.
    static let morning: Int64 = 1_795_413_600_000

    static let hour: Int64 = 3_600_000

    static func facility(_ id: String, capacity: Int) throws -> Facility {
        Facility(id: try #require(FacilityIdentifier(id)), name: id, capacity: capacity)
    }

    static func rule(
        _ topic: String,
        _ kind: Rule.Kind,
        format: Rule.Format = .json,
        facility: Rule.Source = .capture("facility"),
        observed: Rule.Source? = .pointer("/time")
    ) throws -> Rule {
        Rule(
            topic: try TopicPattern(topic),
            format: format,
            facility: facility,
            observed: observed,
            kind: kind
        )
    }

    static func bayRule(_ topic: String = "town/{facility}/bay/{bay}") throws -> Rule {
        try rule(
            topic,
            .bay(bay: .capture("bay"), occupied: .pointer("/occupied"), words: .init())
        )
    }

    /// The rules of the example configuration, and a gate out.
    static func rules() throws -> [Rule] {
        [
            try bayRule("bath/{facility}/bay/{bay}"),
            try rule(
                "bath/{facility}/count",
                .counter(
                    arrivals: .pointer("/total_in"),
                    departures: .pointer("/total_out"),
                    wrapsAt: 65_536
                ),
                observed: nil
            ),
            try rule(
                "bath/{facility}/gate/in",
                .movement(arrivals: .constant("1"), departures: nil),
                format: .text,
                observed: nil
            ),
            try rule(
                "bath/{facility}/gate/out",
                .movement(arrivals: nil, departures: .constant("1")),
                format: .text,
                observed: nil
            ),
            try rule("bath/{facility}/level", .occupied(.pointer("/occupancy")), observed: nil),
            try rule(
                "bath/{facility}/state",
                .state(.pointer(""), words: .init(["OPEN": .open, "SHUT": .closed])),
                format: .text,
                observed: nil
            ),
            try rule(
                "pgs/{sign}/state",
                .bay(
                    bay: .capture("sign"),
                    occupied: .pointer(""),
                    words: .init(["OCCUPIED": true, "1": true, "FREE": false, "0": false])
                ),
                format: .text,
                facility: .constant("podium"),
                observed: nil
            ),
        ]
    }

    static func facilities(_ count: Int, capacity: Int = 40) throws -> [Facility] {
        var facilities = [try facility("podium", capacity: 30)]
        for index in 1..<max(count, 1) {
            facilities.append(try facility("p-\(index)", capacity: capacity))
        }
        return facilities
    }
}

/// The levels of a topic that a pattern captures, or nil where it doesn't match.
func captures(_ pattern: TopicPattern, _ topic: [UInt8]) -> [String: String]? {
    let parts = String(decoding: topic, as: UTF8.self).split(
        separator: "/",
        omittingEmptySubsequences: false
    )
    guard parts.count == pattern.levels.count else { return nil }
    var captures: [String: String] = [:]
    for (part, level) in zip(parts, pattern.levels) {
        switch level {
        case .literal(let text): if text != part { return nil }
        case .capture(let name): captures[name] = String(part)
        case .any, .remainder: break
        }
    }
    return captures
}

extension SimulatedMessage {
    var topicText: String { String(decoding: topic, as: UTF8.self) }
    var text: String { String(decoding: payload, as: UTF8.self) }

    /// The number or word after a name in a payload that is one flat JSON object.
    func member(_ name: String) -> String? {
        let fields = text.dropFirst().dropLast().split(separator: ",")
        let field = fields.first { $0.hasPrefix("\"\(name)\":") }
        return field.map { String($0.dropFirst(name.utf8.count + 3)) }
    }

    /// The observation time that it carries under `/time`.
    var observed: Int64? {
        guard let time = member("time") else { return nil }
        let bytes = Array(time.utf8.dropFirst().dropLast())
        return RFC3339.milliseconds(bytes.span)
    }
}

extension Simulator {
    /// The next message, which there is.
    mutating func message() throws -> SimulatedMessage {
        let message = next()
        return try #require(message)
    }

    /// The messages that are due in the next so many milliseconds.
    mutating func messages(for milliseconds: Int64, from start: Int64) -> [SimulatedMessage] {
        var messages: [SimulatedMessage] = []
        while let message = next(), message.dueMilliseconds < start + milliseconds {
            messages.append(message)
        }
        return messages
    }
}
