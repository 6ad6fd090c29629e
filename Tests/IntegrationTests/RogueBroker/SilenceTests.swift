import Testing

/// Brokers that say nothing, or too slowly, or don't listen.
///
/// Each wait of the daemon has an end: for the CONNACK, the SUBACK, the answer to a ping, and until the broker takes our acknowledgements. A slow broker that says what it
/// should within these bounds is served.
@Suite struct `A rogue broker's silence` {
    @Test func `is borne for so long and no longer`() async throws {
        try await RogueTown.withstands([
            Attack("grants-nothing", .ended("timed out waiting for the subscriptions")) {
                peer throws(RogueEnd) in
                try peer.hearConnect()
                try peer.accept()
                // Pings are answered: the connection is alive.
                while true {
                    let packet = try peer.read()
                    if packet.kind == .pingreq { try peer.send(ControlPacket(kind: .pingresp)) }
                }
            },
            .onSubscriber("answers-no-ping", .ended("the broker is silent")) {
                peer throws(RogueEnd) in try peer.ignore()
            },
            .onSubscriber("never-ends-a-packet", .ended("the broker is silent")) {
                peer throws(RogueEnd) in
                try peer.send([0x30] + ControlPacket.length(60_000) + [0, 1, 0x61, 0])
            },
        ])
    }

    @Test func `in place of a CONNACK has an end, too`() async throws {
        let slowly: Attack.Script = { peer throws(RogueEnd) in
            try peer.hearConnect()
            let reason = [0x1F] + ControlPacket.text([UInt8](repeating: 0x61, count: 60))
            try peer.send(ControlPacket.connack(properties: reason).bytes, every: .seconds(1))
        }
        let silent: Attack.Script = { peer throws(RogueEnd) in
            try peer.hearConnect()
            try peer.ignore()
        }
        // The keep alive is an end of its own.
        try await RogueTown.withstands([
            Attack("silent", .refused("the broker is silent"), script: silent),
            Attack("a-byte-a-second", .refused("the broker is silent"), script: slowly),
        ])
        try await RogueTown.withstands(
            [
                Attack(
                    "silent",
                    .refused("timed out waiting for the broker's answer"),
                    script: silent
                ),
                Attack(
                    "a-byte-a-second",
                    .refused("timed out waiting for the broker's answer"),
                    script: slowly
                ),
                Attack("slow-but-willing", .overlooked) { peer throws(RogueEnd) in
                    try peer.hearConnect()
                    try peer.send(ControlPacket.connack().bytes, every: .seconds(1))
                    try peer.answer(until: .subscribe)
                },
            ],
            keepAlive: "30s"
        )
    }

    @Test func `to our acknowledgements is answered by silence`() async throws {
        /// Sends this for as long as it can, and takes nothing of what we say.
        func deaf(_ name: String, _ bytes: [UInt8]) -> Attack {
            Attack(name, .ended("Connection timed out")) { peer throws(RogueEnd) in
                try peer.greet()
                peer.shrinkReceiveBuffer()
                while true { try peer.send(bytes, isDeaf: true) }
            }
        }
        let messages = (10..<4_010 as Range<UInt16>).flatMap { identifier in
            ControlPacket.publish("park/nowhere/gate/in", identifier: identifier, qos: 1).bytes
        }
        let releases = [[UInt8]](
            repeating: ControlPacket.acknowledgement(.pubrel, 77).bytes,
            count: 16_384
        ).flatMap { $0 }
        try await RogueTown.withstands([
            deaf("messages", messages), deaf("releases", releases),
        ])
    }
}
