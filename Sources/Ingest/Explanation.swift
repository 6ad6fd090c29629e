import JSONDocument
public import Occupancy
public import Parking

/// What one message would do, step by step, for a person who asks why.
public struct Explanation: Equatable, Sendable {
    /// The rules of the topic in the order in which they were tried.
    public var attempts: [Attempt] = []

    /// What is wrong with the message as a whole; a refusal changes nothing, the others are only noted.
    public var incident: Incident?

    /// The rule whose topic is nearest, where the topic is that of none.
    public var nearest: Nearest?

    /// Whether the message yields a reading.
    public var isRead: Bool { attempts.contains { !$0.readings.filter(\.isRead).isEmpty } }

    /// Whether the message changes nothing, and somebody should look why.
    public var isRefused: Bool {
        let incidents =
            [incident] + attempts.flatMap { [$0.incident] + $0.readings.map(\.incident) }
        return !isRead && incidents.contains { $0?.isRefusal == true }
    }

    /// A rule that was tried.
    public struct Attempt: Equatable, Sendable {
        /// The number of the rule.
        public var rule: Int
        /// Its conditions, each with what it found; up to the first that does not hold.
        public var conditions: [Condition] = []
        /// Whether all of them hold.
        public var isMeant = false
        /// What it read: one reading, or one an element of its array.
        public var readings: [Outcome] = []
        /// What the network server says of the sensor, where there is no reading.
        public var health: HealthReport?
        /// The device that it says it of, where a registry was asked.
        public var device: String?
        /// What kept it from reading anything.
        public var incident: Incident?
    }

    /// A condition and what it found.
    public struct Condition: Equatable, Sendable {
        /// The condition.
        public var condition: Rule.Condition
        /// What stands there, as JSON writes it; nil where nothing does.
        public var value: String?
        /// Whether it holds.
        public var holds: Bool
    }

    /// A field and what it found.
    public struct Field: Equatable, Sendable {
        /// The rule's key.
        public var name: String
        /// Where it comes from.
        public var source: Rule.Source
        /// What stands there, as JSON writes it; nil where nothing does.
        public var value: String?
    }

    /// What a rule made of one reading.
    public struct Outcome: Equatable, Sendable {
        /// The fields that it looked at; not those that the registry answers.
        public var fields: [Field] = []
        /// The device, where a registry was asked.
        public var device: String?
        /// What it is about: `podium`, `podium/level-1`, `podium/level-1/disabled`.
        public var part: String?
        /// The bay of a bay reading.
        public var bay: String?
        /// What a measured number is compared with, with the device's own limit where it has one.
        public var threshold: Rule.Threshold?
        /// What it says.
        public var reading: Reading?
        /// When the sensor observed it; nil where the time of reception counts.
        public var observedMilliseconds: Int64?
        /// The number that the sensor gave the message.
        public var sequence: Int?
        /// What it says of the sensor, where that is kept.
        public var health: HealthReport?
        /// What is wrong with it.
        public var incident: Incident?
        /// What is wrong with its time, whether it is read or not.
        public var remark: Incident?

        /// Whether it is a reading that counts.
        public var isRead: Bool { reading != nil }
    }

    /// A rule whose topic is not that of the message, and the first level that differs.
    public struct Nearest: Equatable, Sendable {
        /// The number of the rule.
        public var rule: Int
        /// The level, from 1.
        public var level: Int
        /// What the rule wants there; nil where it wants no more levels.
        public var wanted: String?
        /// What the topic has there; nil where it has no more levels.
        public var found: String?
    }
}

extension IngestPlan {
    /// Reads a message as the stream would, without applying it.
    public func explain(topic: Span<UInt8>, payload: Span<UInt8>, at now: Moment) -> Explanation {
        var explanation = Explanation()
        var decoder = Decoder(plan: self)
        do {
            var next: CompiledRule? = try decoder.route(topic)
            var last: CompiledRule?
            var isRead = false
            while let rule = next {
                last = rule
                let attempt = attempt(rule, &decoder, topic, payload, at: now)
                explanation.attempts.append(attempt)
                isRead = isRead || attempt.isMeant
                let isLast =
                    attempt.incident != nil || attempt.health != nil
                    || attempt.isMeant && !rule.continues
                next = isLast ? nil : decoder.next(after: rule, topic)
                if isLast { isRead = true }
            }
            if !isRead {
                explanation.incident = .noCondition
                if let last { try knowDevice(last, &decoder, topic, payload) }
            }
        } catch {
            explanation.incident = error
            if error == .noRule { explanation.nearest = nearest(topic) }
        }
        return explanation
    }

    /// Refuses a message that is not about parking, and is that of an unknown device; what else is wrong with it nobody has to know.
    private func knowDevice(
        _ rule: CompiledRule,
        _ decoder: inout Decoder,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) {
        do {
            _ = try decoder.sign(rule, topic: topic, payload: payload)
        } catch {
            if error == .unknownDevice { throw error }
        }
    }

