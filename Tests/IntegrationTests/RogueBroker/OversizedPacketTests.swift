import Testing

/// Packets larger than we accept.
///
/// The daemon has said its maximum packet size, and the rogue doesn't care: it announces 100 MB and sends nothing of it, a part, or all. The
/// connection ends as soon as the length is known, before memory is reserved. And there are packets below that limit which
/// cost more than their size: thousands of properties that libmosquitto takes apart one by one.
@Suite struct `A rogue broker's large packets` {
    /// The first bytes of a message of 100 MB.
    private static let header: [UInt8] = [0x30, 0x80, 0xC2, 0xD7, 0x2F]

    /// User properties without name or value: five bytes each, and some hundred in memory.
    private static let properties = [[UInt8]](repeating: [0x26, 0, 0, 0, 0], count: 12_000)
        .flatMap { $0 }

    @Test func `end the connection before they come`() async throws {
        // The limits of payload and topic by default, and a kilobyte.
        let agreed = 65_536 + 1_024 + 1_024
        try await RogueTown.withstands([
            .onSubscriber("announced", .ended("larger than we accept"), sends: Self.header),
            .onSubscriber(
                "begun",
                .ended("larger than we accept"),
                sends: Self.header + [UInt8](repeating: 0, count: 1_000_000)
            ),
            .onSubscriber("complete", .ended("larger than we accept")) { peer throws(RogueEnd) in
                try peer.send(Self.header)
                let piece = [UInt8](repeating: 0, count: 1_000_000)
                for _ in 0..<100 { try peer.send(piece) }
            },
            .onSubscriber(
                "one-byte-too-many",
                .ended("larger than we accept"),
                sends: [0x30] + ControlPacket.length(agreed + 1)
            ),
            .onSubscriber(
                "as-agreed",
                .overlooked,
                sends: .publish(
                    "park/nowhere/gate/in",
                    payload: [UInt8](repeating: 0x20, count: agreed - 23)
                )
            ),
            .onGreeting(
                "connack",
                .refused("larger than we accept"),
                sends: [0x20, 0x80, 0xC2, 0xD7, 0x2F]
            ),
            .onSubscriber(
                "suback",
                .ended("larger than we accept"),
                sends: [0x90, 0xFF, 0xFF, 0xFF, 0x7F]
            ),
        ])
    }

    @Test func `leave no memory behind`() async throws {
        /// An answer to nothing, with properties.
        func answer(_ kind: ControlPacket.Kind) -> [UInt8] {
            let properties = ControlPacket.properties(Self.properties)
            let isRequest = kind == .suback || kind == .unsuback
            let rest = isRequest ? properties + [0] : [0] + properties
            return ControlPacket.acknowledgement(kind, 77, rest).bytes
        }
        /// An attack of 12 MB that would take 200 MB.
        func flood(_ name: String, _ outcome: Attack.Outcome, _ packet: [UInt8]) -> Attack {
            .onSubscriber(name, outcome) { peer throws(RogueEnd) in
                for _ in 0..<200 { try peer.send(packet) }
            }
        }
        let publish = ControlPacket.publish("park/nowhere/gate/in", properties: Self.properties)
        try await RogueTown.withstands([
            flood("puback", .ended("more than was agreed"), answer(.puback)),
            flood("pubcomp", .ended("more than was agreed"), answer(.pubcomp)),
            flood("pubrel", .ended("more than was agreed"), answer(.pubrel)),
            flood("pubrec", .ended("more than was agreed"), answer(.pubrec)),
            flood("suback", .overlooked, answer(.suback)),
            flood("unsuback", .overlooked, answer(.unsuback)),
            flood("publish", .overlooked, publish.bytes),
        ])
    }

    @Test func `are bounded in the old version, too, where nothing can be agreed`() async throws {
        let largest = 16 << 20
        try await RogueTown.withstands([
            .onOldSubscriber("old-version", "larger than we accept") { peer throws(RogueEnd) in
                let payload = [UInt8](repeating: 0x20, count: largest - 22)
                for _ in 0..<5 {
                    try peer.send(.publish("park/nowhere/gate/in", payload: payload, version: 4))
                }
                try peer.send([0x30] + ControlPacket.length(largest + 1))
            }
        ])
    }
}
