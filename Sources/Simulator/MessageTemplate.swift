import Parking

/// How a rule's messages are written: its topic and payload with gaps for what changes.
struct MessageTemplate {
    /// What stands in a gap.
    enum Field {
        case facility
        case zone
        /// What the registry calls the sensor.
        case device
        /// The sensor's own name: its device, or one that is made up.
        case sensor
        case bay
        /// The value of a reading of one value, or the arrivals.
        case value
        case departures
        /// The time as the rule has the sensor write it.
        case observed
        /// The same time as a network server writes it.
        case received
        /// The number of the message.
        case number
        /// A text that no other message has.
        case message
    }

    /// What stands in one place.
    enum Leaf {
        case gap(Field)
        case word(Word)
    }

    /// One stretch of the text.
    enum Piece {
        case bytes([UInt8])
        case gap(Field)
        /// The same as a JSON string, with its quotes: what the operator chose may need escapes.
        case escaped(Field)
    }

    /// A value as it is written into its gap.
    enum Value {
        case none
        case number(Int)
        case percent(millionths: Int)
        case word(Word)
    }

    /// What one message says.
    struct Content {
        let post: SensorPost
        var sensor: Int
        var bay = 0
        var value = Value.none
        var departures = Value.none
        /// Which sensor of all those that number their messages it is, and the number.
        var numbering = 0
        var number = 0
        var observedMilliseconds: Int64 = 0
    }

    let layout: MessageLayout
    private let topic: [Piece]
    private let payload: [Piece]
    private let clock: ObservationClock
    private let numbersWrapAt: Int?

    /// Whether a message that comes late can be told from one that is new.
    let isDated: Bool

    /// Whether its messages have numbers.
    let isNumbered: Bool

    /// Whether the topic depends on what is read, and not on the sensor alone.
    let topicTellsReading: Bool

    /// The messages of a rule.
    ///
    /// - Parameter session: What tells the sensors' time in their network from any other; eight hexadecimal digits.
    /// - Throws: Why they can't be written.
    init(
        rule: Rule,
        fields: [MessageLayout.PlacedField],
        session: String
    ) throws(Simulator.Reason) {
        let layout = try MessageLayout(rule: rule, fields: fields, session: session)
        self.layout = layout
        let topic = Self.merged(try layout.topic())
        let payload = Self.merged(layout.payload)
        self.topic = topic
        self.payload = payload
        clock = rule.clock
        numbersWrapAt = rule.sequence?.wrapsAt
        // Of two messages of one minute nobody can tell the older.
        isDated =
            rule.observed != nil
            ? rule.clock.format != .hourMinute : rule.envelope != .none
        isNumbered = (topic + payload).contains { piece in
            switch piece {
            case .gap(.number), .gap(.message): true
            default: false
            }
        }
        topicTellsReading = topic.contains { piece in
            switch piece {
            case .gap(.value), .gap(.departures), .gap(.observed), .gap(.number): true
            default: false
            }
        }
    }

    /// The same text in fewer pieces.
    private static func merged(_ pieces: [Piece]) -> [Piece] {
        pieces.reduce(into: []) { merged, piece in
            if case .bytes(let more) = piece, case .bytes(let before)? = merged.last {
                merged[merged.count - 1] = .bytes(before + more)
            } else {
                merged.append(piece)
            }
        }
    }

    /// The topic of a message.
    func topic(_ content: Content) -> [UInt8] { text(topic, content) }

    /// The payload of a message.
    func payload(_ content: Content) -> [UInt8] { text(payload, content) }

    private func text(_ pieces: [Piece], _ content: Content) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        for piece in pieces {
            switch piece {
            case .bytes(let literal): bytes.append(contentsOf: literal)
            case .escaped(.device): bytes.append(contentsOf: content.post.deviceInJSON)
            case .escaped(.sensor) where content.post.device != nil:
                bytes.append(contentsOf: content.post.deviceInJSON)
            case .escaped(let field):
                bytes.append(UInt8(ascii: "\""))
                append(field, of: content, to: &bytes)
                bytes.append(UInt8(ascii: "\""))
            case .gap(let field): append(field, of: content, to: &bytes)
            }
        }
        return bytes
    }

    private func append(_ field: Field, of content: Content, to bytes: inout [UInt8]) {
        let post = content.post
        switch field {
        case .facility: bytes.append(contentsOf: post.facility)
        case .zone: bytes.append(contentsOf: post.zone)
        case .device: bytes.append(contentsOf: post.name)
        case .sensor:
            bytes.append(contentsOf: post.name)
            guard post.device == nil else { return }
            bytes.append(UInt8(ascii: "-"))
            Digits.append(content.sensor, to: &bytes)
        case .bay: Digits.append(content.bay, to: &bytes)
        case .value: append(content.value, to: &bytes)
        case .departures: append(content.departures, to: &bytes)
        case .observed:
            let offset = clock.offsetMilliseconds + post.clockOffsetMilliseconds
            append(observed: content.observedMilliseconds - offset, to: &bytes)
        case .received: Digits.append(time: content.observedMilliseconds, to: &bytes)
        case .number:
            Digits.append(numbersWrapAt.map { content.number % $0 } ?? content.number, to: &bytes)
        case .message: Digits.append(identity: content, to: &bytes)
        }
    }

    private func append(_ value: Value, to bytes: inout [UInt8]) {
        switch value {
        case .none: break
        case .number(let number): Digits.append(number, to: &bytes)
        case .percent(let millionths):
            if millionths < 0 { bytes.append(UInt8(ascii: "-")) }
            let (whole, part) = abs(millionths).quotientAndRemainder(dividingBy: 1_000_000)
            Digits.append(whole, to: &bytes)
            bytes.append(UInt8(ascii: "."))
            Digits.append(part, count: 6, to: &bytes)
        case .word(let word): bytes.append(contentsOf: word.bytes)
        }
    }

    /// A time as the sensor's clock shows it.
    private func append(observed milliseconds: Int64, to bytes: inout [UInt8]) {
        guard clock.format != .instant else {
            Digits.append(time: milliseconds, to: &bytes)
            return
        }
        let local = milliseconds + (clock.zone?.offset(at: milliseconds) ?? 0)
        guard clock.format == .hourMinute else {
            Digits.append(time: local, to: &bytes)
            // A zone that is not written.
            bytes.removeLast()
            return
        }
        let minutes = Int((local % 86_400_000 + 86_400_000) % 86_400_000 / 60_000)
        Digits.append(minutes / 60 * 100 + minutes % 60, count: 4, to: &bytes)
    }
}
