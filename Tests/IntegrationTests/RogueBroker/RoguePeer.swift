import Glibc

/// Why a rogue's conversation is over.
enum RogueEnd: Error {
    /// The client has closed the connection, or reset it: what most rogues want.
    case clientLeft
    /// The test is over.
    case stopped
    /// What the rogue waited for didn't come, or something else did: a failure of the test.
    case failed(String)
}

/// A rogue's end of one connection, which speaks as a broker should unless its script says otherwise.
///
/// It keeps to one session: the ``RogueBroker/messages`` are delivered at QoS 1 until the client has acknowledged them, with DUP
/// from the second time on.
///
/// Threads: the broker's.
final class RoguePeer {
    /// Which connection this is, from 1 on.
    let number: Int
    /// What the client's CONNECT said: 5 is MQTT 5.0, 4 is 3.1.1.
    private(set) var version: UInt8 = 5

    private let descriptor: Int32
    private let stop: Int32
    private let record: RogueRecord
    private let facility: String
    private let deadline = ContinuousClock.now + .seconds(90)
    private var inbox: [UInt8] = []
    private var inboxStart = 0

    init(
        number: Int,
        descriptor: Int32,
        stop: Int32,
        facility: String,
        record: RogueRecord
    ) {
        self.number = number
        self.descriptor = descriptor
        self.stop = stop
        self.facility = facility
        self.record = record
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var on: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
    }

