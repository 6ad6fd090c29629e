import Testing

/// A flood of retained messages on subscribing.
///
/// A broker sends all that its topics retain to whoever subscribes: here 100,000 of them at once, at QoS 0 or 1. Bay states are applied, as many as a facility may
/// have bays; movements are refused, since nobody knows how often they were counted; the log says so in few lines.
@Suite struct `A rogue broker's retained flood` {
    @Test func `is borne, applied where it is a state, and refused where it is a movement`()
        async throws
    {
        let count = 100_000
        /// Sends what is retained, in pieces, and waits for the last acknowledgement.
        func flood(
            _ name: String,
            qos: UInt8,
            _ message: @escaping @Sendable (Int) -> (topic: String, payload: String)
        ) -> Attack {
            Attack(name, .overlooked) { peer throws(RogueEnd) in
                try peer.greet()
                var bytes: [UInt8] = []
                for index in 0..<count {
                    let (topic, payload) = message(index)
                    bytes +=
                        ControlPacket.publish(
                            topic,
                            payload: Array(payload.utf8),
                            identifier: qos > 0 ? UInt16(index % 65_000 + 10) : nil,
                            qos: qos,
                            isRetained: true
                        ).bytes
                    if bytes.count > 60_000 || index == count - 1 {
                        try peer.send(bytes)
                        bytes = []
                    }
                }
            }
        }
        let town = try RogueTown(
            [
                flood("bays", qos: 1) { ("park/many-bays/bay/\($0)", #"{"occupied": true}"#) },
                flood("movements", qos: 1) { _ in ("park/movements/gate/in", "") },
                flood("changes", qos: 0) {
                    ("park/changing-bay/bay/a", #"{"occupied": \#($0 % 2 == 1)}"#)
                },
                flood("nonsense", qos: 0) { ("park/nonsense/bay/\($0)", "[[[") },
            ],
            facilities: ["many-bays", "changing-bay"],
            // The answer to a ping stands behind the flood, however slow this machine is.
            keepAlive: "60s"
        )
        try await town.settles()
        try await town.ends(counting: ["many-bays": 20_000, "changing-bay": 1])
        let lines = town.daemon.lines("messages refused")
        #expect((3...60).contains(lines.count), "\(lines.count)")
        for (reason, refusals) in [
            ("too many bays", count - 20_000), ("retained movement ignored", count),
            ("payload is not JSON", count),
        ] {
            let counted = lines.filter { $0.contains(reason) }.map { $0.number("count") ?? 0 }
            #expect(counted.reduce(0, +) == refusals, "\(reason)\n\(town.daemon.errors)")
        }
    }
}
