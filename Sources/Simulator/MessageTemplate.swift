import Parking

/// How a rule's messages are written: its topic and payload with gaps for what changes.
struct MessageTemplate {
    /// What stands in a gap.
    enum Field: String {
        case facility
        case bay
        /// The value of a reading of one value, or the arrivals.
        case value
        case departures
        case observed
    }

    /// One stretch of the text.
    enum Piece {
        case bytes([UInt8])
        case gap(Field)
        /// What stands where the rule reads nothing: the sensor's own name.
        case sensorName
    }

    /// A value as it is written into its gap.
    enum Value {
        case none
        case number(Int)
        case bytes([UInt8])
    }

    /// What one message says.
    struct Content {
        var facility: [UInt8]
        var sensor: Int
        var bay = 0
        var value = Value.none
        var departures = Value.none
        var observedMilliseconds: Int64 = 0
    }

    private(set) var topic: [Piece]
    private(set) var payload: [Piece]

    /// Whether a message says when it was observed.
    let hasObserved: Bool

    /// Where each field goes.
    ///
    /// - Throws: Why a message of this rule can't be written.
    init(
        rule: Rule,
        fields: [(field: Field, source: Rule.Source)]
    ) throws(Simulator.Reason) {
        var levels: [String: Field] = [:]
        var gaps: [(field: Field, pointer: String)] = []
        for (field, source) in fields {
            switch source {
            case .constant: break
            case .envelope, .sum: throw .notPlayed("envelope")
            case .capture(let name):
                guard rule.topic.captures.contains(name) else { throw .captureAbsent(name) }
                guard levels.updateValue(field, forKey: name) == nil else {
                    throw .sharedPlace("{\(name)}")
                }
            case .pointer(let pointer):
                guard rule.format == .json || pointer.isEmpty else { throw .insideText(pointer) }
                gaps.append((field, pointer))
            }
        }
        hasObserved = rule.observed != nil
        topic = Self.topicPieces(rule.topic, levels: levels)
        let tree = try JSONTree(gaps)
        switch rule.format {
        case .json: payload = Self.merged(tree.json)
        case .text: payload = gaps.first.map { [.gap($0.field)] } ?? [.bytes(Array("1".utf8))]
        }
    }

    private static func topicPieces(
        _ pattern: TopicPattern,
        levels: [String: Field]
    ) -> [Piece] {
        let madeUp = pattern.levels.lastIndex { level in
            switch level {
            case .any, .remainder: true
            case .capture(let name): levels[name] == nil
            case .literal: false
            }
        }
        var pieces: [Piece] = []
        for (index, level) in pattern.levels.enumerated() {
            if index > 0 { pieces.append(.bytes(Array("/".utf8))) }
            switch level {
            case .literal(let text): pieces.append(.bytes(Array(text.utf8)))
            case .capture(let name) where levels[name] != nil:
                levels[name].map { pieces.append(.gap($0)) }
            case .capture, .any, .remainder:
                pieces.append(index == madeUp ? .sensorName : .bytes(Array("simulated".utf8)))
            }
        }
        return merged(pieces)
    }

    /// Whether the topic depends on what is read, and not on the sensor alone.
    var topicTellsReading: Bool {
        topic.contains { piece in
            switch piece {
            case .gap(.value), .gap(.departures), .gap(.observed): true
            case .gap(.facility), .gap(.bay), .bytes, .sensorName: false
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
    func topic(_ content: Content) -> [UInt8] { Self.text(topic, content) }

    /// The payload of a message.
    func payload(_ content: Content) -> [UInt8] { Self.text(payload, content) }

    private static func text(_ pieces: [Piece], _ content: Content) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        for piece in pieces {
            switch piece {
            case .bytes(let literal): bytes.append(contentsOf: literal)
            case .sensorName:
                bytes.append(contentsOf: content.facility)
                bytes.append(UInt8(ascii: "-"))
                append(content.sensor, to: &bytes)
            case .gap(.facility): bytes.append(contentsOf: content.facility)
            case .gap(.bay): append(content.bay, to: &bytes)
            case .gap(.value): append(content.value, to: &bytes)
            case .gap(.departures): append(content.departures, to: &bytes)
            case .gap(.observed): append(time: content.observedMilliseconds, to: &bytes)
            }
        }
        return bytes
    }

    private static func append(_ value: Value, to bytes: inout [UInt8]) {
        switch value {
        case .none: break
        case .number(let number): append(number, to: &bytes)
        case .bytes(let word): bytes.append(contentsOf: word)
        }
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// RFC 3339 in UTC with milliseconds.
    private static func append(time milliseconds: Int64, to bytes: inout [UInt8]) {
        RFC3339.append(milliseconds, to: &bytes)
        let part = UInt16((milliseconds % 1000 + 1000) % 1000)
        bytes[bytes.count - 1] = UInt8(ascii: ".")
        bytes.append(UInt8(ascii: "0") + UInt8(part / 100))
        bytes.append(UInt8(ascii: "0") + UInt8(part / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(part % 10))
        bytes.append(UInt8(ascii: "Z"))
    }
}
