import Parking

/// Which rules speak for which facility: one way of counting each, chosen by the seed, and a state beside it.
///
/// Two ways at once would count every vehicle twice. See ``Ways`` for what makes one.
struct SensorPlan {
    /// What is counted together: a facility, or a zone of one.
    struct Site {
        let facility: Facility
        /// The vehicles that it has room for.
        let capacity: Int
        /// Each bay that has a sensor.
        var bays: [PlannedBay] = []
        /// What counts it beside bays.
        var counting: [SensorPost] = []
        /// What tells the state of its facility.
        var state: SensorPost?

        /// The rules that count it.
        var rules: Set<Int> {
            var rules = Set(counting.map(\.rule))
            var last: SensorPost?
            for bay in bays where bay.post !== last {
                rules.insert(bay.post.rule)
                last = bay.post
            }
            return rules
        }
    }

    private let rules: [Rule]
    private let devices: [FacilityIdentifier: [Device]]
    private let hasConditions: Bool
    /// Whether a device that is in no bay may be one that counts.
    private let countsDevices: Bool
    private var admitted: Set<Int> = []
    private let sensors: [RuleSensor?]
    private(set) var sites: [Site] = []
    private(set) var omissions: [Simulator.Omission] = []

    init(
        facilities: [Facility],
        rules: [Rule],
        devices: [Device],
        shares: Simulator.Options.Shares,
        session: String,
        using random: inout RandomSource
    ) {
        self.rules = rules
        self.devices = Dictionary(grouping: devices, by: \.facility)
        hasConditions = rules.contains { !$0.conditions.isEmpty }
        let known = Set(facilities.map(\.id.text))
        var sensors: [RuleSensor?] = []
        var reasons: [Simulator.Reason?] = []
        for rule in rules {
            do throws(Simulator.Reason) {
                if case .facility(.constant(let text)) = rule.subject, !known.contains(text) {
                    throw .unknownFacility(text)
                }
                sensors.append(try RuleSensor(rule, session: session))
                reasons.append(nil)
            } catch {
                sensors.append(nil)
                reasons.append(error)
            }
        }
        self.sensors = sensors
        countsDevices = zip(rules, sensors).contains { rule, sensor in
            switch sensor?.kind {
            case .movement, .counter, .level: rule.isOfDevice
            case .bay, .state, nil: false
            }
        }
        for (index, reason) in reasons.enumerated() {
            if let reason { omit(reason, rule: index) }
        }
        for facility in facilities { plan(facility, shares: shares, using: &random) }
        for index in rules.indices
        where rules[index].isOfDevice && sensors[index] != nil && !admitted.contains(index) {
            omit(.noDevice, rule: index)
        }
    }

    /// Notes an omission, together with those of other facilities for the same reason.
    private mutating func omit(
        _ reason: Simulator.Reason,
        rule: Int?,
        facility: FacilityIdentifier? = nil
    ) {
        let same = omissions.firstIndex { $0.ruleIndex == rule && $0.reason == reason }
        if let same {
            guard let facility, omissions[same].facilities.last != facility else { return }
            omissions[same].facilities.append(facility)
        } else {
            omissions.append(
                .init(
                    ruleIndex: rule,
                    place: rule.map(rules.place),
                    facilities: facility.map { [$0] } ?? [],
                    reason: reason
                )
            )
        }
    }

    private mutating func plan(
        _ facility: Facility,
        shares: Simulator.Options.Shares,
        using random: inout RandomSource
    ) {
        let posts = rules.indices.flatMap { usable(rule: $0, at: facility) }
        let ways = Ways(posts, facility: facility, shares: shares)
        var chosen = ways.choose(using: &random)
        if chosen.isEmpty { omit(.uncounted, rule: nil, facility: facility.id) }
        var played = Set(chosen.flatMap(\.rules))
        if let state = posts.first(where: \.isOfState) {
            if chosen.isEmpty { chosen = [Site(facility: facility, capacity: facility.capacity)] }
            chosen[0].state = state
            played.insert(state.rule)
        }
        let inWays = ways.rules
        for rule in Set(posts.map(\.rule)).subtracting(played).sorted() {
            let isAlone =
                !inWays.contains(rule) && posts.contains { $0.rule == rule && $0.isHalf }
            omit(isAlone ? .oneDirection : .anotherCounts, rule: rule, facility: facility.id)
        }
        sites += chosen
    }

