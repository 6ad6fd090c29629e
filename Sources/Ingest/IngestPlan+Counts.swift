import Parking

extension IngestPlan {
    /// The parts that some rule may give a count of their own; where a message says which part, all that it may say.
    public var countedParts: Set<Int> {
        var counted: Set<Int> = []
        for rule in rules where rule.kind.isCount {
            let parts = parts(countedBy: rule)
            counted.formUnion(
                rule.kind.needsCapacity ? parts.filter { capacity(of: $0) != nil } : parts
            )
        }
        return counted
    }

    private func parts(countedBy rule: Rule) -> [Int] {
        switch rule.subject {
        case .facility(.constant(let id)):
            facility(Array(id.utf8).span).map { parts(of: $0, countedBy: rule) } ?? []
        case .facility: facilities.indices.flatMap { parts(of: $0, countedBy: rule) }
        case .device:
            listedDevices.filter { $0.bay == nil }.flatMap { parts(of: $0, countedBy: rule) }
        }
    }

    private func parts(of facility: Int, countedBy rule: Rule) -> [Int] {
        guard rule.zone == nil else { return allParts(of: facility) }
        return parts.part(facility: facility, zone: nil, class: rule.bayClass).map { [$0] } ?? []
    }

    private func parts(of device: CompiledDevice, countedBy rule: Rule) -> [Int] {
        guard device.isPart || rule.zone == nil else { return allParts(of: device.facility) }
        let zone = device.isPart ? parts.parts[device.part].zone : nil
        let bayClass = device.bayClass ?? rule.bayClass
        let part = parts.part(facility: device.facility, zone: zone, class: bayClass)
        return part.map { [$0] } ?? []
    }

    private func allParts(of facility: Int) -> [Int] {
        (0..<parts.count).filter { parts.facility(of: $0) == facility }
    }
}

extension Rule.Kind {
    /// Whether it counts vehicles as a gate, a counter or a level does.
    fileprivate var isCount: Bool {
        switch self {
        case .movement, .counter, .occupied, .vacant: true
        case .bay, .heartbeat, .state, .health: false
        }
    }

    /// Whether what it says is a share of a capacity, or what is left of one.
    fileprivate var needsCapacity: Bool {
        switch self {
        case .vacant, .occupied(_, unit: .percent): true
        default: false
        }
    }
}
