import Parking

/// A bay that has a sensor.
struct PlannedBay {
    let post: SensorPost
    /// Its number among those of the post.
    let number: Int
}

/// The ways in which a facility can be counted.
///
/// A way is a sensor in each bay; counters, or gates, for both directions; or a level. Rules that share a topic, as those of a
/// profile do, make one way together, and each plays its part: of four rules that read a bay every fourth bay is told by each. So
/// do rules that are each about one bay; and, of rules on other topics, the first that count one direction and the first
/// that count the other. Where it is zones that are counted, those of all zones are one way.
struct Ways {
    /// A way in which a site can be counted, and its weight.
    private struct Way {
        let site: SensorPlan.Site
        let weight: Double
    }

    /// What makes rules one way.
    private struct Family: Hashable {
        let topic: TopicPattern
        let subject: Rule.Source
        let isOfDevice: Bool
        let bayClass: BayClass?

        init(_ post: SensorPost) {
            let rule = post.readBy
            topic = rule.topic
            bayClass = rule.bayClass
            switch rule.subject {
            case .facility(let source): (subject, isOfDevice) = (source, false)
            case .device(let source): (subject, isOfDevice) = (source, true)
            }
        }
    }

    private let facility: Facility
    private let shares: Simulator.Options.Shares
    /// Those of the facility as a whole.
    private var whole: [Way] = []
    /// Those of each zone that has any.
    private var zoned: [[Way]] = []

    init(
        _ posts: [SensorPost],
        facility: Facility,
        shares: Simulator.Options.Shares
    ) {
        self.facility = facility
        self.shares = shares
        let others = posts.filter { !$0.isOfBays && !$0.isOfState }
        whole = bayWays(posts.filter(\.isOfBays))
        whole += ways(others.filter { $0.zoneIdentifier == nil }, capacity: facility.capacity)
        for zone in facility.zones {
            let posts = others.filter { $0.zoneIdentifier == zone.id }
            let ways = ways(posts, capacity: zone.capacity)
            if !ways.isEmpty { zoned.append(ways) }
        }
    }

    /// The rules that are part of one.
    var rules: Set<Int> {
        let ways = whole + zoned.flatMap { $0 }
        return Set(ways.flatMap { $0.site.rules })
    }

    /// What is counted, in one of the ways; empty where there is none.
    func choose(using random: inout RandomSource) -> [SensorPlan.Site] {
        let ofZones = zoned.compactMap { ways in ways.map(\.weight).max() }.max()
        let number = Self.draw(whole.map(\.weight) + (ofZones.map { [$0] } ?? []), using: &random)
        guard let number else { return [] }
        guard number == whole.count else { return [whole[number].site] }
        var sites: [SensorPlan.Site] = []
        for ways in zoned {
            guard let number = Self.draw(ways.map(\.weight), using: &random) else { continue }
            sites.append(ways[number].site)
        }
        return sites
    }

    private static func draw(_ weights: [Double], using random: inout RandomSource) -> Int? {
        var draw = random.fraction() * weights.reduce(0, +)
        let chosen = weights.firstIndex { weight in
            draw -= weight
            return draw < 0
        }
        return chosen ?? (weights.isEmpty ? nil : 0)
    }

    // MARK: Bays

    private func bayWays(_ posts: [SensorPost]) -> [Way] {
        var bays: [[PlannedBay]] = []
        let fixed = posts.filter { $0.isOneBay && $0.device == nil }
        if !fixed.isEmpty {
            bays.append(fixed.prefix(facility.capacity).map { PlannedBay(post: $0, number: 1) })
        }
        for family in grouped(posts.filter { !$0.isOneBay }, by: Family.init) {
            // Of one zone each, or of none.
            let rows = grouped(family) { $0.zoneIdentifier }
            bays.append(rows.flatMap { posts in row(of: posts) })
        }
        for family in grouped(posts.filter { $0.device != nil }, by: Family.init) {
            let devices = grouped(family) { $0.device?.identifier }
            bays.append(
                devices.enumerated().map { index, posts in
                    PlannedBay(post: posts[index % posts.count], number: index + 1)
                }
            )
        }
        return bays.map { bays in
            let site = SensorPlan.Site(facility: facility, capacity: bays.count, bays: bays)
            return Way(site: site, weight: shares.bays)
        }
    }

