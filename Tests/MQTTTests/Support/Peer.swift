import Glibc
import Testing

/// One MQTT control packet as it came.
struct Packet: Equatable {
    /// The kinds that matter here, as the upper half of the first byte.
    enum Kind: UInt8 {
        case connect = 1
        case connack, publish, puback, pubrec, pubrel, pubcomp
        case subscribe, suback, unsubscribe, unsuback
        case pingreq, pingresp, disconnect
    }

    var kind: Kind
    var flags: UInt8 = 0
    var body: [UInt8]

    /// The number at a place of the body.
    func number(at offset: Int) -> UInt16 { UInt16(body[offset]) << 8 | UInt16(body[offset + 1]) }
}

/// The broker's end of a connection: a test reads and writes packets here, step by step.
final class Peer {
    private let descriptor: Int32
    /// The version of the last CONNECT.
    private(set) var version: UInt8 = 5

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    // MARK: Reading

    /// Whether something comes within a time; the end counts.
    func hasInput(within duration: Duration) -> Bool { isReadable(descriptor, within: duration) }

    /// The next packet, nil at the end.
    func read() throws -> Packet? {
        guard let first = try readByte() else { return nil }
        var length = 0
        var shift = 0
        while true {
            guard let byte = try readByte() else { return nil }
            length |= Int(byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0 { break }
        }
        var body: [UInt8] = []
        while body.count < length {
            guard let byte = try readByte() else { return nil }
            body.append(byte)
        }
        let kind = try #require(Packet.Kind(rawValue: first >> 4))
        return Packet(kind: kind, flags: first & 0x0F, body: body)
    }

    /// The next packet that is no PINGREQ, which must be of a kind.
    func expect(
        _ kind: Packet.Kind,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Packet {
        while true {
            let packet = try #require(
                try read(),
                "the end instead of a \(kind)",
                sourceLocation: sourceLocation
            )
            if packet.kind == .pingreq {
                try send(.pingresp, [])
                continue
            }
            try #require(packet.kind == kind, sourceLocation: sourceLocation)
            if kind == .connect { version = packet.body[6] }
            return packet
        }
    }

    /// Reads until the end; whether it came.
    func expectEnd() throws -> Bool {
        while try read() != nil {}
        return true
    }

    private func readByte() throws -> UInt8? {
        try #require(isReadable(descriptor, within: patience), "nothing more comes")
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, 0) == 1 ? byte : nil
    }

    // MARK: Writing

    /// Sends bytes as they are.
    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor,
                    $0.baseAddress,
                    $0.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            try #require(count > 0)
            rest = rest.dropFirst(count)
        }
    }

    /// Sends a packet.
    func send(_ kind: Packet.Kind, flags: UInt8 = 0, _ body: [UInt8]) throws {
        try send(Self.encoded(kind, flags: flags, body))
    }

    /// A packet's bytes.
    static func encoded(_ kind: Packet.Kind, flags: UInt8 = 0, _ body: [UInt8]) -> [UInt8] {
        var bytes = [kind.rawValue << 4 | flags]
        var length = body.count
        repeat {
            bytes.append(UInt8(length & 0x7F) | (length > 0x7F ? 0x80 : 0))
            length >>= 7
        } while length > 0
        return bytes + body
    }

    /// Takes the CONNECT, accepts it, takes and grants one SUBSCRIBE.
    func welcome(sessionPresent: Bool = false) throws {
        _ = try expect(.connect)
        try accept(sessionPresent: sessionPresent)
        let subscribe = try expect(.subscribe)
        try send(.suback, Array(subscribe.body[..<2]) + noProperties + [1])
    }

    /// Answers a CONNECT with success.
    func accept(sessionPresent: Bool = false) throws {
        try send(.connack, [sessionPresent ? 1 : 0, 0] + noProperties)
    }

    /// Sends a message; at QoS 0 where it has no identifier.
    func publish(_ topic: String, _ payload: [UInt8], identifier: UInt16 = 0, flags: UInt8 = 0)
        throws
    {
        try send(publication(topic, payload, identifier: identifier, flags: flags))
    }

    /// A message's bytes.
    func publication(
        _ topic: String,
        _ payload: [UInt8],
        identifier: UInt16 = 0,
        flags: UInt8 = 0
    ) -> [UInt8] {
        let topic = Array(topic.utf8)
        var body = bytes(UInt16(topic.count)) + topic
        if identifier > 0 { body += bytes(identifier) }
        return Self.encoded(
            .publish,
            flags: flags | (identifier > 0 ? 2 : 0),
            body + noProperties + payload
        )
    }

    /// The length of no properties in MQTT 5.0, nothing in 3.1.1.
    var noProperties: [UInt8] { version >= 5 ? [0] : [] }

    /// Ends the connection with a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<Glibc.linger>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
    }
}

/// A number in network order.
func bytes(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
