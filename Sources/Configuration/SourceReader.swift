internal import Parking

/// Reads where the fields of a rule come from.
struct SourceReader {
    /// The rule's topic; nil after a complaint.
    let topic: TopicPattern?
    let format: Rule.Format?
    let hasSeparator: Bool
    let hasEnvelope: Bool

    private static let envelopePrefix = "envelope:"

    /// Where ChirpStack puts the tags that an operator gave a device, which are nobody's badge.
    private static let tagsOfDevice = "/deviceInfo/tags/"

    /// A source as it is written: `"{name}"`, a JSON Pointer, or a constant.
    func source(_ element: Element) -> Rule.Source? {
        if element.isMapping {
            element.complain("must be a single value; a captured level is in quotes: \"{name}\"")
            return nil
        }
        guard let text = element.text() else { return nil }
        return source(text, element)
    }

    /// The source of a text; complaints go to the element.
    func source(_ text: String, _ element: Element) -> Rule.Source? {
        if text.isEmpty || text.first == "/" {
            guard pointer(text, element) else { return nil }
            guard text.isEmpty || format != .text || isField(text) else {
                element.complain(
                    hasSeparator
                        ? "the fields of a text are /0, /1, /2 and so on, not \(quoted(text))"
                        : "with 'format: text' the payload is the value: the only pointer is \"\"; "
                            + "a 'separator' makes fields of it"
                )
                return nil
            }
            return .pointer(text)
        }
        if text.hasPrefix(Self.envelopePrefix) {
            let pointerText = String(text.dropFirst(Self.envelopePrefix.count))
            guard hasEnvelope else {
                element.complain("the rule has no envelope: add 'envelope', or give a JSON Pointer")
                return nil
            }
            guard pointer(pointerText, element, below: Self.tagsOfDevice) else { return nil }
            return .envelope(pointerText)
        }
        guard text.contains("{") || text.contains("}") else { return .constant(text) }
        return capture(text, element)
    }

    private func capture(_ text: String, _ element: Element) -> Rule.Source? {
        let name = String(text.dropFirst().dropLast())
        guard text.first == "{", text.last == "}", !name.contains("{"), !name.contains("}") else {
            element.complain("\(quoted(text)) must be a single {name} and nothing else")
            return nil
        }
        guard let topic else { return .capture(name) }
        guard topic.captures.contains(name) else {
            let near = nearest(to: name, among: topic.captures)
            let hint = near.map { "; did you mean '{\($0)}'?" } ?? ""
            element.complain("the topic has no level \(quoted(text))\(hint)")
            return nil
        }
        return .capture(name)
    }

    /// Whether a text is a JSON Pointer to nothing personal.
    ///
    /// - Parameter harmless: A beginning that is not personal, however it is called.
    private func pointer(_ text: String, _ element: Element, below harmless: String = "") -> Bool {
        guard Self.isPointer(text) else {
            element.complain(
                "\(quoted(text)) is no JSON Pointer: '~' is only allowed as ~0 (for ~) "
                    + "and ~1 (for /)"
            )
            return false
        }
        let rest = text.hasPrefix(harmless) ? text.dropFirst(harmless.count) : text[...]
        let names = rest.split(separator: "/")
        guard let name = names.first(where: PersonalField.names) else { return true }
        element.complain(PersonalField.complaint(name))
        return false
    }

    /// Whether a text is a JSON Pointer.
    ///
    /// Source: RFC 6901, section 3.
    static func isPointer(_ text: String) -> Bool {
        guard text.isEmpty || text.first == "/" else { return false }
        let bytes = Array(text.utf8)
        return bytes.indices.allSatisfy { index in
            guard bytes[index] == UInt8(ascii: "~") else { return true }
            guard index + 1 < bytes.count else { return false }
            return bytes[index + 1] == UInt8(ascii: "0") || bytes[index + 1] == UInt8(ascii: "1")
        }
    }

    private func isField(_ text: String) -> Bool {
        guard hasSeparator, let number = WholeNumber.value(text.dropFirst()) else { return false }
        return (0...255).contains(number)
    }

    /// A source of something that is another in every message.
    func variable(_ element: Element, _ what: String) -> Rule.Source? {
        let source = source(element)
        if case .constant(let text) = source {
            element.complain(
                "\(what) can't be the constant \(quoted(text)); give a JSON Pointer or a \"{name}\""
            )
            return nil
        }
        return source
    }

    /// A source of a count, or a list of those that are added; a constant must be one itself.
    func count(_ element: Element) -> Rule.Source? {
        guard !element.isScalar, !element.isMapping else { return single(element) }
        guard let items = element.items() else { return nil }
        guard (2...32).contains(items.count) else {
            element.complain("a sum has 2 to 32 parts, not \(items.count)")
            return nil
        }
        let sources = items.compactMap(single)
        return sources.count == items.count ? .sum(sources) : nil
    }

    private func single(_ element: Element) -> Rule.Source? {
        let source = source(element)
        guard case .constant(let text) = source else { return source }
        guard let value = WholeNumber.value(text), (0...Facility.maximumCount).contains(value)
        else {
            element.complain(
                "a constant must be a whole number from 0 to \(Facility.maximumCount), "
                    + "not \(quoted(text)); a JSON Pointer begins with '/'"
            )
            return nil
        }
        return source
    }
}

/// Reads conditions: `{/type: [heartbeat, startup], /occupied: {present: true}, /position: {not: tilt}}`.
struct ConditionReader {
    let sources: SourceReader

    /// The most words of one condition.
    private static let maximumWords = 256

