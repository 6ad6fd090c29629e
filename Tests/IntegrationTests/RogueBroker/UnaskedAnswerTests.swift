import Testing

/// Answers that nobody asked for, and packets out of place.
///
/// A broker acknowledges what was never sent, accepts a client twice, speaks before it has accepted us, or says what only a client says.
/// What changes nothing is overlooked; what can't be is the end of the connection, and the next one counts on.
@Suite struct `A rogue broker's packets out of place` {
    @Test func `are overlooked, or end the connection, and change nothing`() async throws {
        let publish = ControlPacket.publish("park/connectless/gate/in", identifier: 9, qos: 1)
        try await RogueTown.withstands([
            .onSubscriber("puback", .overlooked, sends: .acknowledgement(.puback, 77)),
            .onSubscriber("pubrec", .overlooked, sends: .acknowledgement(.pubrec, 77)),
            .onSubscriber("pubrel", .overlooked, sends: .acknowledgement(.pubrel, 77)),
            .onSubscriber("pubcomp", .overlooked, sends: .acknowledgement(.pubcomp, 77)),
            .onSubscriber("suback", .overlooked, sends: .acknowledgement(.suback, 77, [0, 1, 1])),
            .onSubscriber("unsuback", .overlooked, sends: .acknowledgement(.unsuback, 77, [0, 0])),
            .onSubscriber("pingresp", .overlooked, sends: ControlPacket(kind: .pingresp)),
            .onSubscriber("second-connack", .overlooked, sends: .connack(sessionPresent: true)),
            .onSubscriber("late-refusal", .ended("0x87 Not authorized"), sends: .connack(0x87)),
            .onSubscriber("pingreq", .overlooked, sends: ControlPacket(kind: .pingreq)),
            .onSubscriber(
                "connect",
                .ended("malformed"),
                sends: ControlPacket(
                    kind: .connect,
                    body: [0, 4] + Array("MQTT".utf8) + [5, 2, 0, 5, 0]
                )
            ),
            .onSubscriber(
                "subscribe",
                .ended("malformed"),
                sends: ControlPacket(kind: .subscribe, flags: 2, body: [0, 1, 0, 0, 1, 0x23, 1])
            ),
            .onGreeting("publish-first", .refused("malformed"), times: 2, sends: publish.bytes),
            .onGreeting(
                "suback-first",
                .refused("malformed"),
                times: 2,
                sends: ControlPacket.acknowledgement(.suback, 1, [0, 1]).bytes
            ),
            .onGreeting(
                "disconnect-first",
                .refused("0x8B"),
                sends: ControlPacket.disconnect(0x8B).bytes
            ),
        ])
    }
}
