import Testing

/// Messages whose topics are none.
///
/// Bad UTF-8, NUL, nothing at all, an alias that was never agreed on, wildcards. What is no topic ends the connection; what is one but
/// concerns nobody is refused and counted, and no such message changes a count.
@Suite struct `A rogue broker's topics` {
    private static func publish(_ topic: [UInt8], _ properties: [UInt8] = []) -> [UInt8] {
        let body = ControlPacket.text(topic) + ControlPacket.properties(properties)
        return ControlPacket(kind: .publish, body: body).bytes
    }

    @Test func `end the connection where they are none, and count nothing`() async throws {
        let alias: [UInt8] = [0x23, 0, 1]
        try await RogueTown.withstands([
            .onSubscriber(
                "overlong-utf8",
                .ended("malformed"),
                sends: Self.publish(Array("park/x".utf8) + [0xC0, 0x80])
            ),
            .onSubscriber(
                "surrogate",
                .ended("malformed"),
                sends: Self.publish([0xED, 0xA0, 0x80])
            ),
            .onSubscriber(
                "beyond-unicode",
                .ended("malformed"),
                sends: Self.publish([0xF5, 0x80, 0x80, 0x80])
            ),
            .onSubscriber(
                "half-a-character",
                .ended("malformed"),
                sends: Self.publish([0x61, 0xE2, 0x82])
            ),
            .onSubscriber(
                "nul",
                .ended("malformed"),
                sends: Self.publish(Array("park/nul\u{0}/gate/in".utf8))
            ),
            .onSubscriber("no-topic", .ended("malformed"), sends: Self.publish([])),
            .onSubscriber("alias-never-set", .ended("malformed"), sends: Self.publish([], alias)),
            .onSubscriber(
                "alias-out-of-range",
                .overlooked,
                sends: Self.publish(Array("park/nowhere/gate/in".utf8), [0x23, 0xFF, 0xFF])
            ),
            .onSubscriber(
                "alias-0",
                .ended("malformed"),
                sends: Self.publish(Array("park/nowhere/gate/in".utf8), [0x23, 0, 0])
            ),
            .onSubscriber("alias-set-then-used", .ended("malformed")) { peer throws(RogueEnd) in
                try peer.send(Self.publish(Array("park/nowhere/gate/in".utf8), alias))
                try peer.send(Self.publish([], alias))
            },
            .onSubscriber("wildcards", .overlooked) { peer throws(RogueEnd) in
                for topic in ["park/+/gate/in", "park/#", "#", "+"] {
                    try peer.send(Self.publish(Array(topic.utf8)))
                }
            },
            .onSubscriber("uninvited", .overlooked) { peer throws(RogueEnd) in
                for topic in ["$SYS/broker", "/", "a/../../etc/passwd", "park//gate/in", " "] {
                    try peer.send(Self.publish(Array(topic.utf8)))
                }
            },
            .onSubscriber(
                "longest",
                .overlooked,
                sends: Self.publish([UInt8](repeating: 0x61, count: 65_535))
            ),
        ])
    }
}