    deinit {
        // A process that was started meanwhile may have inherited the socket: closing alone would not end the connection.
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    // MARK: Bytes

    /// Sends bytes as they are, and hears meanwhile what the client says.
    func send(_ bytes: [UInt8]) throws(RogueEnd) { try send(bytes, isDeaf: false) }

    /// Sends bytes as they are.
    ///
    /// - Parameter isDeaf: Whether what the client says stays in the socket.
    func send(_ bytes: [UInt8], isDeaf: Bool) throws(RogueEnd) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor,
                    bytes.baseAddress?.advanced(by: start),
                    bytes.count - start,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if count >= 0 {
                start += count
            } else if errno == EAGAIN {
                try wait(for: isDeaf ? POLLOUT : POLLOUT | POLLIN, "room to send")
                if !isDeaf { try hear() }
            } else if errno != EINTR {
                throw .clientLeft
            }
        }
    }

    /// Sends a packet.
    func send(_ packet: ControlPacket) throws(RogueEnd) { try send(packet.bytes) }

    /// Sends bytes one by one.
    func send(_ bytes: [UInt8], every interval: Duration) throws(RogueEnd) {
        for byte in bytes {
            try send([byte])
            try pause(interval)
        }
    }

    /// Says and hears nothing for a while.
    func pause(_ duration: Duration) throws(RogueEnd) {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            try wait(for: 0, until: end)
        }
    }

    /// Reads, and forgets, until the client leaves.
    func ignore() throws(RogueEnd) {
        while true {
            inbox = []
            inboxStart = 0
            try wait(for: POLLIN, "the client's end")
            try hear()
        }
    }

    /// Has the system take as little as it can of what nobody reads here.
    func shrinkReceiveBuffer() {
        var bytes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(4))
    }

    /// Closes the connection; what the client says later is answered with a reset.
    func hangUp() throws(RogueEnd) { throw .clientLeft }

    /// The client's next packet.
    func read() throws(RogueEnd) -> ControlPacket {
        while true {
            if let packet = takePacket() { return packet }
            try wait(for: POLLIN, "a packet")
            try hear()
        }
    }

    private func takePacket() -> ControlPacket? {
        var place = inboxStart + 1
        var length = 0
        var shift = 0
        while true {
            guard place < inbox.count else { return nil }
            length |= Int(inbox[place] & 0x7F) << shift
            shift += 7
            place += 1
            if inbox[place - 1] & 0x80 == 0 { break }
        }
        guard inbox.count >= place + length,
            let kind = ControlPacket.Kind(rawValue: inbox[inboxStart] >> 4)
        else { return nil }
        let packet = ControlPacket(
            kind: kind,
            flags: inbox[inboxStart] & 0x0F,
            body: Array(inbox[place..<place + length])
        )
        inboxStart = place + length
        // A move for every packet would cost the square of a flood.
        if inboxStart > 65_536 || inboxStart == inbox.count {
            inbox.removeFirst(inboxStart)
            inboxStart = 0
        }
        return packet
    }

    private func hear() throws(RogueEnd) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                inbox.append(contentsOf: buffer[..<count])
            } else if count < 0, errno == EAGAIN {
                return
            } else if count == 0 || errno != EINTR {
                throw .clientLeft
            }
        }
    }

    private func wait(for events: Int32, _ what: String) throws(RogueEnd) {
        try wait(for: events, until: deadline)
        guard ContinuousClock.now < deadline else {
            throw .failed("connection \(number): waited for \(what) in vain")
        }
    }

    private func wait(for events: Int32, until end: ContinuousClock.Instant) throws(RogueEnd) {
        var waits = [
            pollfd(fd: descriptor, events: Int16(events), revents: 0),
            pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
        ]
        // Whoever waits for nothing must not be woken by the end of the connection again and again.
        if events == 0 { waits[0].fd = -1 }
        let (seconds, attoseconds) = max(.zero, end - ContinuousClock.now).components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1
        let ready = unsafe poll(&waits, 2, Int32(clamping: milliseconds))
        if ready > 0, waits[1].revents != 0 { throw .stopped }
    }

    // MARK: As a broker should

    /// Takes the CONNECT.
    func hearConnect() throws(RogueEnd) {
        let packet = try read()
        guard packet.kind == .connect, packet.body.count > 6 else {
            throw .failed("connection \(number): \(packet.kind) instead of a CONNECT")
        }
        version = packet.body[6]
    }

    /// Accepts the client, with these properties of the CONNACK.
    func accept(properties: [UInt8] = []) throws(RogueEnd) {
        let isKnown = record.isKnown()
        try send(
            .connack(sessionPresent: isKnown, properties: properties, version: version)
        )
    }

    /// Takes the CONNECT, accepts the client, and grants its subscriptions.
    func greet(properties: [UInt8] = []) throws(RogueEnd) {
        try hearConnect()
        try accept(properties: properties)
        try answer(until: .subscribe)
    }

    /// Delivers one of the messages, and waits until it is acknowledged.
    func deliver(_ message: UInt16) throws(RogueEnd) {
        try publish(message)
        while !record.isAcknowledged(message) { try answer(try read()) }
    }

    /// Has sent a message, of which no byte arrives.
    func loses(_ message: UInt16) { _ = record.sends(message, on: number) }

    /// Delivers everything and answers until the client leaves.
    ///
    /// What a former connection delivered is delivered again, as if no acknowledgement had come.
    func serve() throws(RogueEnd) {
        for message in RogueBroker.messages where record.isDue(message, on: number) {
            try publish(message)
        }
        while true { try answer(try read()) }
    }

    private func publish(_ message: UInt16) throws(RogueEnd) {
        let isDuplicate = record.sends(message, on: number)
        try send(
            .publish(
                "park/\(facility)/gate/in",
                identifier: message,
                qos: 1,
                isDuplicate: isDuplicate,
                version: version
            )
        )
    }

    /// Answers until a packet of this kind is answered, too.
    func answer(until kind: ControlPacket.Kind) throws(RogueEnd) {
        while true {
            let packet = try read()
            try answer(packet)
            if packet.kind == kind { return }
        }
    }

    private func answer(_ packet: ControlPacket) throws(RogueEnd) {
        switch packet.kind {
        case .subscribe, .unsubscribe:
            try send(grant(packet))
        case .publish:
            let topic = Int(packet.number(at: 0) ?? 0)
            guard packet.flags & 0x06 == 2, let identifier = packet.number(at: 2 + topic) else {
                return
            }
            try send(.acknowledgement(.puback, identifier))
        case .puback:
            if let identifier = packet.number(at: 0) { record.acknowledged(identifier) }
        case .pingreq:
            try send(ControlPacket(kind: .pingresp))
        case .pubrec, .pubrel, .pubcomp, .pingresp, .disconnect:
            record.heard(packet.kind)
        case .reserved, .connect, .connack, .suback, .unsuback, .auth:
            throw .failed("connection \(number): a client has no \(packet.kind) to say here")
        }
    }

    /// The answer that grants everything.
    func grant(_ packet: ControlPacket) -> ControlPacket {
        let reasons = [UInt8](
            repeating: packet.kind == .subscribe ? 1 : 0,
            count: filterCount(packet)
        )
        let isBare = packet.kind == .unsubscribe && version < 5
        return ControlPacket(
            kind: packet.kind == .subscribe ? .suback : .unsuback,
            body: Array(packet.body.prefix(2)) + ControlPacket.properties([], version)
                + (isBare ? [] : reasons)
        )
    }

    /// How many filters a SUBSCRIBE or UNSUBSCRIBE names.
    func filterCount(_ packet: ControlPacket) -> Int {
        // This client's requests have no properties: their length is one byte.
        var place = version >= 5 ? 3 : 2
        var count = 0
        while let length = packet.number(at: place) {
            place += 2 + Int(length) + (packet.kind == .subscribe ? 1 : 0)
            count += 1
        }
        return count
    }
}
