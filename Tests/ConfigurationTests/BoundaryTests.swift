import Testing

@testable import Configuration

/// Configurations at the bounds of what is read, and one beyond.
@Suite struct `A configuration at its bounds` {
    private func complaints(_ bytes: [UInt8]) -> [Complaint] {
        do throws(ConfigurationError) {
            _ = try Configuration.parse(bytes, file: "carparkd.yaml")
            return []
        } catch {
            return error.complaints
        }
    }

    /// A whole configuration, then a comment up to so many bytes.
    private func padded(to bytes: Int) -> [UInt8] {
        let text = Array(Self.text.utf8) + [UInt8(ascii: "#")]
        return text + [UInt8](repeating: UInt8(ascii: "x"), count: bytes - text.count)
    }

    private static let text = """
        brokers: [{urls: ["mqtt://127.0.0.1"]}]
        feed: {directory: /srv/feed}
        facilities: [{id: podium, name: Podium, capacity: 1}]
        rules: [{topic: "{facility}", reading: level, occupied: ""}]

        """

    @Test(arguments: [(4_194_303, false), (4_194_304, false), (4_194_305, true)])
    func `has at most 4 MiB`(bytes: Int, isRefused: Bool) {
        let found = complaints(padded(to: bytes))
        #expect(found.isEmpty == !isRefused)
        #expect(found.allSatisfy { $0.message.contains("larger than 4 MiB") })
    }

    @Test(arguments: ["[", "{a: ", "{? ", "[{a: [", "- ", "a:\n "], [10, 1000, 10_000])
    func `that is nested is refused at whatever depth, and nothing else happens`(
        unit: String,
        depth: Int
    ) {
        let found = complaints(Array(String(repeating: unit, count: depth).utf8))
        #expect(!found.isEmpty)
        #expect(found.count < 2 * depth + 16)
        #expect(found.allSatisfy { $0.description.utf8.count < 1000 + 12 * depth })
    }

    /// No level of a rule, and no topic of a sensor, is longer than the names that are kept.
    @Test(arguments: [(4096, false), (4097, true), (65_535, true)])
    func `allows topics of at most 4,096 bytes`(bytes: Int, isRefused: Bool) {
        let topic = String(repeating: "t", count: bytes - 2)
        let text =
            Self.text.replacing(
                #"topic: "{facility}""#,
                with: #"topic: "\#(topic)/+", facility: podium"#
            ) + "limits: {topic_bytes: \(bytes)}\n"
        let paths = complaints(Array(text.utf8)).map(\.path)
        #expect(paths == (isRefused ? ["limits.topic_bytes"] : []))
    }
}
