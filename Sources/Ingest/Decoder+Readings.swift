import JSONDocument
import Occupancy
import Parking

/// Fields to readings.
extension Decoder {
    /// A reading of a message that a rule has opened.
    ///
    /// - Parameter element: The number of the element, below the number of readings.
    mutating func decode(
        _ rule: CompiledRule,
        element: Int,
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        at now: Moment
    ) throws(Incident) -> Decoded {
        self.element = element
        let place = try place(rule, topic, payload)
        var decoded = Decoded(
            facility: place.facility,
            reading: try reading(rule, place, topic, payload)
        )
        if place.device?.bay != nil, decoded.reading.isCount { throw .countOfBay }
        if case .counter(_, _, let wrapsAt) = rule.kind {
            decoded.wrapsAt = wrapsAt
            decoded.isReversed = place.isReversed
        }
        decoded.sequence = try sequence(rule, topic, payload)
        (decoded.observed, decoded.clockIncident) = observed(rule, place, topic, payload, at: now)
        // Without a time it would be taken for the total of now, and the next live one for a leap.
        if rule.isHistory, decoded.observed == nil { throw .untimedTotal }
        if rule.health != nil {
            decoded.health = health(rule, decoded, topic, payload, at: now)
        }
        return decoded
    }

    /// Where a reading belongs, and what the registry says of its device.
    struct Place {
        var facility: Int
        var device: CompiledDevice?

        /// Whether the sensor's in is out.
        var isReversed: Bool { device?.isReversed ?? false }
    }

    /// The facility, or the part of it, that a message is about.
    mutating func place(
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) -> Place {
        var place = Place(facility: 0)
        if rule.isOfDevice {
            try readDeviceName(rule, topic, payload)
            guard let device = plan.device(deviceName.span) else { throw .unknownDevice }
            place = Place(facility: device.facility, device: device)
            guard !device.isPart else {
                place.facility = device.part
                guard device.bayClass == nil, let bayClass = rule.bayClass else { return place }
                let zone = plan.parts.parts[device.part].zone
                let part = plan.parts.part(facility: device.facility, zone: zone, class: bayClass)
                place.facility = part ?? device.part
                return place
            }
        } else {
            place.facility = try field(rule.subject, rule, topic, payload) {
                kind,
                text throws(Incident) in
                switch kind {
                case .string: break
                case .absent, .null: throw .fieldMissing
                default: throw .fieldHasWrongType
                }
                guard let facility = plan.facility(text) else { throw .unknownFacility }
                return facility
            }
        }
        guard rule.zone != nil || rule.bayClass != nil || place.device?.bayClass != nil else {
            return place
        }
        var zone: Int?
        if let source = rule.zone {
            let facility = place.facility
            zone = try field(source, rule, topic, payload) { kind, text throws(Incident) in
                try zoneNumber(kind, text, facility: facility)
            }
        }
        let bayClass = place.device?.bayClass ?? rule.bayClass
        guard
            let part = plan.parts.part(facility: place.facility, zone: zone, class: bayClass)
        else { throw .unknownZone }
        place.facility = part
        return place
    }

    private func zoneNumber(
        _ kind: JSONKind,
        _ text: Span<UInt8>,
        facility: Int
    ) throws(Incident) -> Int {
        let zone: Int?
        switch kind {
        case .string: zone = plan.parts.zone(text, facility: facility)
        case .integer(let number):
            let digits = Array(String(number).utf8)
            zone = plan.parts.zone(digits.span, facility: facility)
        case .absent, .null: throw .fieldMissing
        default: throw .fieldHasWrongType
        }
        guard let zone else { throw .unknownZone }
        return zone
    }

