import Testing

/// Messages at a quality of service that is none, or that we didn't subscribe at.
///
/// We subscribe at QoS 1. QoS 3 and packet identifier 0 are no MQTT. QoS 2 is, and a broker that still has a former program's subscription sends it:
/// its messages count once, by the handshake. A rogue can open such handshakes for ever, each of which libmosquitto keeps in memory.
@Suite struct `A rogue broker's QoS` {
    /// A message at QoS 2 into the facility of its broker.
    private static func publish(_ name: String, _ identifier: UInt16, bytes: Int = 0) -> [UInt8] {
        ControlPacket.publish(
            "park/\(name)/gate/in",
            payload: [UInt8](repeating: 0x20, count: bytes),
            identifier: identifier,
            qos: 2
        ).bytes
    }

    @Test func `ends the connection where it is none`() async throws {
        try await RogueTown.withstands([
            .onSubscriber(
                "qos-3",
                .ended("malformed"),
                sends: .publish("park/qos-3/gate/in", identifier: 9, qos: 3)
            ),
            .onSubscriber(
                "identifier-0",
                .ended("malformed"),
                sends: .publish("park/identifier-0/gate/in", identifier: 0, qos: 1)
            ),
            .onSubscriber(
                "identifier-0-at-qos-2",
                .ended("malformed"),
                sends: .publish("park/identifier-0-at-qos-2/gate/in", identifier: 0, qos: 2)
            ),
            .onSubscriber(
                "pubrel-of-0",
                .ended("malformed"),
                sends: .acknowledgement(.pubrel, 0)
            ),
        ])
    }

    @Test func `counts once where it is 2, by the handshake`() async throws {
        let town = try RogueTown([
            .onSubscriber("released", .overlooked) { peer throws(RogueEnd) in
                try peer.send(Self.publish("released", 9))
                try peer.answer(until: .pubrec)
                for _ in 0..<3 {
                    try peer.send(.acknowledgement(.pubrel, 9))
                    try peer.answer(until: .pubcomp)
                }
            },
            .onSubscriber("never-released", .overlooked) { peer throws(RogueEnd) in
                try peer.send(Self.publish("never-released", 9))
                try peer.answer(until: .pubrec)
            },
        ])
        try await town.settles()
        try await town.ends(counting: ["released": 3])
    }

    @Test func `holds no more unreleased messages than were agreed`() async throws {
        // In all 600 MB, and in MQTT 3.1.1 there is nothing to agree.
        let hoard: Attack.Script = { peer throws(RogueEnd) in
            for round in 0..<10_000 {
                try peer.send(Self.publish("nowhere", UInt16(round + 10), bytes: 60_000))
                // Who completes a handshake that there is not may begin another one.
                try peer.send(.acknowledgement(.pubrel, 9))
            }
        }
        // Agreed are 1,000 of them for each, whatever their size.
        try await RogueTown.withstands(
            [
                .onSubscriber("hoard", .ended("more than was agreed"), script: hoard),
                .onOldSubscriber("hoard-in-the-old-version", "more than was agreed", script: hoard),
            ],
            residentMegabytes: 192
        )
    }
}
