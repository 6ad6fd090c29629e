/// One MQTT control packet: what a client said, or what a rogue says.
///
/// Nothing is checked: a rogue needs packets that are none.
/// Source: MQTT 5.0, section 2; MQTT 3.1.1, section 2.
struct ControlPacket: Equatable, Sendable {
    /// The upper half of the first byte.
    enum Kind: UInt8, CaseIterable, Sendable {
        case reserved = 0
        case connect, connack, publish, puback, pubrec, pubrel, pubcomp
        case subscribe, suback, unsubscribe, unsuback
        case pingreq, pingresp, disconnect, auth
    }

    var kind: Kind
    /// The lower half of the first byte.
    var flags: UInt8 = 0
    /// What follows the fixed header.
    var body: [UInt8] = []

    /// The number of two bytes at a place of the body; nil where it ends before.
    func number(at offset: Int) -> UInt16? {
        guard offset + 2 <= body.count else { return nil }
        return UInt16(body[offset]) << 8 | UInt16(body[offset + 1])
    }

    /// The packet on the wire.
    var bytes: [UInt8] { [kind.rawValue << 4 | flags] + Self.length(body.count) + body }

    /// A length in one to four bytes.
    static func length(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = count
        repeat {
            bytes.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return bytes
    }

    /// Properties with their length; nothing where the version has none.
    static func properties(_ bytes: [UInt8] = [], _ version: UInt8 = 5) -> [UInt8] {
        version >= 5 ? length(bytes.count) + bytes : []
    }

    /// A text with its length.
    static func text(_ text: [UInt8]) -> [UInt8] { number(UInt16(text.count)) + text }

    /// A number in two bytes.
    static func number(_ number: UInt16) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 0xFF)]
    }

    /// An answer to a CONNECT.
    static func connack(
        _ reason: UInt8 = 0,
        sessionPresent: Bool = false,
        properties: [UInt8] = [],
        version: UInt8 = 5
    ) -> Self {
        let flags: UInt8 = sessionPresent ? 1 : 0
        return Self(
            kind: .connack,
            body: [flags, reason] + Self.properties(properties, version)
        )
    }

    /// A message; without an identifier where that is nil.
    static func publish(
        _ topic: String,
        payload: [UInt8] = [],
        identifier: UInt16? = nil,
        qos: UInt8 = 0,
        isDuplicate: Bool = false,
        isRetained: Bool = false,
        properties: [UInt8] = [],
        version: UInt8 = 5
    ) -> Self {
        Self(
            kind: .publish,
            flags: (isDuplicate ? 8 : 0) | qos << 1 | (isRetained ? 1 : 0),
            body: text(Array(topic.utf8)) + (identifier.map(number) ?? [])
                + Self.properties(properties, version) + payload
        )
    }

    /// An acknowledgement of any kind; PUBREL has the flags that it needs.
    static func acknowledgement(_ kind: Kind, _ identifier: UInt16, _ rest: [UInt8] = []) -> Self {
        Self(kind: kind, flags: kind == .pubrel ? 2 : 0, body: number(identifier) + rest)
    }

    /// A goodbye with a reason (MQTT 5.0).
    static func disconnect(_ reason: UInt8, properties: [UInt8] = []) -> Self {
        Self(kind: .disconnect, body: [reason] + Self.properties(properties))
    }
}