    private mutating func reading(
        _ rule: CompiledRule,
        _ place: Place,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) -> Reading {
        switch rule.kind {
        case .bay(let bay, let occupied, let words, let threshold):
            try readBayName(bay, rule, place, topic, payload)
            if let threshold {
                let zero = isZeroWhenAbsent(occupied, rule)
                let value = try field(occupied, rule, topic, payload) {
                    kind,
                    text throws(Incident) in
                    zero && kind == .absent ? 0 : try Scalar.decimal(kind, text)
                }
                return threshold.reading(value, limit: place.device?.threshold)
            }
            return .bay(occupied: try word(occupied, rule, topic, payload, in: words))
        case .heartbeat(let bay):
            try readBayName(bay, rule, place, topic, payload)
            return .hold(otherwise: nil)
        case .movement(let arrivals, let departures, let code):
            let bounds = 0...65_535
            let inwards =
                try count(arrivals, rule, topic, payload, bounds, resetAbove: code) ?? 0
            let outwards =
                try count(departures, rule, topic, payload, bounds, resetAbove: code) ?? 0
            return place.isReversed
                ? .movement(arrivals: outwards, departures: inwards)
                : .movement(arrivals: inwards, departures: outwards)
        case .counter(let arrivals, let departures, let wrapsAt):
            let bounds = 0...((wrapsAt ?? CounterTotals.maximum + 1) - 1)
            let inwards = try count(arrivals, rule, topic, payload, bounds, wrapsAt: wrapsAt)
            let outwards = try count(departures, rule, topic, payload, bounds, wrapsAt: wrapsAt)
            return place.isReversed
                ? .counter(arrivals: outwards, departures: inwards)
                : .counter(arrivals: inwards, departures: outwards)
        case .occupied(let source, let unit):
            return .occupied(try level(source, unit, rule, place, topic, payload))
        case .vacant(let source, let unit):
            // Of what there is no capacity of, nobody can tell what is not free.
            guard plan.capacity(of: place.facility) != nil else { throw .noCapacity }
            return .vacant(try level(source, unit, rule, place, topic, payload))
        case .state(let source, let words):
            return .state(try word(source, rule, topic, payload, in: words))
        case .health: return .alive
        }
    }

    /// What a message that no rule reads says all the same: that its sensor lives, and the number that it has.
    mutating func sign(
        _ rule: CompiledRule,
        topic: Span<UInt8>,
        payload: Span<UInt8>
    ) throws(Incident) -> Decoded {
        var decoded = Decoded(facility: try place(rule, topic, payload).facility, reading: .alive)
        decoded.sequence = try sequence(rule, topic, payload)
        return decoded
    }

    private func level(
        _ source: CompiledSource,
        _ unit: Rule.Unit,
        _ rule: CompiledRule,
        _ place: Place,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) -> Int {
        switch unit {
        case .bays:
            let bounds = -Facility.maximumCount...Facility.maximumCount
            return try count(source, rule, topic, payload, bounds) ?? 0
        case .percent:
            let zero = isZeroWhenAbsent(source, rule)
            let percent = try field(source, rule, topic, payload) { kind, text throws(Incident) in
                if zero, kind == .absent { return 0.0 }
                guard kind != .absent, kind != .null else { throw .fieldMissing }
                guard kind != .large else { throw .outOfRange }
                guard let percent = Scalar.percent(kind, text) else { throw .fieldHasWrongType }
                return percent
            }
            guard (-100...1000).contains(percent) else { throw .outOfRange }
            guard let capacity = plan.capacity(of: place.facility) else { throw .noCapacity }
            return Int((Double(capacity) * percent / 100).rounded())
        }
    }

    private mutating func readBayName(
        _ source: CompiledSource,
        _ rule: CompiledRule,
        _ place: Place,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) {
        var name: [UInt8] = []
        swap(&name, &bayName)
        defer { swap(&name, &bayName) }
        name.removeAll(keepingCapacity: true)
        if let bay = place.device?.bay {
            name.append(contentsOf: bay)
        } else {
            try appendName(source, rule, topic, payload, to: &name, otherwise: .badBayName)
        }
    }

    private mutating func readDeviceName(
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) {
        var name: [UInt8] = []
        swap(&name, &deviceName)
        defer { swap(&name, &deviceName) }
        name.removeAll(keepingCapacity: true)
        try appendName(rule.subject, rule, topic, payload, to: &name, otherwise: .badDeviceName)
    }

    private func appendName(
        _ source: CompiledSource,
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        to name: inout [UInt8],
        otherwise problem: Incident
    ) throws(Incident) {
        try field(source, rule, topic, payload) { kind, text throws(Incident) in
            switch kind {
            case .string:
                guard (1...Self.maximumNameBytes).contains(text.count) else { throw problem }
                unsafe text.withUnsafeBufferPointer { unsafe name.append(contentsOf: $0) }
            case .integer(let number): name.append(contentsOf: String(number).utf8)
            case .absent, .null: throw .fieldMissing
            default: throw .fieldHasWrongType
            }
        }
    }

    // MARK: Beside the reading

    private func sequence(
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) -> SequenceNumber? {
        if let sequence = rule.sequence {
            let bounds = 0...((sequence.wrapsAt ?? SequenceWindow.maximum + 1) - 1)
            // A message without a number can't be told from its copy: it counts, as it would without the key.
            return try count(
                sequence.number,
                rule,
                topic,
                payload,
                bounds,
                mayBeAbsent: true
            )
            .map { SequenceNumber(number: $0, wrapsAt: sequence.wrapsAt) }
        }
        guard let pointers = rule.envelopePointers else { return nil }
        let identity = MessageIdentity(
            session: document.withValue(at: pointers.session, Self.digest),
            message: document.withValue(at: pointers.message, Self.digest)
        )
        let number = try document.withValue(at: pointers.frameCounter) {
            kind,
            text throws(Incident) -> Int? in
            // Left out, it is 0; but without an identity a server that never sends it would send one message for ever.
            guard kind != .absent else { return identity.word == 0 ? nil : 0 }
            return try Scalar.integer(kind, text)
        }
        guard let number else { return nil }
        guard (0...SequenceWindow.maximum).contains(number) else { throw .outOfRange }
        return SequenceNumber(
            number: number,
            wrapsAt: nil,
            identity: identity.word == 0 ? nil : identity
        )
    }

