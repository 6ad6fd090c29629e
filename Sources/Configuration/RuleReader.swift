internal import Parking

/// Reads the rules.
struct RuleReader {
    /// What is known of the facilities that rules may name.
    let places: RulePlaces

    /// The longest topic that is accepted; nil where it isn't known.
    let topicBytes: Int?

    /// Where profiles are.
    let profiles: ProfileReader

    /// A rule that was read already, and takes all that its topic matches.
    private typealias Winner = (topic: TopicPattern, path: String)

    func rules(_ element: Element?) -> [Rule]? {
        guard let items = element?.items() else { return nil }
        var rules: [Rule] = []
        var winners: [Winner] = []
        var areRead = true
        for (index, item) in items.enumerated() {
            guard let keys = item.keys() else {
                areRead = false
                continue
            }
            let topicElement = keys.require("topic", "the topics that the rule reads")
            let topic = topicElement.flatMap(topic)
            if let topic, let topicElement {
                if let winner = winners.first(where: { $0.topic.covers(topic) }) {
                    topicElement.complain(
                        "this rule never matches: \(winner.path) (\(quoted(winner.topic.text))) "
                            + "comes first and takes all its topics"
                    )
                }
            }
            let read = read(item, keys, topic)
            guard let read, let topic else {
                areRead = false
                // A rule that is wrong is still in the way of those behind it.
                if let topic, !mayPass(item) { winners.append((topic, item.path)) }
                continue
            }
            // A profile before it moved it among the rules, and not in the file.
            let isMoved = rules.count != index
            rules += read.map { rule in
                var rule = rule
                if isMoved, rule.place == nil { rule.place = item.path }
                return rule
            }
            if read.contains(where: { $0.conditions.isEmpty && !$0.continues }) {
                winners.append((topic, item.path))
            }
        }
        return areRead ? rules : nil
    }

    /// Whether a rule that can't be read may leave messages to others.
    private func mayPass(_ item: Element) -> Bool {
        item.has("when") || item.has("continue") || item.has("profile")
    }

    /// The rule of an item, or the rules of the profile that it names.
    private func read(_ item: Element, _ keys: NodeReader, _ topic: TopicPattern?) -> [Rule]? {
        guard let profileElement = keys.take("profile") else {
            let parts = RuleParts(keys: keys, item: item, topic: topic, places: places)
            return parts.rule().map { [$0] }
        }
        let overrides = keys.take(RuleParts.placeKeys)
        for key in RuleParts.keys {
            keys.refuse(
                key,
                "a rule with a profile has no \(quoted(key)); copy what you need of the profile instead"
            )
        }
        keys.finish()
        return profiles.bodies(profileElement)?.enumerated().map { index, profile -> Rule? in
            let (name, body) = profile
            guard let bodyKeys = body.keys() else { return nil }
            for key in RuleParts.placeKeys where key != "envelope" && overrides[key] == nil {
                guard !["bay", "observed", "threshold", "zone"].contains(key) else { continue }
                bodyKeys.refuse(
                    key,
                    "where a sensor is stands in the rule that uses the profile; remove it here"
                )
            }
            bodyKeys.overrides = overrides
            let parts = RuleParts(
                keys: bodyKeys,
                item: item,
                topic: topic,
                places: places,
                isOfProfile: true
            )
            var rule = parts.rule()
            rule?.place = "\(item.path) (\(name)[\(index)])"
            return rule
        }
        .reduce(into: [Rule]?([])) { rules, rule in
            if let rule { rules?.append(rule) } else { rules = nil }
        }
    }

    private func topic(_ element: Element) -> TopicPattern? {
        if element.isMapping {
            element.complain("must be in quotes, because it begins with '{'")
            return nil
        }
        guard let text = element.text() else { return nil }
        do {
            let topic = try TopicPattern(text)
            if let topicBytes, topic.filter.utf8.count > topicBytes {
                element.complain(
                    "is \(topic.filter.utf8.count) bytes long as a topic filter; "
                        + "limits.topic_bytes allows \(topicBytes)"
                )
            }
            for capture in topic.captures where PersonalField.names(capture) {
                element.complain(PersonalField.complaint(capture))
            }
            return topic
        } catch {
            element.complain(error.message)
            return nil
        }
    }
}

