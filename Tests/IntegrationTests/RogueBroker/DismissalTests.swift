import Testing

/// A DISCONNECT with every reason, and what comes behind it.
///
/// The daemon says which, with what to do about it, and connects again after a pause. What the broker goes on to say counts nothing, and its own words (reason string, server
/// reference, user properties) reach no log: they may hold anything.
@Suite struct `A rogue broker's goodbye` {
    private static let codes: [UInt8] =
        [0x00, 0x04, 0x55] + [0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90]
        + [UInt8](0x93...0x9F) + [0xA0, 0xA1, 0xA2, 0xFF]

    @Test func `is said with its reason and advice`() async throws {
        try await RogueTown.withstands(
            Self.codes.map { code in
                let digits = String(code, radix: 16, uppercase: true)
                return .onSubscriber(
                    "code-\(code)",
                    .ended("0x" + (digits.count < 2 ? "0" : "") + digits + " "),
                    sends: code % 2 == 0
                        ? .disconnect(code) : ControlPacket(kind: .disconnect, body: [code])
                )
            }
        )
    }

    @Test func `ends the connection, whatever comes behind it`() async throws {
        let words = Array("forged <3>by the broker".utf8)
        let properties =
            [0x1F] + ControlPacket.text(words) + [0x1C] + ControlPacket.text(words)
            + [0x26] + ControlPacket.text(words) + ControlPacket.text(words)
        let town = try await RogueTown.withstands([
            .onSubscriber("talks-on", .ended("0x8B")) { peer throws(RogueEnd) in
                let car = ControlPacket.publish("park/talks-on/gate/in", identifier: 9, qos: 1)
                let goodbye = ControlPacket.disconnect(0x8B).bytes
                try peer.send(goodbye + [[UInt8]](repeating: car.bytes, count: 1000).flatMap { $0 })
            },
            .onSubscriber("says-it-twice", .ended("0x8B")) { peer throws(RogueEnd) in
                try peer.send(
                    ControlPacket.disconnect(0x8B).bytes + ControlPacket.disconnect(0x8E).bytes
                )
            },
            .onSubscriber(
                "has-much-to-say",
                .ended("0x9D"),
                sends: .disconnect(0x9D, properties: properties)
            ),
            .onSubscriber(
                "has-two-lines-to-say",
                .ended("malformed"),
                sends: .disconnect(0x9D, properties: [0x1F, 0, 3, 0x61, 0x0A, 0x62])
            ),
            .onSubscriber(
                "shortens-our-session",
                .ended("0x00"),
                sends: .disconnect(0x00, properties: [0x11, 0, 0, 0, 0])
            ),
            .onSubscriber(
                "unknown-property",
                .ended("malformed"),
                sends: .disconnect(0x00, properties: [0x7E, 0])
            ),
        ])
        #expect(!town.daemon.errors.contains("forged"))
    }
}