    /// The bays of a zone, told by sensors that take turns.
    private func row(of posts: [SensorPost]) -> [PlannedBay] {
        guard let first = posts.first else { return [] }
        return (0..<facility.bays(of: first)).map { index in
            PlannedBay(post: posts[index % posts.count], number: index + 1)
        }
    }

    // MARK: Counts

    /// The ways of counting with gates, counters and levels that are in one place.
    private func ways(_ posts: [SensorPost], capacity: Int) -> [Way] {
        func way(_ posts: [SensorPost], _ weight: Double) -> Way {
            let site = SensorPlan.Site(facility: facility, capacity: capacity, counting: posts)
            return Way(site: site, weight: weight)
        }
        let counters = posts.filter(\.isOfCounter)
        let gates = posts.filter(\.isOfGate)
        let levels = posts.filter { !$0.isOfCounter && !$0.isOfGate }
        return grouped(levels, by: Family.init).map { way($0, shares.levels) }
            + bothDirections(grouped(counters, by: Family.init).map(withoutRivals))
            .map { way($0, shares.counters) }
            + bothDirections(grouped(gates, by: Family.init)).map { way($0, shares.gates) }
    }

    /// Families that count both directions, or two that do so together.
    private func bothDirections(_ families: [[SensorPost]]) -> [[SensorPost]] {
        var both: [[SensorPost]] = []
        var arrivals: [SensorPost]?
        var departures: [SensorPost]?
        for family in families {
            switch (
                family.contains(where: \.countsArrivals), family.contains(where: \.countsDepartures)
            ) {
            case (true, true): both.append(family)
            case (true, false): arrivals = arrivals ?? family
            case (false, true): departures = departures ?? family
            case (false, false): break
            }
        }
        if let arrivals, let departures { both.append(arrivals + departures) }
        return both
    }

    /// The same sensors without those that would tell other totals of the same counter.
    private func withoutRivals(_ family: [SensorPost]) -> [SensorPost] {
        // What a sensor says at once comes before what it makes up for.
        let ordered =
            family.filter { $0.readBy.elements == nil }
            + family.filter { $0.readBy.elements != nil }
        var kept: [SensorPost] = []
        for post in ordered {
            let rivals = kept.filter { $0.isCounter(of: post) }
            let isNew = !rivals.contains { rival in
                rival.countsArrivals && post.countsArrivals
                    || rival.countsDepartures && post.countsDepartures
            }
            if isNew { kept.append(post) }
        }
        return kept
    }

    /// The posts that have something in common, together, in their order.
    private func grouped<Key: Hashable>(
        _ posts: [SensorPost],
        by key: (SensorPost) -> Key
    ) -> [[SensorPost]] {
        var places: [Key: Int] = [:]
        var groups: [[SensorPost]] = []
        for post in posts {
            let place = places[key(post), default: groups.count]
            if place == groups.count {
                places[key(post)] = place
                groups.append([])
            }
            groups[place].append(post)
        }
        return groups
    }
}

extension SensorPost {
    /// The rule that reads it.
    var readBy: Rule { sensor.template.layout.rule }

    var isOfBays: Bool { if case .bay = sensor.kind { true } else { false } }
    var isOfState: Bool { if case .state = sensor.kind { true } else { false } }
    fileprivate var isOfGate: Bool { if case .movement = sensor.kind { true } else { false } }
    fileprivate var isOfCounter: Bool { if case .counter = sensor.kind { true } else { false } }

    /// Whether it counts in one direction alone.
    var isHalf: Bool { countsArrivals != countsDepartures }

    /// Whether another one tells totals of the same counter, as the daemon knows it.
    func isCounter(of other: SensorPost) -> Bool {
        guard case .counter(_, _, _, let name) = readBy.kind,
            case .counter(_, _, _, let otherName) = other.readBy.kind
        else { return false }
        return name == otherName && readBy.topic == other.readBy.topic
            && device?.identifier == other.device?.identifier && zone == other.zone
    }
}
