public import ByteCoding

/// What identifies a QoS 1 message within its session: the broker's number for it, and a digest of topic and payload.
public struct DeliveryMark: Equatable, Sendable, BitwiseCopyable {
    /// The packet identifier; never 0.
    public var packetIdentifier: UInt16
    /// The digest of topic and payload.
    public var digest: UInt64

    /// A mark of these values.
    public init(packetIdentifier: UInt16, digest: UInt64) {
        self.packetIdentifier = packetIdentifier
        self.digest = digest
    }

    /// The mark of a message.
    init(packetIdentifier: UInt16, topic: Span<UInt8>, payload: Span<UInt8>) {
        self.packetIdentifier = packetIdentifier
        var digest = Digest()
        digest.add(topic)
        digest.add(payload)
        self.digest = digest.value
    }

    /// Appends the bytes of this mark.
    func append(to writer: inout ByteWriter) {
        writer.append(byte: UInt8(truncatingIfNeeded: packetIdentifier))
        writer.append(byte: UInt8(truncatingIfNeeded: packetIdentifier >> 8))
        writer.append(word: digest)
    }

    init(_ reader: inout ByteReader, _ bytes: Span<UInt8>) throws(UnreadableBytes) {
        let low = UInt16(try reader.byte(bytes))
        let high = UInt16(try reader.byte(bytes))
        packetIdentifier = high << 8 | low
        digest = try reader.word(bytes)
    }
}

/// The marks of the last QoS 1 messages of a session, oldest first.
///
/// **Shape.** The last ``capacity`` of them; the oldest give way.
public struct DeliveryMarks: Equatable, Sendable {
    /// How many are kept: half of the packet identifiers.
    ///
    /// As many as can be told apart: a broker that hands its identifiers out in turn, with as many messages under way, never
    /// has one whose identifier is that of another in here. And not only as many as we allowed it to have under way: mosquitto 2.0.11 sends more,
    /// up to as many again with each acknowledgement while it has a backlog.
    public static let capacity = 32_767

    /// The marks; those before `head` are forgotten.
    private var stored: [DeliveryMark] = []
    private var head = 0
    /// The number of the first stored mark; messages are numbered as they come.
    private var base = 0

    /// These marks, oldest first.
    public init(_ marks: [DeliveryMark] = []) {
        stored = marks.suffix(Self.capacity)
    }

    /// The marks in the bytes of a journal.
    public init(_ bytes: Span<UInt8>) throws(UnreadableBytes) {
        self.init()
        try append(bytes)
    }

    /// Adds the marks in the bytes of a journal.
    public mutating func append(_ bytes: Span<UInt8>) throws(UnreadableBytes) {
        var reader = ByteReader()
        while !reader.isAtEnd(of: bytes) { append(try DeliveryMark(&reader, bytes)) }
    }

    /// The bytes of some marks in a journal.
    public static func bytes(_ marks: some Sequence<DeliveryMark>) -> [UInt8] {
        var writer = ByteWriter()
        for mark in marks { mark.append(to: &writer) }
        return writer.bytes
    }

    /// The marks, oldest first.
    public var all: ArraySlice<DeliveryMark> { stored[head...] }

    /// The number that the next mark gets.
    var end: Int { base + stored.count }

    /// Adds a mark.
    public mutating func append(_ mark: DeliveryMark) {
        stored.append(mark)
        head = max(head, stored.count - Self.capacity)
        // Half of the memory for the forgotten ones: moving the rest costs a step a message.
        if head > Self.capacity {
            stored.removeFirst(head)
            base += head
            head = 0
        }
    }

    /// The mark of this number; nil where it is forgotten.
    func mark(_ number: Int) -> DeliveryMark? {
        number >= base + head && number < end ? stored[number - base] : nil
    }
}

/// The last QoS 1 messages of a session, by which redelivered ones are recognised.
///
/// What a broker delivers again it delivers in the order in which it sent it first, with the same packet
/// identifiers (MQTT 5.0, 4.4, 4.6), and says so in the DUP flag (3.3.1.1): a message without the flag is a first delivery.
///
/// Decision record 0007 tells which cases are exact and which are not.
///
/// **Threads.** One.
public struct DeliveryWindow: Sendable {
    private(set) var marks: DeliveryMarks
    /// The number of the newest message of each packet identifier; -1 is none.
    private var newest: [Int]
    /// Whether redeliveries come once a connection and in order: MQTT 3.1.1 lets a broker repeat at any time.
    private var isOrdered = true
    /// The number of the message that was delivered again last.
    private var redelivered = -1

    /// A window with these marks.
    public init(_ marks: DeliveryMarks = DeliveryMarks()) {
        self.marks = marks
        newest = Array(repeating: -1, count: Int(UInt16.max) + 1)
        for (offset, mark) in marks.all.enumerated() {
            newest[Int(mark.packetIdentifier)] = marks.end - marks.all.count + offset
        }
    }

    /// A connection begins.
    ///
    /// - Parameters:
    ///   - sessionPresent: Whether the broker kept the session; a new one has nothing under way.
    ///   - isOrdered: Whether redeliveries come in order and once a connection: so MQTT 5.0, 4.4 and 4.6.
    public mutating func connected(sessionPresent: Bool, isOrdered: Bool) {
        if !sessionPresent { self = DeliveryWindow() }
        self.isOrdered = isOrdered
        redelivered = -1
    }

    /// Whether a message that may be delivered again was received before; it is then passed over.
    public mutating func recognises(_ mark: DeliveryMark) -> Bool {
        let number = newest[Int(mark.packetIdentifier)]
        guard number >= 0, marks.mark(number) == mark else { return false }
        if isOrdered {
            guard number > redelivered else { return false }
            redelivered = number
        }
        return true
    }

    /// A message was received for the first time.
    public mutating func append(_ mark: DeliveryMark) {
        newest[Int(mark.packetIdentifier)] = marks.end
        marks.append(mark)
    }
}