    private static func digest(_ kind: JSONKind, _ text: Span<UInt8>) -> UInt8 {
        kind == .string ? MessageIdentity.digest(text) : 0
    }

    /// When the sensor observed it, or why that is not known.
    func observed(
        _ rule: CompiledRule,
        _ place: Place,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        at now: Moment
    ) -> (Int64?, Incident?) {
        var read: Int64?
        var isUnreadable = false
        if let source = rule.observed {
            let offset = place.device?.clockOffsetMilliseconds
            (read, isUnreadable) = field(source, rule, topic, payload) { kind, text in
                // Some sensors send a time with some of their messages: leaving it out is no fault.
                guard kind != .absent, kind != .null else { return (nil, false) }
                guard !rule.isPlainClock || offset != nil else {
                    let time = Scalar.time(kind, text)
                    return (time, time == nil)
                }
                var clock = rule.clock
                clock.offsetMilliseconds += offset ?? 0
                let time = Scalar.time(kind, text, by: clock, near: now.wallMilliseconds)
                return (time, time == nil)
            }
        }
        if read == nil, let pointers = rule.envelopePointers {
            for index in pointers.times.indices where read == nil {
                read = document.withValue(at: pointers.times[index]) { Scalar.time($0, $1) }
            }
        }
        if isUnreadable { return (nil, .unreadableTime) }
        guard let time = read else { return (nil, nil) }
        let earliest = max(Self.earliest, now.wallMilliseconds - Self.oldest)
        guard time >= earliest else { return (nil, .unsetClock) }
        guard time <= now.wallMilliseconds + ObservationClock.futureTolerance else {
            return (nil, .futureClock)
        }
        return (time, nil)
    }

    /// What a message says of its sensor.
    func health(
        _ rule: CompiledRule,
        _ decoded: Decoded,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        at now: Moment
    ) -> HealthReport {
        var report = HealthReport()
        report.valueDigest = decoded.reading.digest
        // What a list has may be of any age, and says nothing of the clock of now.
        if rule.observed != nil, rule.elements == nil, let observed = decoded.observed {
            report.clockError = observed - now.wallMilliseconds
        }
        guard let health = rule.health, health.isSpoken else { return report }
        func any(_ conditions: [CompiledCondition]) -> Bool {
            conditions.indices.contains { holds(conditions[$0], rule, topic, payload) }
        }
        if let source = health.batteryPercent {
            report.battery = field(source, rule, topic, payload) { Scalar.charge($0, $1) }
        }
        if report.battery == nil, let source = health.batteryVolts {
            let volts = field(source, rule, topic, payload) { kind, text -> Double? in
                do { return try Scalar.decimal(kind, text) } catch { return nil }
            }
            report.battery = volts.map(Battery.volts)
        }
        // What the sensor itself calls low is low, whatever the number.
        if !health.batteryLow.isEmpty, report.battery == nil || any(health.batteryLow) {
            report.battery = .low(any(health.batteryLow))
        }
        if health.speaksOfFaults {
            var faults: FaultFlags = []
            if any(health.fault) { faults.insert(.fault) }
            if any(health.tamper) { faults.insert(.tamper) }
            if any(health.obstructed) { faults.insert(.obstructed) }
            report.faults = faults
        }
        return report
    }

    // MARK: Fields

    private func word<Value>(
        _ source: CompiledSource,
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        in words: CompiledWords<Value>
    ) throws(Incident) -> Value {
        let zero = isZeroWhenAbsent(source, rule)
        return try field(source, rule, topic, payload) { kind, text throws(Incident) in
            if zero, kind == .absent, let meaning = Scalar.zero(in: words) { return meaning }
            return try Scalar.word(kind, text, in: words)
        }
    }

