public import Parking

/// What the sensors of a town would send, as a stream without an end that follows from a seed alone.
///
/// Vehicles come and go in each facility as a Poisson process that follows a curve of the day. Each facility is counted
/// in one way that the rules can read, chosen by the seed (``Options/shares``), and tells its operating state beside it
/// where a rule reads one. A message has what the rule reads, what its conditions ask for, and the envelope of the network server that
/// it names. What no sensor speaks for stands in ``omissions``.
///
/// Facilities that are counted by counters or gates begin empty, as such counts do; the others begin as full as their hour
/// has them. Observation times rise from message to message of one sensor, by at least a millisecond.
///
/// Shape: events in a heap, a few words for each bay and facility, and the messages that are held back; nothing grows with time.
/// Units: milliseconds since 1970 (UTC). It reads no clock: the caller publishes each message when it is due.
/// Threads: a value; one owner at a time.
public struct Simulator: Sendable {
    let options: Options
    let clock: SimulatedClock
    /// The sensors, or rows of them.
    var posts: [SensorPost] = []
    var random: RandomSource
    var queue = EventQueue()
    var now: Int64
    var sites: [SimulatedSite] = []
    var bays: [SimulatedBay] = []
    /// The bays of each site in its range, the occupied ones first.
    var order: [Int] = []
    var devices: [SimulatedDevice] = []
    /// The number of the next message of each sensor that numbers its messages.
    private var numbers: [Int] = []
    /// Which sensor's numbers those are, by what the daemon knows it by.
    private var numberings: [Numbering: Int] = [:]
    private var ready: [SimulatedMessage] = []
    private var readyIndex = 0
    private var held: [SimulatedMessage?] = []
    private var freeSlots: [Int] = []

    /// The rules and facilities that are not simulated, and why.
    public let omissions: [Omission]

    /// Sensors for these facilities, whose messages these rules read.
    ///
    /// - Parameters:
    ///   - rules: In the order of the configuration: no sensor sends what another rule would read.
    ///   - devices: Those of the operator's list: a rule that names a device has a sensor for each that it may be about.
    ///   - startMilliseconds: The time of the first messages, and the hour at which the day's curve begins.
    public init(
        facilities: [Facility],
        rules: [Rule],
        devices: [Device] = [],
        options: Options = Options(),
        seed: UInt64,
        startMilliseconds: Int64
    ) {
        precondition(options.rate.map { $0 > 0 } ?? true, "a rate is above 0")
        var random = RandomSource(seed: seed)
        let plan = SensorPlan(
            facilities: facilities,
            rules: rules,
            devices: devices,
            shares: options.shares,
            session: Self.session(startMilliseconds),
            using: &random
        )
        let curves = plan.sites.map { _ in DayCurve(using: &random) }
        let expected = zip(plan.sites, curves).reduce(0) { sum, site in
            sum + Self.expectedRate(of: site.0, site.1, options: options)
        }
        self.options = options
        self.random = random
        omissions = plan.omissions
        now = startMilliseconds
        clock = SimulatedClock(
            startMilliseconds: startMilliseconds,
            scale: expected > 0 ? options.rate.map { $0 / 1000 / expected } ?? 1 : 1
        )
        for (site, curve) in zip(plan.sites, curves) { build(site, curve) }
        numberings = [:]
    }