    // MARK: Where a rule has sensors

    /// The sensors that a rule would hear from at this facility; where it would hear from none, says why if that is news.
    private mutating func usable(rule index: Int, at facility: Facility) -> [SensorPost] {
        guard let sensor = sensors[index] else { return [] }
        var posts: [SensorPost] = []
        for place in places(of: index, sensor, at: facility) {
            do throws(Simulator.Reason) {
                posts.append(try post(index, sensor, place, at: facility))
            } catch {
                omit(error, rule: index, facility: facility.id)
            }
        }
        return posts
    }

    /// Where a sensor is: its device, and the zone that it watches.
    private struct Place {
        var device: Device?
        var zone: ZoneIdentifier?
        /// Whether its zone is one that the facility doesn't have.
        var isNowhere = false
    }

    private mutating func places(
        of index: Int,
        _ sensor: RuleSensor,
        at facility: Facility
    ) -> [Place] {
        let rule = rules[index]
        let zones = zones(of: rule, at: facility)
        switch rule.subject {
        case .facility(.constant(let text)) where text != facility.id.text: return []
        case .facility:
            guard let zones else { return [Place()] }
            return zones.isEmpty ? [Place(isNowhere: true)] : zones.map { Place(zone: $0) }
        case .device:
            let admitted = devices(for: rule, sensor, at: facility)
            if !admitted.isEmpty { self.admitted.insert(index) }
            return admitted.map { device in
                let zone = device.zone ?? zones?.first
                return Place(device: device, zone: zone, isNowhere: zones != nil && zone == nil)
            }
        }
    }

    /// The zones of a facility that a rule can name; nil where it names none.
    private func zones(of rule: Rule, at facility: Facility) -> [ZoneIdentifier]? {
        guard let source = rule.zone else { return nil }
        guard case .constant(let text) = source else { return facility.zones.map(\.id) }
        return facility.zones.map(\.id).filter { $0.text == text }
    }

    /// The devices there that may be sensors of a rule.
    ///
    /// The list doesn't say what a device is. One that names a bay is in it. One that names none counts, where a rule reads
    /// devices that count; and where none does it is a bay of its own name.
    private func devices(
        for rule: Rule,
        _ sensor: RuleSensor,
        at facility: Facility
    ) -> [Device] {
        let all = devices[facility.id] ?? []
        switch sensor.kind {
        case .bay(let isFixed, _):
            var bays = all.filter { $0.bay != nil }
            if bays.isEmpty, !countsDevices {
                let unnamed = all.filter { $0.direction == .forward }
                bays = isFixed ? Array(unnamed.prefix(1)) : unnamed
            }
            guard let bayClass = rule.bayClass else { return bays }
            return bays.filter { $0.bayClass == nil || $0.bayClass == bayClass }
        // Vehicles of one class are no facility's count.
        case .movement, .counter, .level: return all.filter { $0.bay == nil && $0.bayClass == nil }
        case .state: return Array(all.prefix(1))
        }
    }

    private func post(
        _ index: Int,
        _ sensor: RuleSensor,
        _ place: Place,
        at facility: Facility
    ) throws(Simulator.Reason) -> SensorPost {
        if place.isNowhere { throw .noZone }
        let post = SensorPost(
            rule: index,
            sensor: sensor,
            facility: facility.id,
            device: place.device,
            zone: place.zone
        )
        let bays = facility.bays(of: post)
        switch sensor.kind {
        case .bay where !post.isOneBay || post.device == nil, .movement, .level(_, unit: .percent):
            if bays == 0 { throw .noBay }
        case .bay, .counter, .level, .state: break
        }
        if let device = post.device { try check(device, sensor.template.layout) }
        let count = post.isOfBays && !post.isOneBay ? bays : 1
        if let obstacle = obstacle(for: post, bays: count) { throw obstacle }
        return post
    }

