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
/// **Shape.** At most as many as the broker may have under way; the oldest give way.
public struct DeliveryMarks: Equatable, Sendable {
    /// The most messages: half of the packet identifiers.
    ///
    /// A broker that hands its identifiers out in turn then never has a message under way whose identifier is that of another
    /// one in here.
    public static let maximumCapacity = 32_767

    /// How many messages the broker may have under way.
    public private(set) var capacity = Self.maximumCapacity

    /// The marks; those before `head` are forgotten.
    private var stored: [DeliveryMark] = []
    private var head = 0

    /// The number of the first stored mark; messages are numbered as they come.
    private var base = 0

    /// These marks, oldest first.
    public init(_ marks: [DeliveryMark] = []) {
        stored = marks.suffix(Self.maximumCapacity)
    }

    /// The bytes of these marks and their capacity in a journal.
    public var bytes: [UInt8] { Self.bytes(all, capacity: capacity) }

    /// The bytes of some marks and a capacity in a journal.
    public static func bytes(_ marks: some Sequence<DeliveryMark>, capacity: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(small: capacity)
        for mark in marks { mark.append(to: &writer) }
        return writer.bytes
    }

    /// The marks in the bytes of a journal: all of them, though they may be more than the capacity.
    ///
    /// A smaller window is in force from the next first delivery on; until then the broker delivers again what was under way in
    /// the larger one.
    public init(_ bytes: Span<UInt8>) throws(UnreadableBytes) {
        var reader = ByteReader()
        let capacity = try Self.capacity(&reader, bytes)
        var marks: [DeliveryMark] = []
        while !reader.isAtEnd(of: bytes) { marks.append(try DeliveryMark(&reader, bytes)) }
        self.init(marks)
        self.capacity = capacity
    }

    /// Adds the marks in the bytes of a journal, of messages that came under this capacity.
    public mutating func append(_ bytes: Span<UInt8>) throws(UnreadableBytes) {
        var reader = ByteReader()
        capacity = try Self.capacity(&reader, bytes)
        while !reader.isAtEnd(of: bytes) { append(try DeliveryMark(&reader, bytes)) }
    }

    private static func capacity(
        _ reader: inout ByteReader,
        _ bytes: Span<UInt8>
    ) throws(UnreadableBytes) -> Int {
        let capacity = try reader.small(bytes)
        guard (1...maximumCapacity).contains(capacity) else { throw UnreadableBytes(offset: 0) }
        return capacity
    }

    /// The marks, oldest first.
    public var all: ArraySlice<DeliveryMark> { stored[head...] }

    /// The number that the next mark gets.
    var end: Int { base + stored.count }

    /// A connection begins.
    ///
    /// - Parameters:
    ///   - sessionPresent: Whether the broker kept the session; a new one has nothing under way.
    ///   - capacity: How many messages we allow under way; nil in MQTT 3.1.1, where the broker decides.
    public mutating func connected(sessionPresent: Bool, capacity: Int?) {
        self = DeliveryMarks(sessionPresent ? Array(all) : [])
        self.capacity = min(max(1, capacity ?? Self.maximumCapacity), Self.maximumCapacity)
    }

    /// Adds a mark.
    ///
    /// By the time of a first delivery a broker has delivered again whatever it had to: what no longer fits
    /// was acknowledged.
    public mutating func append(_ mark: DeliveryMark) {
        stored.append(mark)
        head = max(head, stored.count - capacity)
        // Half of the memory for the forgotten ones: moving the rest costs a step a message.
        if head > capacity {
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
/// A broker may have under way to us only as many messages as we allowed (MQTT 5.0, 3.1.2.11.3), so whatever it
/// delivers again is among the last so many. It does so in the order in which it sent them first, with the same packet
/// identifiers (4.4, 4.6), and says so in the DUP flag (3.3.1.1): a message without the flag is a first delivery.
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
    ///   - capacity: How many messages we allow under way; nil in MQTT 3.1.1.
    public mutating func connected(sessionPresent: Bool, capacity: Int?) {
        marks.connected(sessionPresent: sessionPresent, capacity: capacity)
        self = DeliveryWindow(marks)
        isOrdered = capacity != nil
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
