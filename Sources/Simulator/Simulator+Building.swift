import Parking

extension Simulator {
    /// The messages a simulated millisecond that a site sends on the average of a day.
    static func expectedRate(
        of site: SensorPlan.Site,
        _ curve: DayCurve,
        options: Options
    ) -> Double {
        let heartbeat = 1 / Double(max(1000, options.heartbeatInterval.wholeMilliseconds))
        let report = 1 / Double(max(1000, options.reportInterval.wholeMilliseconds))
        let vehicles = Double(site.capacity) * curve.meanRatio / Traffic.stayMilliseconds
        var rate = site.state == nil ? 0 : heartbeat
        if !site.bays.isEmpty { rate += Double(site.bays.count) * heartbeat + 2 * vehicles }
        for post in site.counting where !post.tellsEachVehicle { rate += report }
        for ways in [
            site.counting.filter(\.countsArrivals), site.counting.filter(\.countsDepartures),
        ]
        where !ways.isEmpty {
            rate += vehicles * Double(ways.count(where: \.tellsEachVehicle)) / Double(ways.count)
        }
        return rate * (1 + options.duplicateProbability)
    }

    /// Puts the sensors of a facility, or of one of its zones, in place.
    mutating func build(_ plan: SensorPlan.Site, _ curve: DayCurve) {
        let index = sites.count
        let facility = plan.facility.id
        let firstBay = bays.count
        add(plan.bays, to: index, of: facility)
        let firstDevice = devices.count
        // Sensors have numbers of their own throughout the facility.
        var number = sites.filter { $0.facility == facility }.reduce(plan.bays.count) {
            $0 + $1.counting.count + ($1.state == nil ? 0 : 1)
        }
        for post in plan.counting {
            number += 1
            let sharesTotals = plan.counting.contains { $0 !== post && $0.isCounter(of: post) }
            add(post, to: index, of: facility, number: number, beginsAtZero: sharesTotals)
        }
        let counting = firstDevice..<devices.count
        if let state = plan.state { add(state, to: index, of: facility, number: number + 1) }
        sites.append(
            SimulatedSite(
                facility: facility,
                capacity: plan.capacity,
                curve: curve,
                limit: plan.bays.isEmpty ? plan.capacity + plan.capacity / 20 : plan.capacity,
                bays: firstBay..<bays.count,
                counting: counting,
                entrances: counting.filter { devices[$0].post.countsArrivals },
                exits: counting.filter { devices[$0].post.countsDepartures },
                state: plan.state == nil ? nil : counting.upperBound
            )
        )
        fill(site: index)
        schedule(site: index)
    }

    private mutating func add(
        _ planned: [PlannedBay],
        to site: Int,
        of facility: FacilityIdentifier
    ) {
        var places: [ObjectIdentifier: Int] = [:]
        for (index, bay) in planned.enumerated() {
            let post = places[ObjectIdentifier(bay.post), default: posts.count]
            if post == posts.count {
                places[ObjectIdentifier(bay.post)] = post
                posts.append(bay.post)
            }
            var content = MessageTemplate.Content(post: bay.post, sensor: index + 1)
            content.bay = bay.number
            content.value = bay.post.vacant
            bays.append(
                SimulatedBay(
                    site: site,
                    post: post,
                    number: bay.number,
                    numbering: numbering(of: content, facility: facility),
                    place: bays.count
                )
            )
            order.append(order.count)
        }
    }

    private mutating func add(
        _ post: SensorPost,
        to site: Int,
        of facility: FacilityIdentifier,
        number: Int,
        beginsAtZero: Bool = false
    ) {
        let content = MessageTemplate.Content(post: post, sensor: number)
        var device = SimulatedDevice(
            site: site,
            post: post,
            number: number,
            numbering: numbering(of: content, facility: facility)
        )
        // The daemon would take the first total of the one for vehicles that passed since the first of the other.
        if case .counter(_, _, let wrapsAt) = post.sensor.kind, !beginsAtZero {
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
        if case .level = site.counting.first.map({ devices[$0].post.sensor.kind }) {
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
