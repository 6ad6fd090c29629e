import Testing

/// A connection that the broker closes in the middle of a packet, at each of its bytes.
///
/// Half a packet is none: it changes nothing, and what begins the next connection isn't taken for its rest.
@Suite struct `A rogue broker's half packets` {
    @Test func `change nothing`() async throws {
        let message = ControlPacket.publish("park/nowhere/gate/in", identifier: 9, qos: 1).bytes
        let packets: [(name: String, bytes: [UInt8])] = [
            ("publish", message),
            ("puback", ControlPacket.acknowledgement(.puback, 77, [0x10, 0]).bytes),
            ("pubrel", ControlPacket.acknowledgement(.pubrel, 77).bytes),
            ("suback", ControlPacket.acknowledgement(.suback, 77, [0, 1, 1]).bytes),
            ("pingresp", ControlPacket(kind: .pingresp).bytes),
            ("disconnect", ControlPacket.disconnect(0x8B).bytes),
        ]
        var attacks: [Attack] = []
        for (name, bytes) in packets {
            // The middle of a topic is like another.
            for count in 1..<bytes.count where count < 6 || count > bytes.count - 4 {
                attacks.append(
                    .onSubscriber("\(name)-\(count)", .ended("hung up")) { peer throws(RogueEnd) in
                        try peer.send(Array(bytes[..<count]))
                        try peer.hangUp()
                    }
                )
            }
        }
        let connack = ControlPacket.connack().bytes
        for count in 0..<connack.count {
            attacks.append(
                Attack("connack-\(count)", .refused("hung up"), times: 2) { peer throws(RogueEnd) in
                    try peer.hearConnect()
                    try peer.send(Array(connack[..<count]))
                    try peer.hangUp()
                }
            )
        }
        try await RogueTown.withstands(attacks)
    }
}
