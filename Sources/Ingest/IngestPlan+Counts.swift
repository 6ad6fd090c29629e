import Parking

extension IngestPlan {
    /// The parts that some rule may give a count of their own; where a message says which part, all that it may say.
    public var countedParts: Set<Int> {
        var counted: Set<Int> = []
        for rule in rules where rule.kind.isCount {
            switch rule.subject {
            case .facility(.constant(let id)):
                guard let facility = facility(Array(id.utf8).span) else { continue }
                counted.formUnion(parts(of: facility, countedBy: rule))
            case .facility:
                for facility in facilities.indices {
                    counted.formUnion(parts(of: facility, countedBy: rule))
                }
            case .device:
                for device in listedDevices where device.bay == nil {
                    counted.formUnion(parts(of: device, countedBy: rule))
                }
            }
        }
        return counted
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
}
