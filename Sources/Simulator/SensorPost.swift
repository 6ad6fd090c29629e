import Parking

/// A sensor, or a row of them, at its place: which rule reads it, and what is the same in all its messages.
///
/// A class, so that a bay that points to it costs a word.
final class SensorPost: Sendable {
    /// The number of the rule.
    let rule: Int
    let sensor: RuleSensor
    /// The identifier of its facility.
    let facility: [UInt8]
    /// What the registry says of it, where the rule asks one.
    let device: Device?
    /// The zone that it watches; nil for the facility as a whole.
    let zoneIdentifier: ZoneIdentifier?
    /// The zone that its messages name.
    let zone: [UInt8]
    /// What it is called: its device, or its facility.
    let name: [UInt8]
    /// The device as a JSON string.
    let deviceInJSON: [UInt8]
    /// What it says of a bay.
    let occupied: MessageTemplate.Value
    let vacant: MessageTemplate.Value

    init(
        rule: Int,
        sensor: RuleSensor,
        facility: FacilityIdentifier,
        device: Device? = nil,
        zone: ZoneIdentifier? = nil
    ) {
        self.rule = rule
        self.sensor = sensor
        self.facility = Array(facility.text.utf8)
        self.device = device
        zoneIdentifier = zone
        self.zone = Array((zone?.text ?? "").utf8)
        name = Array((device?.identifier ?? facility.text).utf8)
        deviceInJSON = device.map { JSONTree.string(Array($0.identifier.utf8)) } ?? []
        switch sensor.kind {
        case .bay(_, .words(let occupied, let vacant)):
            (self.occupied, self.vacant) = (.word(occupied), .word(vacant))
        case .bay(_, .threshold(let threshold)):
            let words = threshold.words(limit: device?.threshold)
            (occupied, vacant) = (.word(words.occupied), .word(words.vacant))
        case .movement, .counter, .level, .state: (occupied, vacant) = (.none, .none)
        }
    }

    /// How wrong its clock is: what the daemon adds to the times that it writes.
    var clockOffsetMilliseconds: Int64 { device?.clockOffset?.wholeMilliseconds ?? 0 }

    /// Whether its in is out.
    var isReversed: Bool { device?.direction == .reversed }

    /// Whether it counts vehicles that come.
    var countsArrivals: Bool { isReversed ? sensor.measures.out : sensor.measures.in }

    /// Whether it counts vehicles that go.
    var countsDepartures: Bool { isReversed ? sensor.measures.in : sensor.measures.out }

    /// Whether it has a message for each vehicle.
    var tellsEachVehicle: Bool {
        guard case .movement(let arrivals, let departures, _) = sensor.kind else { return false }
        return arrivals == .each || departures == .each
    }

    /// Whether it is about one bay alone.
    var isOneBay: Bool {
        if case .bay(isFixed: true, _) = sensor.kind { return true }
        return device != nil
    }
}

extension Rule.Threshold {
    /// Numbers well on both sides of the limit, the hysteresis between them included.
    fileprivate func words(limit own: Double?) -> (occupied: Word, vacant: Word) {
        let limit = own ?? limit
        let margin = abs(limit) >= 0.01 ? abs(limit) / 2 : 1
        let (near, far) = (margin, margin + hysteresis)
        return side == .below
            ? (Self.word(limit - near), Self.word(limit + far))
            : (Self.word(limit + near), Self.word(limit - far))
    }

    private static func word(_ number: Double) -> Word {
        Word(number: Int(exactly: number).map(String.init) ?? number.description)
    }
}
