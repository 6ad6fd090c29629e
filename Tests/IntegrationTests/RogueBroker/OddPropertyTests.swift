import Testing

/// A CONNACK that accepts us on odd terms.
///
/// Properties that are unknown, doubled, or of another packet are refused. Limits that nobody could keep are kept as far as they can be; where that
/// isn't far enough, the log says what the broker must allow.
@Suite struct `A rogue broker's terms` {
    /// Accepts MQTT 5.0 on these terms.
    ///
    /// What is refused is followed by MQTT 3.1.1 at once, which has no terms.
    private static func offer(
        _ name: String,
        _ outcome: Attack.Outcome,
        _ properties: [UInt8]
    ) -> Attack {
        Attack(name, outcome) { peer throws(RogueEnd) in
            try peer.greet(properties: properties)
            try peer.deliver(RogueBroker.messages[0])
        }
    }

    @Test func `are kept where they can be, and refused where not`() async throws {
        let reason = [0x1F] + ControlPacket.text(Array("forged by the broker".utf8))
        let words = [[UInt8]](repeating: [0x26, 0, 1, 0x61, 0, 1, 0x62], count: 5_000)
        let town = try await RogueTown.withstands([
            Self.offer("keep-alive-0", .overlooked, [0x13, 0, 0]),
            Self.offer("keep-alive-1", .overlooked, [0x13, 0, 1]),
            Self.offer("keep-alive-65535", .overlooked, [0x13, 0xFF, 0xFF]),
            Self.offer("receive-maximum-0", .refused("malformed"), [0x21, 0, 0]),
            Self.offer("receive-maximum-1", .overlooked, [0x21, 0, 1]),
            Self.offer("qos-0", .overlooked, [0x24, 0]),
            Self.offer("qos-7", .refused("malformed"), [0x24, 7]),
            Self.offer("no-retained", .overlooked, [0x25, 0]),
            Self.offer("no-wildcards", .overlooked, [0x28, 0]),
            Self.offer("session-expiry-0", .overlooked, [0x11, 0, 0, 0, 0]),
            Self.offer("aliases", .overlooked, [0x22, 0xFF, 0xFF]),
            Self.offer("reason", .overlooked, reason),
            Self.offer("many-words", .overlooked, words.flatMap { $0 }),
            Self.offer("packets-of-0", .refused("malformed"), [0x27, 0, 0, 0, 0]),
            Self.offer("packets-of-10", .ended("MOSQ_ERR_OVERSIZE_PACKET"), [0x27, 0, 0, 0, 10]),
            Self.offer("another-name", .refused("malformed"), [0x12, 0, 1, 0x61]),
            Self.offer("unknown", .refused("malformed"), [0x7E, 0]),
            Self.offer("doubled", .refused("malformed"), [0x21, 0, 9, 0x21, 0, 9]),
            Self.offer("of-a-publish", .refused("malformed"), [0x02, 0, 0, 0, 1]),
            Self.offer("endless", .refused("malformed"), [0x1F, 0xFF, 0xFF]),
        ])
        #expect(!town.daemon.errors.contains("forged"))
        let refused = town.daemon.lines("status message refused")
        // Both "online" and "offline" are wanted at QoS 1.
        #expect(refused.count == 2, "\(refused)")
        #expect(refused.allSatisfy { $0.contains("broker=qos-0") }, "\(refused)")
    }
}
