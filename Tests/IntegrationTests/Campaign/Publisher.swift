import Testing

/// An MQTT 3.1.1 client that publishes at QoS 1 and knows what the broker has taken.
///
/// It never repeats a message: with a broker that goes away while one is not acknowledged nobody could tell how
/// often it was taken, so a test lets ``isSettled()`` return first.
///
/// Threads: one test.
final class Publisher {
    private let wire: Wire
    private var unacknowledged: Set<UInt16> = []
    private var lastIdentifier: UInt16 = 0

    /// Connects to a broker.
    init(to port: UInt16) async throws {
        wire = try Wire(to: port)
        let name = Array("sensors".utf8)
        // Clean session, no keep alive.
        let head: [UInt8] = [0, 4] + Array("MQTT".utf8) + [4, 0x02, 0, 0]
        let body = head + [0, UInt8(name.count)] + name
        wire.send([0x10, UInt8(body.count)] + body)
        try await wire.hears(count: 4)
        try #require(wire.received.starts(with: [0x20, 2, 0, 0]), "\(wire.received)")
        wire.take(4)
    }

    /// Hands a message to the broker; it is under way when this returns.
    func publish(_ topic: String, _ payload: String) throws {
        lastIdentifier = lastIdentifier == .max ? 1 : lastIdentifier + 1
        try #require(unacknowledged.insert(lastIdentifier).inserted, "65,535 are under way")
        let topic = Array(topic.utf8)
        let body =
            Self.bytes(UInt16(topic.count)) + topic + Self.bytes(lastIdentifier)
            + Array(payload.utf8)
        precondition(body.count < 128, "one byte of length")
        wire.send([0x32, UInt8(body.count)] + body)
    }

    /// Waits until the broker has taken every message.
    func isSettled() async throws {
        let isSettled = try await eventually {
            wire.look()
            while wire.received.count >= 4 {
                let packet = wire.received.prefix(4)
                try #require(packet.starts(with: [0x40, 2]), "no PUBACK: \(packet)")
                let identifier = UInt16(packet[2]) << 8 | UInt16(packet[3])
                try #require(unacknowledged.remove(identifier) != nil, "PUBACK of nothing")
                wire.take(4)
            }
            try #require(wire.end == nil, "the broker hung up on the publisher")
            return unacknowledged.isEmpty
        }
        try #require(isSettled, "\(unacknowledged.count) messages are not acknowledged")
    }

    private static func bytes(_ number: UInt16) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 0xFF)]
    }
}
