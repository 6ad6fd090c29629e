public import Parking
import Synchronization

/// How each sensor is: when it was last heard, its battery, its faults, its clock.
///
/// A sensor is a device where messages name one, and a topic where they don't. It is measured by the first rule that hears it
/// and has a `silent_after` or a `stuck_after`; a message under any rule is a sign of life.
///
/// **Shape.** Eight 64-bit words a sensor: 64 bytes, and its name. Sensors beyond the capacity are not kept, but counted: a flood
/// of names comes from a fault or an attack.
///
/// **Threads.** Any, without waiting; only a sensor's first message takes ``NameTable``'s lock. A reader may see a sensor in the
/// middle of its message: its words are about one another only by chance, and the next look sees the rest.
public final class SensorHealth: @unchecked Sendable {
    /// The most sensors that are kept.
    public var capacity: Int { names.capacity }

    /// How far a clock may be off before it is worth a look, in milliseconds.
    ///
    /// Half of what a reading from the future may be ahead: a drifting clock is seen before its readings lose their time.
    public static let clockTolerance: Int64 = 150_000

    private let names: NameTable
    private let rows: Chunks<SensorRow>
    private let limits: [HealthLimits]
    private let start: Moment
    private let untrackedCount = Atomic<Int>(0)

    /// A table of no sensor.
    ///
    /// - Parameters:
    ///   - capacity: The most sensors; `limits.sensors` of the configuration.
    ///   - limits: What the sensors of each rule are measured by, in the order of the rules.
    ///   - start: From when on an expected sensor may be silent.
    public init(capacity: Int, limits: [HealthLimits], start: Moment) {
        let capacity = min(capacity, NameTable.maximumCapacity)
        names = NameTable(capacity: capacity)
        rows = Chunks(capacity: capacity)
        self.limits = limits
        self.start = start
    }

    // MARK: Writing

    /// Takes note of a message of a sensor.
    ///
    /// - Parameters:
    ///   - sensor: Its device, or its topic.
    ///   - rule: The number of the rule that read the message.
    ///   - isRetained: A broker hands out a retained message long after its sensor has died: it is no sign of life.
    /// - Returns: Whether the sensor is kept; false beyond the capacity, which is counted.
    @discardableResult
    public func heard(
        _ sensor: Span<UInt8>,
        rule: Int,
        _ report: HealthReport = HealthReport(),
        isRetained: Bool = false,
        at now: Moment
    ) -> Bool {
        guard let number = insert(sensor) else {
            untrackedCount.add(1, ordering: .relaxed)
            return false
        }
        let watching = rows[number].take(
            rule: rule,
            isHeard: true,
            isTimed: { self.limits(of: $0).areTimed },
            report: report
        )
        if isRetained {
            rows[number].expect(from: now)
        } else {
            rows[number].heard(at: now)
        }
        // What another rule reads of the sensor is something else, and no change.
        if let digest = report.valueDigest, watching == rule {
            rows[number].say(digest, at: now)
        }
        // What a broker has kept was sent whenever it was.
        if !isRetained, let error = report.clockError { rows[number].clock(error, at: now) }
        return true
    }

    /// Takes note of a sensor that ought to be heard, such as one of a registry.
    ///
    /// - Parameter rule: What it is measured by until it is heard.
    /// - Returns: Whether the sensor is kept; false beyond the capacity, which is counted.
    @discardableResult
    public func expect(_ sensor: Span<UInt8>, rule: Int) -> Bool {
        guard let number = insert(sensor) else {
            untrackedCount.add(1, ordering: .relaxed)
            return false
        }
        _ = rows[number].take(
            rule: rule,
            isHeard: false,
            isTimed: { self.limits(of: $0).areTimed },
            report: HealthReport()
        )
        rows[number].expect(from: start)
        return true
    }

    /// Takes over what another table knows of its sensors, and forgets what is known here of the same ones.
    ///
    /// Both tables are at rest meanwhile: the former one's writers have ended, and this one's have not begun.
    ///
    /// - Parameter rule: From the name of a sensor and the number of its rule there to the number of that rule here; nil leaves the
    ///   sensor out.
    public func adopt(
        _ former: SensorHealth,
        rule: (_ sensor: Span<UInt8>, _ former: Int) -> Int?
    ) {
        for sensor in 0..<former.count {
            guard let known = former.state(of: sensor).rule else { continue }
            former.withName(of: sensor) { name in
                guard let rule = rule(name, known) else { return }
                guard let number = insert(name) else {
                    untrackedCount.add(1, ordering: .relaxed)
                    return
                }
                rows[number].copy(former.rows[sensor], rule: rule)
            }
        }
    }

    // MARK: Reading

    /// The number of sensors.
    public var count: Int { names.count }