/// What rules may name as the place of a reading.
struct RulePlaces {
    /// The identifiers of all facilities; nil where they are not all known, so that no rule is blamed for it.
    let identifiers: [String]?

    /// The identifiers of the zones of each facility; nil where they are not all known.
    let zones: [String: [String]]?

    /// Whether there is a list of devices.
    let hasDevices: Bool

    /// Reads the names of time zones.
    let timeZones: ZoneReader
}

/// Fields that hold what belongs to a person.
///
/// Only what a rule names is read at all, so a rule must not name these.
enum PersonalField {
    /// What names of such fields contain, in letters and digits of ASCII alone: `matrícula` has lost its í.
    private static let parts = [
        "plate", "kennzeichen", "nummernschild", "matricula", "matrcula", "registrationnumber",
        "vehicleregistration", "licensenumber", "licencenumber", "tagid", "cardid", "badgeid",
        "userid", "username", "rfid", "driverid", "drivername", "drivercard", "driverlicen",
        "driverslicen", "email", "phone", "iban", "imei", "msisdn", "firstname", "lastname",
        "surname", "forename", "givenname", "familyname", "fullname", "cardholder",
    ]

    /// What they are called as a whole; `text` is what AXIS' cameras call the plate.
    ///
    /// Not `name` or `uid`: so sensors call themselves and their bays.
    private static let wholes = [
        "vrm", "vrn", "lpn", "epc", "tag", "tags", "text", "driver", "drivers", "kfz",
        "registration", "reg", "regno", "carreg", "carregno", "vehiclereg", "vehicleregno",
        "vehicleid", "regnr",
    ]

    /// Words that say, where nothing but a qualifier follows them, that the field is one: a `ticket`, an `entryTicketNo`.
    ///
    /// The last word of a name is what it is: a `ticket_machine_state` is a state, a `person_count` a count, an `lp_mode` a mode.
    /// Not `mac`: so sensors and gateways call themselves. Not `vehicle`, which is there or not.
    private static let marks: Set<String> = [
        "license", "licence", "lp", "lpr", "anpr", "alpr", "targa", "owner", "person",
        "customer", "user", "imsi", "mobile", "card", "badge", "ticket",
    ]

    /// Words that say only how a mark is written.
    private static let qualifiers: Set<String> = [
        "id", "uid", "no", "nr", "num", "number", "code", "name", "text", "value", "string",
        "result", "hash",
    ]

    /// What contains one of the parts and is nothing of the kind.
    private static let harmless = ["template"]

    /// Whether a name is that of such a field.
    static func names(_ name: some StringProtocol) -> Bool {
        let letters = name.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        let plain = harmless.reduce(letters) { $0.replacing($1, with: "") }
        if wholes.contains(plain) || parts.contains(where: { plain.contains($0) }) { return true }
        return words(of: name).last { !qualifiers.contains($0) }.map(marks.contains) ?? false
    }

    /// The words of `snake_case`, `camelCase` and `RFIDReader`, in small letters; digits are none.
    private static func words(of name: some StringProtocol) -> [String] {
        let characters = Array(name)
        var words = [""]
        for (index, character) in characters.enumerated() {
            guard character.isLetter else {
                words.append("")
                continue
            }
            let isAfterSmall = index > 0 && characters[index - 1].isLowercase
            let isBeforeSmall = index + 1 < characters.count && characters[index + 1].isLowercase
            if character.isUppercase, isAfterSmall || isBeforeSmall { words.append("") }
            words[words.count - 1] += character.lowercased()
        }
        return words.filter { !$0.isEmpty }
    }

    /// What to say about a rule that names one.
    static func complaint(_ name: some StringProtocol) -> String {
        "\(quoted(name)) looks like a number plate or another mark of a person, which is never read; "
            + "remove it, or ask the sender for a field without it"
    }
}
