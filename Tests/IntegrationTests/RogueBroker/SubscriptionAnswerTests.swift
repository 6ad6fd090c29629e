import Testing

/// A SUBACK that refuses, or has too few or too many codes.
///
/// A subscription that is refused is an error for the operator, who alone can allow it: the log names the filter and the reason, once a connection. The connection goes on, since the other filters may
/// be granted.
@Suite struct `A rogue broker's answer to our subscriptions` {
    private static func answer(_ name: String, _ codes: [UInt8], twice: Bool = false) -> Attack {
        Attack(name, .overlooked) { peer throws(RogueEnd) in
            try peer.hearConnect()
            try peer.accept()
            var packet = try peer.read()
            while packet.kind != .subscribe { packet = try peer.read() }
            let answer = ControlPacket(kind: .suback, body: packet.body.prefix(2) + [0] + codes)
            for _ in 0..<(twice ? 2 : 1) { try peer.send(answer) }
            try peer.deliver(RogueBroker.messages[0])
        }
    }

    @Test func `is said where it refuses, and changes nothing else`() async throws {
        let reasons: [(code: UInt8, words: String)] = [
            (0x80, "Unspecified"), (0x83, "Implementation"), (0x87, "Not authorized"),
            (0x8F, "Topic Filter invalid"), (0x91, "Packet Identifier"), (0x97, "Quota"),
            (0x9E, "Shared"), (0xA1, "Subscription Identifiers"), (0xA2, "Wildcard"),
            (0x03, "Unknown"), (0x7F, "Unknown"),
        ]
        let town = try await RogueTown.withstands(
            reasons.map { Self.answer("code-\($0.code)", [$0.code, 1]) } + [
                Self.answer("too-few", [1]),
                Self.answer("too-many", [1, 1] + [UInt8](repeating: 0x87, count: 60_000)),
                Self.answer("granted-at-2", [2, 2]),
                Self.answer("granted-at-0", [0, 0]),
                Self.answer("twice", [0x87, 1], twice: true),
            ]
        )
        for (rogue, words) in zip(town.rogues, reasons.map(\.words)) {
            let said = town.lines(of: rogue).filter { $0.contains("subscription refused") }
            #expect(said.count == 1 && said[0].contains(words), "\(said)")
        }
        let counts = [
            ("too-few", 1), ("too-many", 0), ("granted-at-2", 0), ("granted-at-0", 0),
            ("twice", 1),
        ]
        for (name, count) in counts {
            let rogue = try #require(town.rogues.first { $0.attack.name == name })
            let lines = town.lines(of: rogue)
            #expect(lines.count { $0.contains("subscription refused") } == count, "\(lines)")
            let downgraded = lines.count { $0.contains("granted at QoS 0 only") }
            #expect(downgraded == (name == "granted-at-0" ? 2 : 0), "\(lines)")
        }
    }

    @Test func `is said of some, where it refuses hundreds`() async throws {
        let count = 500
        let town = try RogueTown(
            [
                Attack("refuses-hundreds", .overlooked) { peer throws(RogueEnd) in
                    try peer.hearConnect()
                    try peer.accept()
                    var answered = 0
                    while answered < count {
                        let packet = try peer.read()
                        guard packet.kind == .subscribe else { continue }
                        let filters = peer.filterCount(packet)
                        let codes = [UInt8](repeating: 0x87, count: filters)
                        let body = Array(packet.body.prefix(2)) + [0] + codes
                        try peer.send(ControlPacket(kind: .suback, body: body))
                        answered += filters
                    }
                }
            ],
            rules: (0..<count).map {
                #"{topic: "literal/\#($0)", format: text, reading: movement, facility: refuses-hundreds, in: 1}"#
            }
        )
        try await town.settles()
        try await town.ends()
        let lines = town.daemon.lines("subscription refused")
        #expect((5...30).contains(lines.count), "\(lines.count)")
        let subscribed = try #require(town.daemon.lines(" subscribed ").first)
        #expect(subscribed.number("suppressed") == count - lines.count, "\(subscribed)")
    }
}
