import Parking

extension Simulator {
    /// The messages a simulated millisecond that a site sends on the average of a day.
    static func expectedRate(
        of site: SensorPlan.Site,
        _ curve: DayCurve,
        sensors: [RuleSensor?],
        options: Options
    ) -> Double {
        let heartbeat = 1 / Double(max(1000, options.heartbeatInterval.wholeMilliseconds))
        let report = 1 / Double(max(1000, options.reportInterval.wholeMilliseconds))
        let vehicles = Double(site.facility.capacity) * curve.meanRatio / Traffic.stayMilliseconds
        var rate = site.state == nil ? 0 : heartbeat
        if site.bays > 0 {
            let share = Double(site.bays) / Double(site.facility.capacity)
            rate += Double(site.bays) * heartbeat + 2 * vehicles * share
        } else {
            for rule in site.counting {
                if case .movement(let arrivals, let departures) = sensors[rule]?.kind,
                    arrivals == .each || departures == .each
                {
                    rate += vehicles
                } else {
                    rate += report
                }
            }
        }
        return rate * (1 + options.duplicateProbability)
    }

    /// Puts the sensors of one facility in place.
    mutating func build(_ plan: SensorPlan.Site, _ curve: DayCurve) {
        let index = sites.count
        let capacity = plan.bays > 0 ? plan.bays : plan.facility.capacity
        let firstBay = bays.count
        for bay in 0..<plan.bays {
            let rule = plan.counting[plan.counting.count == 1 ? 0 : bay]
            bays.append(SimulatedBay(site: index, rule: rule, place: firstBay + bay))
            order.append(firstBay + bay)
        }
        let firstDevice = devices.count
        if plan.bays == 0 {
            for rule in plan.counting {
                add(rule: rule, to: index, number: devices.count - firstDevice + 1)
            }
        }
        let counting = firstDevice..<devices.count
        var state: Int?
        if let rule = plan.state {
            state = devices.count
            add(rule: rule, to: index, number: plan.bays + counting.count + 1)
        }
        sites.append(
            SimulatedSite(
                facility: plan.facility.id,
                name: Array(plan.facility.id.text.utf8),
                capacity: capacity,
                curve: curve,
                limit: plan.bays > 0 ? capacity : capacity + capacity / 20,
                bays: firstBay..<bays.count,
                counting: counting,
                state: state
            )
        )
        fill(site: index)
        schedule(site: index)
    }

    private mutating func add(rule: Int, to site: Int, number: Int) {
        var device = SimulatedDevice(site: site, rule: rule, number: number)
        if case .counter(_, _, let wrapsAt) = sensors[rule]?.kind {
            device.arrivals = firstTotal(wrapsAt: wrapsAt)
            device.departures = firstTotal(wrapsAt: wrapsAt)
        }
        devices.append(device)
    }

    /// What a counter has counted before it is first heard: every other one is about to wrap.
    private mutating func firstTotal(wrapsAt: Int?) -> Int {
        let bound = max(1, wrapsAt ?? 1_000_000)
        guard wrapsAt != nil, random.happens(0.5) else { return random.index(below: bound) }
        return bound - 1 - random.index(below: min(bound, 200))
    }

    /// Parks the vehicles that are there at the beginning, where they can be told from the first message.
    private mutating func fill(site index: Int) {
        let site = sites[index]
        if case .level = site.counting.first.flatMap({ sensors[devices[$0].rule]?.kind }) {
            sites[index].occupied = wanted(site)
        }
        guard !site.bays.isEmpty else { return }
        for _ in 0..<min(wanted(site), site.limit) { park(site: index) }
    }

    private func wanted(_ site: SimulatedSite) -> Int {
        Int(site.curve.ratio(minute: localMinute) * Double(site.capacity))
    }

    private mutating func schedule(site index: Int) {
        let site = sites[index]
        let heartbeat = max(1000, options.heartbeatInterval.wholeMilliseconds)
        for bay in site.bays {
            queue.add(.heartbeat(bay: bay), at: now + Int64(random.index(below: Int(heartbeat))))
        }
        if !site.bays.isEmpty { beginTraffic(site: index) }
        if !site.counting.isEmpty {
            queue.add(.report(site: index), at: now + Int64(random.index(below: 1000)))
        }
        if site.state != nil {
            queue.add(.operating(site: index), at: now + Int64(random.index(below: 1000)))
        }
    }
}
