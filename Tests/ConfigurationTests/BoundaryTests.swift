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

    @Test(arguments: [4096, 4097, 60_000])
    func `may have a topic with a level of any length that MQTT allows`(bytes: Int) throws {
        let topic = String(repeating: "t", count: bytes) + "/{facility}"
        let text = Self.text.replacing("\"{facility}\"", with: "\"\(topic)\"")
        let found = complaints(Array((text + "limits: {topic_bytes: 65535}\n").utf8))
        #expect(found.isEmpty, "\(found.first?.message ?? "")")
    }
}