    /// Refuses a name that can't stand where the rule reads it.
    private func check(
        _ device: Device,
        _ layout: MessageLayout
    ) throws(Simulator.Reason) {
        let isInTopic = layout.levels.values.contains { leaf in
            if case .gap(.device) = leaf { true } else { false }
        }
        if isInTopic, !Word.isLevel(device.identifier) { throw .unfitLevel(device.identifier) }
        guard let separator = layout.rule.separator else { return }
        if !isInTopic, device.identifier.contains(separator) {
            throw .unfitField(device.identifier)
        }
    }

    // MARK: Who reads a message

    /// Why the rule doesn't read the messages of its sensors as it should, if that is so.
    private func obstacle(for post: SensorPost, bays: Int) -> Simulator.Reason? {
        let rule = rules[post.rule]
        let template = post.sensor.template
        guard post.rule > 0 || rule.continues || !rule.conditions.isEmpty else { return nil }
        var content = MessageTemplate.Content(post: post, sensor: 1)
        let values: [MessageTemplate.Value] =
            switch post.sensor.kind {
            case .bay: [post.occupied, post.vacant]
            case .state(let words):
                OperatingState.allCases.compactMap { words[$0] }.map { .word($0) }
            case .movement, .counter, .level: [.number(0)]
            }
        for bay in 1...bays {
            (content.bay, content.sensor) = (bay, bay)
            for value in values {
                content.value = value
                content.departures = value
                let topic = template.topic(content)
                let levels = topic.split(
                    separator: UInt8(ascii: "/"),
                    omittingEmptySubsequences: false
                )
                let probe = MessageLayout.Probe(content: content, levels: levels)
                if let obstacle = obstacle(probe, to: rule, post) { return obstacle }
                if !template.topicTellsReading, !hasConditions { break }
            }
        }
        return nil
    }

    private func obstacle(
        _ probe: MessageLayout.Probe,
        to rule: Rule,
        _ post: SensorPost
    ) -> Simulator.Reason? {
        let layout = post.sensor.template.layout
        for (index, other) in rules.enumerated() {
            if index == post.rule {
                let unmet = rule.conditions.first { layout.holds($0, of: rule, probe) != true }
                if let unmet { return .conditionUnmet("\(unmet)") }
                if !rule.continues { return nil }
                continue
            }
            guard other.topic.matches(probe.levels) else { continue }
            let isOfItsKind =
                other.format == rule.format && other.separator == rule.separator
                && (other.envelope == rule.envelope || other.envelope == .none)
            let isRead = isOfItsKind ? layout.meetsConditions(of: other, probe) : nil
            if isRead == false { continue }
            let isHarmless = isOfItsKind && !other.kind.counts
            if isHarmless, other.continues { continue }
            if index < post.rule, !other.continues { return .takenBy(rules.place(of: index)) }
            if !isHarmless { return .alsoRead(rules.place(of: index)) }
            if isRead == true { return nil }
        }
        return nil
    }
}

extension Rule.Kind {
    /// Whether it says anything of vehicles, and not of the sensor alone.
    fileprivate var counts: Bool {
        switch self {
        case .heartbeat, .health: false
        case .bay, .movement, .counter, .occupied, .vacant, .state: true
        }
    }
}

extension Facility {
    /// The bays that a sensor can tell of: those of its zone and of its rule's class, as far as they are known.
    func bays(of post: SensorPost) -> Int {
        let zone = post.zoneIdentifier.flatMap { identifier in zones.first { $0.id == identifier } }
        let classes = zone?.classes ?? classes
        let ofClass = post.readBy.bayClass.flatMap { bayClass in
            classes.first { $0.bayClass == bayClass }?.capacity
        }
        return ofClass ?? zone?.capacity ?? capacity
    }
}