    /// How many messages came from sensors that are not kept, and how many expected sensors are not.
    public var untracked: Int { untrackedCount.load(ordering: .relaxed) }

    /// What is known of a sensor, by its number below ``count``.
    public func state(of sensor: Int) -> SensorState { rows[sensor].state }

    /// What is wrong with a sensor now.
    public func conditions(of state: SensorState, at now: Moment) -> SensorConditions {
        guard let rule = state.rule else { return [] }
        let limits = limits(of: rule)
        var conditions: SensorConditions = []
        if let limit = limits.silentAfter,
            Self.isLonger(state.waitingMilliseconds, now.monotonicMilliseconds, than: limit)
        {
            conditions.insert(.silent)
        }
        // Between its own messages: a sensor that said the same and then fell silent is silent.
        if let limit = limits.stuckAfter, let changed = state.changedMilliseconds,
            !conditions.contains(.silent),
            Self.isLonger(changed, state.waitingMilliseconds, than: limit)
        {
            conditions.insert(.stuck)
        }
        if let battery = state.battery, limits.isLow(battery) { conditions.insert(.lowBattery) }
        if !state.faults.isEmpty { conditions.insert(.faulty) }
        if let error = state.clockError, error.magnitude > Self.clockTolerance.magnitude {
            conditions.insert(.wrongClock)
        }
        return conditions
    }

    /// Hands over the name of a sensor: bytes from the network.
    public func withName<Result>(of sensor: Int, _ body: (_ name: Span<UInt8>) -> Result) -> Result
    {
        names.withName(sensor) { name, _ in body(name) }
    }

    // MARK: Inside

    private func insert(_ sensor: Span<UInt8>) -> Int? {
        names.insert(sensor) { rows.prepare($0) { SensorRow() } }
    }

    private func limits(of rule: Int) -> HealthLimits {
        rule < limits.count ? limits[rule] : HealthLimits()
    }

    /// Saturating: "for ever" is a legal length of time.
    private static func isLonger(_ from: Int64, _ to: Int64, than limit: Duration) -> Bool {
        let (sum, overflow) = from.addingReportingOverflow(limit.wholeMilliseconds)
        return !overflow && to > sum
    }
}

/// What is known of one sensor.
public struct SensorState: Equatable, Sendable {
    /// The number of the rule that it is measured by; nil for a moment before its first message is noted.
    public var rule: Int?

    /// When it was last heard, in milliseconds since 1970 (UTC); nil where it was never heard.
    public var heardWallMilliseconds: Int64?

    /// The monotonic time since which we wait for it: of its last message, or since it is expected.
    public var waitingMilliseconds: Int64

    /// The battery as it was last reported.
    public var battery: Battery?

    /// The faults as they were last reported.
    public var faults: FaultFlags

    /// The monotonic time at which it began to say what it says; nil where that isn't known.
    public var changedMilliseconds: Int64?

    /// How far its clock was ahead of ours at its last message, in milliseconds.
    public var clockError: Int64?

    /// By how many milliseconds a day its clock gains on ours; nil before an hour has passed.
    public var clockDrift: Int64?
}

/// The words of one sensor.
private struct SensorRow: ~Copyable {
    private static let never = Int64.min

    private let heardWall = Atomic<Int64>(SensorRow.never)
    private let waiting = Atomic<Int64>(SensorRow.never)
    private let digest = Atomic<UInt64>(0)
    private let changed = Atomic<Int64>(SensorRow.never)
    private let clockError = Atomic<Int64>(SensorRow.never)
    private let firstClockError = Atomic<Int64>(SensorRow.never)
    private let firstClock = Atomic<Int64>(SensorRow.never)
    private let packed = Atomic<UInt64>(0)

    func heard(at now: Moment) {
        heardWall.store(now.wallMilliseconds, ordering: .relaxed)
        waiting.store(now.monotonicMilliseconds, ordering: .relaxed)
    }

    func expect(from now: Moment) {
        _ = waiting.compareExchange(
            expected: Self.never,
            desired: now.monotonicMilliseconds,
            ordering: .relaxed
        )
    }

    func say(_ value: UInt64, at now: Moment) {
        guard
            digest.load(ordering: .relaxed) != value
                || changed.load(ordering: .relaxed) == Self.never
        else { return }
        digest.store(value, ordering: .relaxed)
        changed.store(now.monotonicMilliseconds, ordering: .relaxed)
    }

    func clock(_ error: Int64, at now: Moment) {
        // The mark of nothing is no error that a clock has.
        clockError.store(max(error, -Int64.max), ordering: .relaxed)
        guard firstClock.load(ordering: .relaxed) == Self.never else { return }
        firstClockError.store(max(error, -Int64.max), ordering: .relaxed)
        firstClock.store(now.monotonicMilliseconds, ordering: .relaxed)
    }