    private func attempt(
        _ rule: CompiledRule,
        _ decoder: inout Decoder,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        at now: Moment
    ) -> Explanation.Attempt {
        var attempt = Explanation.Attempt(rule: rule.number)
        do {
            let opening = try decoder.open(rule, topic: topic, payload: payload)
            if case .health(let report) = opening {
                attempt.health = report
                do { _ = try decoder.place(rule, topic, payload) } catch {
                    attempt.incident = error
                }
                if rule.isOfDevice {
                    attempt.device = String(decoding: decoder.deviceName, as: UTF8.self)
                }
                return attempt
            }
            attempt.conditions = conditions(rule, decoder, topic, payload)
            guard case .open(let count) = opening else { return attempt }
            attempt.isMeant = true
            for element in 0..<count {
                attempt.readings.append(
                    outcome(rule, element, &decoder, topic, payload, at: now)
                )
            }
        } catch {
            attempt.incident = error
        }
        return attempt
    }

    /// The conditions of a rule up to the first that does not hold.
    private func conditions(
        _ rule: CompiledRule,
        _ decoder: borrowing Decoder,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) -> [Explanation.Condition] {
        var conditions: [Explanation.Condition] = []
        for (condition, compiled) in zip(rules[rule.number].conditions, rule.conditions) {
            let holds = decoder.holds(compiled, rule, topic, payload)
            let value = decoder.shown(compiled.source, rule, topic, payload)
            conditions.append(
                Explanation.Condition(condition: condition, value: value, holds: holds)
            )
            if !holds { break }
        }
        return conditions
    }

    private func outcome(
        _ rule: CompiledRule,
        _ element: Int,
        _ decoder: inout Decoder,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        at now: Moment
    ) -> Explanation.Outcome {
        var outcome = Explanation.Outcome()
        let written = rules[rule.number]
        do {
            let decoded = try decoder.decode(
                rule,
                element: element,
                topic: topic,
                payload: payload,
                at: now
            )
            outcome.part = parts.identifier(of: decoded.facility)
            outcome.reading = decoded.reading
            outcome.observedMilliseconds = decoded.observed
            outcome.sequence = decoded.sequence?.number
            outcome.health = decoded.health
            outcome.remark = decoded.clockIncident
            switch decoded.reading {
            case .bay, .hold: outcome.bay = String(decoding: decoder.bayName, as: UTF8.self)
            default: break
            }
        } catch {
            outcome.incident = error
            outcome.remark = decoder.clockIncident(rule, topic, payload, at: now)
        }
        if rule.isOfDevice { outcome.device = String(decoding: decoder.deviceName, as: UTF8.self) }
        let device = rule.isOfDevice ? device(decoder.deviceName.span) : nil
        if case .bay(_, _, _, let threshold?) = written.kind {
            outcome.threshold = Rule.Threshold(
                limit: device?.threshold ?? threshold.limit,
                hysteresis: threshold.hysteresis,
                side: threshold.side
            )
        }
        let fields = written.namedSources.filter { named in
            switch named.name {
            case "bay": device?.bay == nil
            case "zone": device?.isPart != true
            default: true
            }
        }
        outcome.fields = fields.map { named in
            let source = CompiledSource(
                named.source,
                of: written,
                isInElement: named.isInElement
            )
            return Explanation.Field(
                name: named.name,
                source: named.source,
                value: decoder.shown(source, rule, topic, payload)
            )
        }
        return outcome
    }

    /// The rule whose topic has most levels in common with another, and the first that differs.
    private func nearest(_ topic: Span<UInt8>) -> Explanation.Nearest? {
        var levels = TopicLevels()
        levels.split(topic)
        let found = (0..<levels.count).map { level in
            let range = levels.range(level)
            return String(decoding: range.map { topic[$0] }, as: UTF8.self)
        }
        var best: (nearest: Explanation.Nearest, score: Int)?
        for (number, rule) in rules.enumerated() {
            let wanted = rule.topic.levels
            var score = 0
            var first: Int?
            for index in 0..<max(wanted.count, found.count) {
                guard index < wanted.count, index < found.count else {
                    first = first ?? index
                    score -= 2
                    continue
                }
                switch wanted[index] {
                case .literal(let text) where text != found[index]: first = first ?? index
                case .literal: score += 3
                case .any, .capture, .remainder: score += 1
                }
            }
            guard let first, score > best?.score ?? .min else { continue }
            let nearest = Explanation.Nearest(
                rule: number,
                level: first + 1,
                wanted: first < wanted.count ? Self.text(of: wanted[first]) : nil,
                found: first < found.count ? found[first] : nil
            )
            best = (nearest, score)
        }
        return best?.nearest
    }

    private static func text(of level: TopicPattern.Level) -> String {
        switch level {
        case .literal(let text): text
        case .capture(let name): "{\(name)}"
        case .any: "+"
        case .remainder: "#"
        }
    }
}

extension Decoder {
    /// What is wrong with the time of a reading that is refused for something else.
    fileprivate mutating func clockIncident(
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        at now: Moment
    ) -> Incident? {
        do {
            let place = try place(rule, topic, payload)
            return observed(rule, place, topic, payload, at: now).1
        } catch {
            // Nobody knows whose clock it is.
            return nil
        }
    }

    /// What stands at a source, as JSON writes it; nil where nothing does.
    borrowing func shown(
        _ source: CompiledSource,
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) -> String? {
        field(source, rule, topic, payload) { kind, text in
            switch kind {
            case .absent: nil
            case .null: "null"
            case .boolean(let value): value ? "true" : "false"
            case .integer(let value): String(value)
            case .large: "a number beyond 64 bits"
            case .real(let value): "\(value)"
            case .string:
                "\"" + String(decoding: (0..<text.count).map { text[$0] }, as: UTF8.self) + "\""
            case .container: "an array or an object"
            }
        }
    }
}