    /// What tells the sensors of this run from those of another: they joined their network when it began.
    private static func session(_ startMilliseconds: Int64) -> String {
        let digits = String(UInt32(truncatingIfNeeded: startMilliseconds), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The vehicles that are really inside each counted facility, when the last message was sent.
    ///
    /// Cost: it grows with the number of facilities.
    public var truth: [FacilityIdentifier: Int] {
        Dictionary(
            sites.filter(\.isCounted).map { ($0.facility, $0.occupied) },
            uniquingKeysWith: +
        )
    }

    /// The next message, or nil where no sensor can be simulated.
    public mutating func next() -> SimulatedMessage? {
        while readyIndex == ready.count {
            ready.removeAll(keepingCapacity: true)
            readyIndex = 0
            guard let event = queue.next() else { return nil }
            now = event.time
            switch event.action {
            case .traffic(let site): traffic(site: site)
            case .heartbeat(let bay): heartbeat(bay: bay)
            case .report(let site): report(site: site)
            case .operating(let site): tellState(site: site)
            case .release(let slot): release(slot: slot)
            }
        }
        defer { readyIndex += 1 }
        return ready[readyIndex]
    }

    /// Sends what a sensor says now: at once, late, or twice.
    mutating func send(_ content: MessageTemplate.Content, isRetained: Bool = false) {
        let template = content.post.sensor.template
        let message = SimulatedMessage(
            dueMilliseconds: clock.time(now),
            topic: template.topic(content),
            payload: template.payload(content),
            qualityOfService: options.qualityOfService,
            isRetained: isRetained
        )
        if template.isDated, random.happens(options.lateProbability) {
            hold(message, for: random.uniform(options.lateDelay.milliseconds))
            return
        }
        ready.append(message)
        if random.happens(options.duplicateProbability) {
            hold(message, for: random.uniform(1...2000))
        }
    }

    /// Sends a message some milliseconds, in the caller's time, from now.
    private mutating func hold(_ message: SimulatedMessage, for delay: Double) {
        let slot = freeSlots.popLast() ?? held.count
        if slot == held.count { held.append(nil) }
        held[slot] = message
        queue.add(.release(slot: slot), at: now + Int64((delay * clock.scale).rounded(.up)))
    }

    private mutating func release(slot: Int) {
        guard var message = held[slot] else { return }
        held[slot] = nil
        freeSlots.append(slot)
        message.dueMilliseconds = clock.time(now)
        ready.append(message)
    }

    // MARK: Numbers

    /// What the daemon knows a sensor by that numbers its messages.
    private struct Numbering: Hashable {
        let facility: FacilityIdentifier
        let topic: [UInt8]
        /// The device, where the payload says it.
        let device: String?
    }

    /// Which numbers those of a sensor's messages are: those on one topic, and of one device there, have the same.
    mutating func numbering(of content: MessageTemplate.Content, facility: FacilityIdentifier)
        -> Int
    {
        let post = content.post
        let template = post.sensor.template
        guard template.isNumbered else { return 0 }
        let numbering = Numbering(
            facility: facility,
            topic: template.topic(content),
            device: post.device?.identifier
        )
        if let known = numberings[numbering] { return known }
        numberings[numbering] = numbers.count
        // A network server counts from 0, which The Things Stack leaves out; that of 1 is always there.
        numbers.append(post.readBy.sequence == nil ? 1 : 0)
        return numbers.count - 1
    }

    /// The number of the next message.
    mutating func nextNumber(of numbering: Int, _ template: MessageTemplate) -> Int {
        guard template.isNumbered else { return 0 }
        defer { numbers[numbering] += 1 }
        return numbers[numbering]
    }

    /// An interval of this length, give or take a tenth.
    mutating func jittered(_ interval: Duration) -> Int64 {
        Int64(random.uniform(0.9...1.1) * Double(max(1000, interval.wholeMilliseconds)))
    }

    /// When a sensor that just spoke speaks again, if it dies now.
    mutating func silence(after interval: Duration) -> Int64? {
        guard random.happens(options.deathsPerDay * interval.days) else { return nil }
        return now + Int64(random.uniform(options.silence.milliseconds))
    }
}

/// The caller's time of each moment of the simulated days.
struct SimulatedClock: Sendable {
    let startMilliseconds: Int64
    /// The simulated milliseconds that pass in one of the caller's.
    let scale: Double

    func time(_ simulated: Int64) -> Int64 {
        startMilliseconds + Int64(Double(simulated - startMilliseconds) / scale)
    }
}

/// One facility, or a zone that is counted by itself, and how it is sensed.
struct SimulatedSite: Sendable {
    let facility: FacilityIdentifier
    let capacity: Int
    let curve: DayCurve
    /// The most vehicles that find room.
    let limit: Int
    /// Its range in `order` and `bays`; empty where the bays have no sensors.
    let bays: Range<Int>
    /// What counts it, beside its bays, in `devices`.
    let counting: Range<Int>
    /// Those of them that count the vehicles that come, and those that count the ones that go; each vehicle passes one of these.
    let entrances: [Int]
    let exits: [Int]
    /// What tells its state, in `devices`.
    let state: Int?
    var occupied = 0
    var operating = OperatingState.open
    var operatingUntil = Int64.min
    var hasTraffic = false
    /// What the next traffic event brings.
    var pending = Transit.none

    var isCounted: Bool { !bays.isEmpty || !counting.isEmpty }
}

/// A vehicle that passes.
enum Transit: Sendable {
    case none
    case arrival
    case departure
}

/// A bay with a sensor.
struct SimulatedBay: Sendable {
    let site: Int
    /// Its sensor, in `posts`.
    let post: Int
    /// Its number among the bays of the post.
    let number: Int
    let numbering: Int
    /// Its place in `order`.
    var place: Int
    var observedMilliseconds = Int64.min
    var silentUntil = Int64.min
}

/// A gate, counter, level or state sensor.
struct SimulatedDevice: Sendable {
    let site: Int
    let post: SensorPost
    /// Its number among the sensors of its facility.
    let number: Int
    let numbering: Int
    /// The vehicles counted as in and as out: in all for a counter, since the last message for a gate.
    var arrivals = 0
    var departures = 0
    var observedMilliseconds = Int64.min
    var silentUntil = Int64.min
}

extension Duration {
    /// This duration as a share of a day.
    var days: Double { Double(wholeMilliseconds) / 86_400_000 }
}

extension ClosedRange<Duration> {
    /// The bounds in milliseconds.
    fileprivate var milliseconds: ClosedRange<Double> {
        Double(lowerBound.wholeMilliseconds)...Double(upperBound.wholeMilliseconds)
    }
}
