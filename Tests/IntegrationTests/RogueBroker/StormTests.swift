import Testing

/// Brokers that never become better.
///
/// Whatever they do to a connection, and whenever, the next attempt comes after a pause, and the pauses grow: neither the broker, nor the network, nor
/// the log suffers from a daemon that insists.
@Suite struct `A rogue broker that stays one` {
    /// Speaks until the subscriptions are granted, and then does this.
    private static func subscriber(
        _ name: String,
        script: @escaping Attack.Script
    ) -> Attack {
        Attack(name, .ended(""), times: .max) { peer throws(RogueEnd) in
            try peer.greet()
            try script(peer)
        }
    }

    private static let attacks: [Attack] = [
        Attack("hangs-up-at-once", .refused(""), times: .max) { peer throws(RogueEnd) in
            try peer.hangUp()
        },
        Attack("hangs-up-on-connect", .refused(""), times: .max) { peer throws(RogueEnd) in
            try peer.hearConnect()
            try peer.hangUp()
        },
        .onGreeting(
            "speaks-http",
            .refused(""),
            times: .max,
            sends: Array("HTTP/1.1 400\r\n".utf8)
        ),
        .onGreeting("refuses", .refused(""), times: .max, sends: ControlPacket.connack(0x87).bytes),
        .onGreeting("is-busy", .refused(""), times: .max, sends: ControlPacket.connack(0x89).bytes),
        .onGreeting(
            "has-an-unknown-property",
            .refused(""),
            times: .max,
            sends: ControlPacket.connack(properties: [0x7E, 0]).bytes
        ),
        subscriber("hangs-up") { peer throws(RogueEnd) in try peer.hangUp() },
        subscriber("shuts-down") { peer throws(RogueEnd) in
            try peer.send(.disconnect(0x8B))
        },
        subscriber("takes-over") { peer throws(RogueEnd) in try peer.send(.disconnect(0x8E)) },
        subscriber("is-malformed") { peer throws(RogueEnd) in try peer.send([0x00, 0x00]) },
        subscriber("is-oversized") { peer throws(RogueEnd) in
            try peer.send([0x30, 0xFF, 0xFF, 0xFF, 0x7F])
        },
        subscriber("counts-a-car-and-fails") { peer throws(RogueEnd) in
            try peer.deliver(RogueBroker.messages[0])
            try peer.send(.publish("park/x/gate/in", identifier: 0, qos: 1))
        },
    ]

    @Test func `is asked less and less often`() async throws {
        let town = try RogueTown(Self.attacks)
        let begin = ContinuousClock.now
        let hasBegun = try await eventually {
            town.rogues.allSatisfy { !$0.record.attempts.isEmpty } || !town.daemon.isRunning
        }
        try #require(hasBegun)
        let half = Duration.seconds(6)
        try await Task.sleep(for: half * 2)
        let duration = ContinuousClock.now - begin
        var early = 0
        var late = 0
        for rogue in town.rogues {
            let attempts = rogue.record.attempts
            let lines = town.lines(of: rogue)
            // MQTT 3.1.1 is tried at once after 5.0, in the same round.
            let most = 2 * Calm.mostRounds(in: duration)
            #expect(attempts.count <= most, "\(rogue.attack.name): \(attempts.count)")
            #expect(lines.count <= 5 * attempts.count, "\(lines.joined(separator: "\n"))")
            early += attempts.count { $0 < begin + half }
            late += attempts.count { $0 >= begin + half && $0 < begin + half * 2 }
        }
        #expect(late < early)
        try await town.endsUnharmed()
    }

    @Test(arguments: [(1, 6), (10, 9), (60, 16)])
    func `may be asked so often`(seconds: Int, rounds: Int) {
        #expect(Calm.mostRounds(in: .seconds(seconds)) == rounds)
    }
}
