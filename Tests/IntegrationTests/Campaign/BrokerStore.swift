/// What mosquitto saved of the messages that a session has yet to acknowledge.
///
/// Shape: 15 bytes of magic, a checksum and a version, 4 bytes each, then chunks: type and length, 4 bytes each, and
/// as many bytes as the length says. All numbers are big-endian but for the store's own identifiers.
/// Source: mosquitto 2.0.11, `src/persist.h` and `src/persist_write_v5.c`; the format's version is 6.
struct BrokerStore: Equatable {
    /// Those that the broker has sent once at least: when it sends them again, it says so (DUP).
    private(set) var sent = 0
    /// Those that it has not sent yet: whenever it sends them, it does so for the first time.
    private(set) var unsent = 0

    private static let headerBytes = 23
    private static let clientMessage = 3
    private static let outgoing: UInt8 = 1

    /// Reads a store's bytes; nil where they aren't those of this version.
    init?(bytes: [UInt8]) {
        let magic = [0x00, 0xB5, 0x00] + Array("mosquitto db".utf8)
        guard bytes.starts(with: magic), bytes.count >= Self.headerBytes else { return nil }
        guard Self.number(bytes[19..<23]) == 6 else { return nil }
        var rest = bytes[Self.headerBytes...]
        while !rest.isEmpty {
            guard rest.count >= 8 else { return nil }
            let type = Self.number(rest.prefix(4))
            let length = Self.number(rest.dropFirst(4).prefix(4))
            rest = rest.dropFirst(8)
            guard rest.count >= length else { return nil }
            if type == Self.clientMessage { count(Array(rest.prefix(length))) }
            rest = rest.dropFirst(length)
        }
    }

    /// The message: store identifier (8), packet identifier (2), length of the client's name (2), QoS, state, flags, direction.
    private mutating func count(_ chunk: [UInt8]) {
        guard chunk.count >= 16, chunk[15] == Self.outgoing else { return }
        guard chunk[16...].starts(with: "carparkd".utf8) else { return }
        if chunk[14] & 0x0F == 0 { unsent += 1 } else { sent += 1 }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $0 << 8 | Int($1) }
    }
}
