import Glibc
import TestSupport
import Testing

/// What the daemon tells the operator, how often, and what never.
@Suite struct `The daemon's log` {
    private let directory = ScratchDirectory()

    @Test func `says once that a facility fell silent, and once that it is back`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.heartbeat = "1s"
        town.sections = "history: {span: 1m, step: 1s, trend_window: 1s}"
        town.facilities = ["level", "silent"]
        town.facilityKeys = "stale_after: 2s"
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        // A trend needs something to compare with.
        var level = 0
        while town.published?.facilities["level"]?.trend == nil, level < 120 {
            level += 1
            try await broker.publish("park/level/level", #"{"count": \#(level)}"#)
            try await Task.sleep(for: .milliseconds(500))
        }
        #expect(town.published?.facilities["level"]?.trend != nil)

        let isSilent = try await eventually {
            town.published?.facilities["level"]?.isStale == true
        }
        #expect(isSilent)
        let stale = try #require(town.published?.facilities["level"])
        #expect(stale.trend == nil)
        #expect(stale.occupied == level)
        for _ in 0..<3 { try await nextFeed(of: town) }
        // On a busy machine it may have fallen silent between two messages before, and come back.
        let times = daemon.lines("facility is heard again").count + 1
        #expect(daemon.lines("facility fell silent").count == times)
        #expect(daemon.lines("facility fell silent facility=level").count == times)

        try await broker.publish("park/level/level", #"{"count": 300}"#)
        try await town.shows(["level": 300])
        #expect(daemon.lines("facility is heard again").count == times)
        #expect(daemon.lines("facility is heard again facility=level").count == times)
    }

    @Test func `counts a flood of refusals in few lines, without a payload`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        let count = 2000
        let floods = [
            ("park/bays/bay/a", "AB12 CDE"),
            ("park/bays/bay/b", #"{"plate": "AB12 CDE"}"#),
            ("park/bays/bay/c", #"{"occupied": "AB12 CDE"}"#),
            ("park/nowhere/level", #"{"count": 1, "plate": "AB12 CDE"}"#),
            ("park/signed/state", "AB12 CDE"),
        ]
        for (topic, payload) in floods {
            try await broker.publish(topic, payload, ["--repeat", "\(count)"])
        }
        try await broker.publish("park/level/level", #"{"count": 1}"#)
        try await town.shows(["level": 1])
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))

        let lines = daemon.lines("messages refused")
        // One line for each kind in each look, of which there is one in five seconds.
        #expect((floods.count...60).contains(lines.count), "\(lines.count)")
        for (topic, _) in floods {
            let counts = lines.filter { $0.contains("topic=\(topic) ") }.map { $0.number("count") }
            #expect(counts.reduce(0) { $0 + ($1 ?? 0) } == count, "\(topic)\n\(daemon.errors)")
        }
        #expect(!daemon.errors.contains("AB12"))
        #expect(!daemon.errors.contains("CDE"))
        let traffic = try #require(daemon.lines(" traffic ").last)
        #expect(traffic.number("refused") == floods.count * count)
        #expect(traffic.number("messages") == floods.count * count + 1)
    }

    @Test(arguments: [
        ("park/<b>/level", "topic=\"park/<b>/level\""),
        ("park/a\u{202E}b/level", "topic=\"park/a\\u{202e}b/level\""),
        ("park/a\" x=\"y/level", "topic=\"park/a\\\" x=\\\"y/level\""),
        ("park/../../etc/passwd/level", "no rule"),
        ("park//level", "topic=park//level"),
    ]) func `escapes what stands in a topic`(topic: String, words: String) async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.feed = directory.path("feed")
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish(topic, #"{"count": 1}"#)
        try await broker.publish("park/level/level", #"{"count": 1}"#)
        try await town.shows(["level": 1])
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        if words == "no rule" {
            // A topic that no filter of ours matches never comes.
            #expect(!daemon.errors.contains("passwd"))
        } else {
            #expect(daemon.lines("messages refused").filter { $0.contains(words) }.count == 1)
        }
        #expect(!daemon.errors.unicodeScalars.contains("\u{202E}"))
    }

    /// Waits until the feed is written anew.
    private func nextFeed(of town: Town) async throws {
        let before = town.published?.generatedAt
        let isNew = try await eventually {
            town.published.map { $0.generatedAt != before } ?? false
        }
        #expect(isNew)
    }
}

extension Substring {
    /// The number behind a key of a log line.
    func number(_ key: String) -> Int? {
        guard let range = firstRange(of: " \(key)=") else { return nil }
        return Int(self[range.upperBound...].prefix { $0.isNumber })
    }
}