    /// A number of vehicles, bays or messages, or the sum of several.
    ///
    /// - Parameter resetAbove: A larger number, or part of a sum, is a code by which the sensor says that it began anew.
    private func count(
        _ source: CompiledSource?,
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        _ bounds: ClosedRange<Int>,
        wrapsAt: Int? = nil,
        resetAbove: Int? = nil,
        mayBeAbsent: Bool = false
    ) throws(Incident) -> Int? {
        guard let source else { return nil }
        if case .sum(let sources) = source {
            // A part that is left out would look like vehicles that never were, when it comes back.
            var sum = 0
            for index in sources.indices {
                let part = sources[index]
                sum += try count(part, rule, topic, payload, bounds, resetAbove: resetAbove) ?? 0
            }
            if let wrapsAt { sum %= wrapsAt }
            guard bounds.contains(sum) else { throw .outOfRange }
            return sum
        }
        let zero = isZeroWhenAbsent(source, rule)
        let read = try field(source, rule, topic, payload) { kind, text throws(Incident) -> Int? in
            // Before what absence means: a sensor that never sends a number would repeat its 0 for ever.
            if mayBeAbsent, kind == .absent || kind == .null { return nil }
            if zero, kind == .absent { return 0 }
            return try Scalar.integer(kind, text)
        }
        guard let number = read else { return nil }
        guard bounds.contains(number) else { throw .outOfRange }
        if let resetAbove, number > resetAbove { throw .resetCode }
        return number
    }

    func isZeroWhenAbsent(_ source: CompiledSource, _ rule: CompiledRule) -> Bool {
        if case .envelope = source { return true }
        return rule.absentIsZero
    }

    /// Hands over a field; what is not JSON is a string.
    func field<Result, Failure: Error>(
        _ source: CompiledSource,
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        _ body: (_ kind: JSONKind, _ text: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch source {
        case .pointer(let pointer), .envelope(let pointer):
            return try document.withValue(at: pointer, body)
        case .constant(let text): return try body(.string, text.span)
        case .level(let level):
            return try body(.string, topic.extracting(levels.range(level)))
        case .payload: return try body(.string, payload.extracting(Self.trimmed(payload)))
        case .element(let text):
            guard let elements = rule.elements,
                let pointer = JSONPointer("\(elements.text)/\(element)\(text)")
            else { return try body(.absent, Span()) }
            return try document.withValue(at: pointer, body)
        case .field(let number, let separator):
            let whole = payload.extracting(Self.trimmed(payload))
            guard let range = Self.field(number, of: whole, separator) else {
                return try body(.absent, Span())
            }
            return try body(.string, whole.extracting(range))
        case .sum: return try body(.absent, Span())
        }
    }

    /// Where the n-th field of a text stands.
    private static func field(
        _ number: Int,
        of text: Span<UInt8>,
        _ separator: [UInt8]
    ) -> Range<Int>? {
        var number = number
        var start = 0
        var end = 0
        while end + separator.count <= text.count {
            let isEnd = separator.indices.allSatisfy { text[end + $0] == separator[$0] }
            guard isEnd else {
                end += 1
                continue
            }
            if number == 0 { return start..<end }
            number -= 1
            end += separator.count
            start = end
        }
        return number == 0 ? start..<text.count : nil
    }

    /// Where a text begins and ends without the white space around it.
    private static func trimmed(_ text: Span<UInt8>) -> Range<Int> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        var start = 0
        var end = text.count
        while start < end, isSpace(text[start]) { start += 1 }
        while end > start, isSpace(text[end - 1]) { end -= 1 }
        return start..<end
    }
}

extension Rule.Threshold {
    /// What a measured number says of a bay.
    ///
    /// - Parameter limit: The device's own limit, if it has one.
    func reading(_ value: Double, limit own: Double?) -> Reading {
        let limit = own ?? limit
        let isOccupied = side == .below ? value < limit : value > limit
        if isOccupied { return .bay(occupied: true) }
        let isVacant = side == .below ? value >= limit + hysteresis : value <= limit - hysteresis
        return isVacant ? .bay(occupied: false) : .hold(otherwise: false)
    }
}

extension Reading {
    /// Another number where something else is said, to tell a sensor that says the same for ever.
    fileprivate var digest: UInt64? {
        func mix(_ tag: UInt64, _ first: Int, _ second: Int = 0) -> UInt64 {
            (tag << 60) ^ UInt64(bitPattern: Int64(first)) &* 0x9E37_79B9_7F4A_7C15
                ^ UInt64(bitPattern: Int64(second))
        }
        return switch self {
        case .bay(let occupied): mix(1, occupied ? 1 : 0)
        // In between, or a sign of life: it says neither the same nor anything else.
        case .hold, .alive: nil
        // That nobody came twice in a row is no news of any kind.
        case .movement(let arrivals, let departures): mix(2, arrivals, departures)
        case .counter(let arrivals, let departures): mix(3, arrivals ?? -1, departures ?? -1)
        case .occupied(let count): mix(4, count)
        case .vacant(let count): mix(5, count)
        case .state(let state): mix(6, Int(state.rawValue))
        }
    }
}
