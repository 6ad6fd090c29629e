import Testing

/// Packets whose lengths are wrong.
///
/// The remaining length has too many bytes, or says more or less than what the packet holds; lengths inside the packet point beyond its end.
/// A daemon that believed them would read what isn't there, or wait for what never comes. Each ends the connection at once, but for
/// those that a reader may understand all the same.
@Suite struct `A rogue broker's wrong lengths` {
    @Test func `end the connection`() async throws {
        try await RogueTown.withstands([
            .onSubscriber(
                "five-bytes",
                .ended("malformed"),
                sends: [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
            ),
            .onSubscriber("two-bytes-for-none", .overlooked, sends: [0xD0, 0x80, 0x00]),
            .onSubscriber("pingresp-with-a-body", .overlooked, sends: [0xD0, 0x02, 0, 0]),
            .onSubscriber("empty-publish", .ended("malformed"), sends: [0x30, 0x00]),
            .onSubscriber("publish-of-one-byte", .ended("malformed"), sends: [0x30, 0x01, 0]),
            .onSubscriber(
                "topic-beyond-the-end",
                .ended("malformed"),
                sends: [0x30, 0x03, 0xFF, 0xFF, 0x61]
            ),
            .onSubscriber(
                "no-identifier",
                .ended("malformed"),
                sends: [0x32, 0x04, 0, 1, 0x61, 0]
            ),
            .onSubscriber(
                "properties-beyond-the-end",
                .ended("malformed"),
                sends: [0x30, 0x05, 0, 1, 0x61, 0x7F, 1]
            ),
            .onSubscriber(
                "property-beyond-its-length",
                .ended("malformed"),
                sends: [0x30, 0x0A, 0, 1, 0x61, 1, 0x26, 0, 1, 0x61, 0, 0]
            ),
            .onSubscriber(
                "properties-of-five-bytes",
                .ended("malformed"),
                sends: [0x30, 0x08, 0, 1, 0x61, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
            ),
            .onSubscriber("empty-puback", .ended("malformed"), sends: [0x40, 0x00]),
            .onSubscriber("short-puback", .ended("malformed"), sends: [0x40, 0x01, 0]),
            .onSubscriber("short-pubrec", .ended("malformed"), sends: [0x50, 0x01, 0]),
            .onSubscriber("short-pubrel", .ended("malformed"), sends: [0x62, 0x01, 0]),
            .onSubscriber("short-pubcomp", .ended("malformed"), sends: [0x70, 0x01, 0]),
            .onSubscriber("empty-suback", .ended("malformed"), sends: [0x90, 0x00]),
            .onSubscriber("suback-without-codes", .ended("malformed"), sends: [0x90, 3, 0, 77, 0]),
            .onSubscriber("short-unsuback", .ended("malformed"), sends: [0xB0, 0x01, 0]),
            .onSubscriber("empty-disconnect", .ended("malformed"), sends: [0xE0, 0x00]),
            .onGreeting("short-connack", .refused("malformed"), times: 2, sends: [0x20, 0x01, 0]),
            .onGreeting("empty-connack", .refused("malformed"), times: 2, sends: [0x20, 0x00]),
        ])
    }
}