    func all(_ element: Element) -> [Rule.Condition]? {
        guard let keys = element.keys() else { return nil }
        let entries = keys.takeAll()
        keys.finish()
        guard !entries.isEmpty else {
            element.complain("holds no condition; remove it or add one such as /type: heartbeat")
            return nil
        }
        let conditions = entries.compactMap { condition($0.key, $0.value) }
        return conditions.count == entries.count ? conditions : nil
    }

    private func condition(_ key: String, _ element: Element) -> Rule.Condition? {
        guard let source = sources.source(key, element) else { return nil }
        if case .constant = source {
            element.complain(
                "\(quoted(key)) is always the same; a condition is on a JSON Pointer or a \"{name}\""
            )
            return nil
        }
        return test(element).map { Rule.Condition(source, $0) }
    }

    private func test(_ element: Element) -> Rule.Condition.Test? {
        guard element.isMapping, let keys = element.keys() else {
            return words(element).map { .isOneOf($0) }
        }
        let present = keys.take("present")
        let other = keys.take("not")
        keys.finish()
        guard (present == nil) != (other == nil) else {
            element.complain(
                "must be a word, a list of words, {not: …} or {present: true or false}"
            )
            return nil
        }
        if let present { return present.boolean().map { .isPresent($0) } }
        return other.flatMap(words).map { .isNoneOf($0) }
    }

    private func words(_ element: Element) -> [String]? {
        guard let items = element.itemsOrSelf() else { return nil }
        guard items.count <= Self.maximumWords else {
            element.complain("has \(items.count) words; \(Self.maximumWords) are allowed")
            return nil
        }
        let words = items.compactMap { $0.text() }
        return words.count == items.count ? words : nil
    }
}

/// Reads what a rule says of the sensor itself.
struct HealthReader {
    let sources: SourceReader

    func health(_ element: Element) -> Rule.Health? {
        guard let keys = element.keys() else { return nil }
        if keys.isEmpty {
            element.complain("says nothing; remove it or add a key such as silent_after: 26h")
        }
        func conditions(_ key: String) -> [Rule.Condition] {
            keys.take(key).flatMap { ConditionReader(sources: sources).all($0) } ?? []
        }
        func duration(_ key: String) -> Duration? {
            keys.take(key).flatMap { $0.duration(in: .seconds(1)...ConfigurationReader.longest) }
        }
        let health = Rule.Health(
            batteryPercent: keys.take("battery").flatMap { sources.variable($0, "a battery") },
            batteryVolts: keys.take("battery_volts").flatMap { sources.variable($0, "a battery") },
            batteryLow: conditions("battery_low"),
            fault: conditions("fault"),
            tamper: conditions("tamper"),
            obstructed: conditions("obstructed"),
            lowBatteryPercent: keys.take("low_battery").flatMap { $0.decimal(in: 0...100) },
            lowBatteryVolts: keys.take("low_battery_volts").flatMap { $0.decimal(in: 0...100) },
            silentAfter: duration("silent_after"),
            stuckAfter: duration("stuck_after")
        )
        keys.finish()
        return health
    }
}

/// Reads lists of words and what they mean.
struct WordReader {
    let sources: SourceReader

    /// Reads the lists of words under `values`.
    ///
    /// - Parameter required: Whether every meaning needs a word, since nothing else could ever say it.
    func words<Value: Hashable & Sendable>(
        _ element: Element,
        _ meanings: KeyValuePairs<String, Value>,
        required: Bool
    ) -> Rule.Words<Value>? {
        guard let values = element.keys() else { return nil }
        var result: [String: Value] = [:]
        var owners: [String: String] = [:]
        for (key, meaning) in meanings {
            let list =
                required
                ? values.require(key, "the words that mean \(key)") : values.take(key)
            for item in list.flatMap({ $0.itemsOrSelf() }) ?? [] {
                guard let word = item.text() else { continue }
                if sources.format == .text,
                    word.first?.isWhitespace == true || word.last?.isWhitespace == true
                {
                    item.complain(
                        "\(quoted(word)) never matches: white space around a payload does not count"
                    )
                }
                if let owner = owners.updateValue(key, forKey: word) {
                    item.complain(
                        owner == key
                            ? "the word \(quoted(word)) is there twice"
                            : "the word \(quoted(word)) means '\(owner)' already"
                    )
                }
                result[word] = meaning
            }
        }
        values.finish()
        if !required, owners.isEmpty { element.complain("holds no word; remove it or add one") }
        return Rule.Words(result)
    }
}

/// Reads how the sensors of a rule write their time: `{field: /ud_time, format: hhmm, zone: Europe/London, offset: -90s}`.
struct ClockReader {
    let sources: SourceReader
    let zones: ZoneReader

    /// Where the time stands and how it is written; nil after a complaint.
    func clock(_ element: Element) -> (source: Rule.Source, clock: ObservationClock)? {
        guard let keys = element.keys() else { return nil }
        let source = keys.require("field", "where the message says it")
            .flatMap { sources.variable($0, "a time") }
        let format = keys.take("format").or(.instant) {
            $0.choice(of: ObservationClock.Format.self)
        }
        let zoneElement = keys.take("zone")
        let zone = zoneElement.flatMap(zones.offsets)
        let offset = keys.take("offset").or(.zero) {
            $0.signedDuration(in: DeviceReader.clockOffsets)
        }
        keys.finish()
        if format == .instant {
            zoneElement?.complain(
                "an instant needs no zone; remove it, or say 'format: hhmm' or 'format: local'"
            )
        }
        guard let source, let format, let offset else { return nil }
        return (
            source,
            ObservationClock(
                format: format,
                zone: zone,
                offsetMilliseconds: offset.wholeMilliseconds
            )
        )
    }
}
