import Testing

/// Packet types and flags that the protocol keeps for itself.
///
/// Types 0 and 15 are none (15 is AUTH, which nobody agreed on), and all but PUBLISH have flags that may have one value only.
/// What libmosquitto overlooks there harms nobody; what it can't read ends the connection.
@Suite struct `A rogue broker's reserved bits` {
    @Test func `are refused, or mean nothing`() async throws {
        try await RogueTown.withstands([
            .onSubscriber("type-0", .ended("malformed"), sends: [0x00, 0x00]),
            .onSubscriber("type-0-with-flags", .ended("malformed"), sends: [0x0F, 0x00]),
            .onSubscriber("auth", .ended("malformed"), sends: [0xF0, 0x02, 0x18, 0x00]),
            .onSubscriber("empty-auth", .ended("malformed"), sends: [0xF0, 0x00]),
            .onSubscriber("auth-with-flags", .ended("malformed"), sends: [0xFF, 0x02, 0x18, 0x00]),
            .onGreeting("auth-first", .refused("malformed"), times: 2, sends: [0xF0, 2, 0x18, 0]),
            .onSubscriber("pubrel-without-flags", .ended("malformed"), sends: [0x60, 2, 0, 77]),
            .onSubscriber("puback-with-flags", .overlooked, sends: [0x4F, 2, 0, 77]),
            .onSubscriber("suback-with-flags", .overlooked, sends: [0x93, 4, 0, 77, 0, 1]),
            .onSubscriber("pingresp-with-flags", .overlooked, sends: [0xDF, 0]),
            .onSubscriber("disconnect-with-flags", .ended("0x8B"), sends: [0xE5, 1, 0x8B]),
            Attack("connack-with-flags", .overlooked) { peer throws(RogueEnd) in
                try peer.hearConnect()
                // All flags but "session present" are reserved.
                try peer.send([0x2F, 3, 0xFE, 0, 0])
                try peer.answer(until: .subscribe)
                try peer.deliver(1)
            },
            .onSubscriber("again-at-qos-0", .overlooked, sends: [0x38, 4, 0, 1, 0x61, 0]),
        ])
    }
}
