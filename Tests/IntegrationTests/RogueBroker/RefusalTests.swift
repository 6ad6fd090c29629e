import Testing

/// A CONNACK with every reason to refuse us.
///
/// The daemon says which once, with what to do about it, tries again after pauses, and is connected when the broker has changed its mind. A
/// broker that doesn't know MQTT 5.0 is asked in the words of 3.1.1 at once.
@Suite struct `A rogue broker's refusal` {
    @Test(arguments: [[UInt8](0x80...0x8F), [UInt8](0x90...0xA2) + [0xFF]])
    func `is said once, with its reason and advice`(codes: [UInt8]) async throws {
        let attacks = codes.map { code in
            Attack.onGreeting(
                "code-\(code)",
                .refused("0x" + String(code, radix: 16, uppercase: true) + " "),
                times: code == 0x84 ? 4 : 2,
                sends: ControlPacket.connack(code).bytes
            )
        }
        let town = try await RogueTown.withstands(attacks)
        for rogue in town.rogues {
            #expect(town.lines(of: rogue).count { $0.contains("cannot connect") } == 1)
        }
    }

    @Test func `in the words of the old version is understood`() async throws {
        let reasons = [
            "0x84 Unsupported", "0x85 Client Identifier", "0x88 Server unavailable",
            "0x86 Bad User Name", "0x87 Not authorized",
        ]
        let attacks = reasons.enumerated().map { index, reason in
            // In answer to MQTT 5.0 such a CONNACK is too short.
            let code = UInt8(index + 1)
            return Attack("code-\(code)", .refused(""), times: 2) { peer throws(RogueEnd) in
                try peer.hearConnect()
                try peer.send([0x20, 2, 0, code])
            }
        }
        let town = try await RogueTown.withstands(attacks)
        for (rogue, reason) in zip(town.rogues, reasons) {
            let last = town.lines(of: rogue).last { $0.contains("cannot connect") }
            #expect(last?.contains(reason) == true, "\(town.lines(of: rogue))")
        }
    }
}