    /// Becomes what another row is, but for its rule.
    func copy(_ other: borrowing SensorRow, rule: Int) {
        heardWall.store(other.heardWall.load(ordering: .relaxed), ordering: .relaxed)
        waiting.store(other.waiting.load(ordering: .relaxed), ordering: .relaxed)
        digest.store(other.digest.load(ordering: .relaxed), ordering: .relaxed)
        changed.store(other.changed.load(ordering: .relaxed), ordering: .relaxed)
        clockError.store(other.clockError.load(ordering: .relaxed), ordering: .relaxed)
        firstClockError.store(other.firstClockError.load(ordering: .relaxed), ordering: .relaxed)
        firstClock.store(other.firstClock.load(ordering: .relaxed), ordering: .relaxed)
        var health = PackedHealth(word: other.packed.load(ordering: .relaxed))
        health.rule = rule
        packed.store(health.word, ordering: .relaxed)
    }

    /// Takes what a report says, and returns the number of the rule that the sensor is measured by.
    func take(rule: Int, isHeard: Bool, isTimed: (Int) -> Bool, report: HealthReport) -> Int {
        // What was only expected was so by a guess.
        let isFirst = isHeard && heardWall.load(ordering: .relaxed) == Self.never
        var current = packed.load(ordering: .relaxed)
        while true {
            var next = PackedHealth(word: current)
            if let known = next.rule {
                // The first in the order of the configuration, whatever the order of the messages.
                let isBetter = isTimed(rule) && (!isTimed(known) || rule < known || isFirst)
                if isBetter { next.rule = rule }
            } else {
                next.rule = rule
            }
            if let battery = report.battery { next.battery = battery }
            if let faults = report.faults { next.faults = faults }
            let word = next.word
            // Most messages say nothing new: then the line of memory stays where it is.
            guard word != current else { return next.rule ?? rule }
            let (exchanged, original) = packed.compareExchange(
                expected: current,
                desired: word,
                ordering: .relaxed
            )
            if exchanged { return next.rule ?? rule }
            current = original
        }
    }

    var state: SensorState {
        let packed = PackedHealth(word: packed.load(ordering: .relaxed))
        func known(_ word: borrowing Atomic<Int64>) -> Int64? {
            let value = word.load(ordering: .relaxed)
            return value == Self.never ? nil : value
        }
        let heard = known(heardWall)
        let since = known(waiting) ?? .max
        let error = known(clockError)
        var drift: Int64?
        let hour: Int64 = 3_600_000
        if let error, let firstError = known(firstClockError), let first = known(firstClock),
            heard != nil, since - first >= hour
        {
            let gained = Double(error) - Double(firstError)
            drift = Int64(exactly: (gained / Double(since - first) * 24 * Double(hour)).rounded())
        }
        return SensorState(
            rule: packed.rule,
            heardWallMilliseconds: heard,
            waitingMilliseconds: since,
            battery: packed.battery,
            faults: packed.faults,
            changedMilliseconds: known(changed),
            clockError: error,
            clockDrift: drift
        )
    }
}

/// Rule, battery and faults in one word.
///
/// **Shape.** Bits 0 to 31 the battery's value as a `Float`; 32 and 33 its kind (none, percent, volts, low); 34 to 41
/// the faults; 42 to 63 the number of the rule + 1, 0 where there is none.
struct PackedHealth: Equatable {
    var rule: Int?
    var battery: Battery?
    var faults: FaultFlags

    init(rule: Int?, battery: Battery?, faults: FaultFlags) {
        self.rule = rule
        self.battery = battery
        self.faults = faults
    }

    init(word: UInt64) {
        let value = Double(Float(bitPattern: UInt32(truncatingIfNeeded: word)))
        battery =
            switch word >> 32 & 3 {
            case 1: .percent(value)
            case 2: .volts(value)
            case 3: .low(value != 0)
            default: nil
            }
        faults = FaultFlags(rawValue: UInt8(truncatingIfNeeded: word >> 34))
        let biased = Int(word >> 42)
        rule = biased == 0 ? nil : biased - 1
    }

    var word: UInt64 {
        let (kind, value): (UInt64, Double) =
            switch battery {
            case nil: (0, 0)
            case .percent(let percent): (1, percent)
            case .volts(let volts): (2, volts)
            case .low(let isLow): (3, isLow ? 1 : 0)
            }
        // Rules beyond 22 bits are none that anybody writes; they share the last number.
        let biased = UInt64(min((rule ?? -1) + 1, (1 << 22) - 1))
        return UInt64(Float(value).bitPattern) | kind << 32 | UInt64(faults.rawValue) << 34
            | biased << 42
    }
}
