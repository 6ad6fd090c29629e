import Parking

extension Simulator {
    // MARK: Bays

    /// Tells a change of a bay, unless its sensor is dead.
    mutating func tellChange(bay: Int) {
        if bays[bay].silentUntil <= now { tell(bay: bay) }
    }

    /// Repeats the state of a bay; a dead sensor does so when it is back.
    mutating func heartbeat(bay: Int) {
        if bays[bay].silentUntil > now {
            queue.add(.heartbeat(bay: bay), at: bays[bay].silentUntil)
            return
        }
        tell(bay: bay)
        if let until = silence(after: options.heartbeatInterval) { bays[bay].silentUntil = until }
        queue.add(.heartbeat(bay: bay), at: now + jittered(options.heartbeatInterval))
    }

    private mutating func tell(bay index: Int) {
        let bay = bays[index]
        guard let sensor = sensors[bay.rule],
            case .bay(_, let occupied, let vacant) = sensor.kind
        else { return }
        let site = sites[bay.site]
        let number = index - site.bays.lowerBound + 1
        let isOccupied = bay.place - site.bays.lowerBound < site.occupied
        let observed = max(clock.time(now), bay.observedMilliseconds &+ 1)
        bays[index].observedMilliseconds = observed
        let content = MessageTemplate.Content(
            facility: site.name,
            sensor: number,
            bay: number,
            value: isOccupied ? occupied : vacant,
            observedMilliseconds: observed
        )
        send(content, as: sensor.template)
    }

    // MARK: Gates, counters and levels

    /// A vehicle passes what counts it.
    mutating func pass(_ transit: Transit, device index: Int) {
        let device = devices[index]
        let isArrival = transit == .arrival
        switch sensors[device.rule]?.kind {
        case .counter(_, _, let wrapsAt):
            count(isArrival, device: index)
            if let wrapsAt {
                devices[index].arrivals %= wrapsAt
                devices[index].departures %= wrapsAt
            }
        case .movement(let arrivals, let departures):
            let measure = isArrival ? arrivals : departures
            if measure != .none { count(isArrival, device: index) }
            if measure == .each, device.silentUntil <= now { tell(device: index) }
        case .bay, .level, .state, nil: break
        }
    }

    private mutating func count(_ isArrival: Bool, device index: Int) {
        if isArrival { devices[index].arrivals += 1 } else { devices[index].departures += 1 }
    }

    /// Sends what counts a site, and lets the first vehicle come once the first totals are told.
    mutating func report(site index: Int) {
        for device in sites[index].counting where devices[device].silentUntil <= now {
            if isTold(device) { tell(device: device) }
            if let until = silence(after: options.reportInterval) {
                devices[device].silentUntil = until
            }
        }
        beginTraffic(site: index)
        queue.add(.report(site: index), at: now + jittered(options.reportInterval))
    }

    /// Whether a device sends at intervals, and not each time a vehicle passes; a counter may start again first.
    private mutating func isTold(_ index: Int) -> Bool {
        switch sensors[devices[index].rule]?.kind {
        case .movement(let arrivals, let departures):
            return arrivals != .each && departures != .each
        case .counter:
            if random.happens(options.resetsPerDay * options.reportInterval.days) {
                devices[index].arrivals = 0
                devices[index].departures = 0
            }
            return true
        case .bay, .level, .state, nil: return true
        }
    }

    private mutating func tell(device index: Int) {
        let device = devices[index]
        guard let sensor = sensors[device.rule] else { return }
        let site = sites[device.site]
        var content = content(of: index)
        switch sensor.kind {
        case .counter:
            content.value = .number(device.arrivals)
            content.departures = .number(device.departures)
        case .movement:
            content.value = .number(device.arrivals)
            content.departures = .number(device.departures)
            devices[index].arrivals = 0
            devices[index].departures = 0
        case .level(let isVacant):
            content.value = .number(isVacant ? site.capacity - site.occupied : site.occupied)
        case .state(let words):
            guard let word = words[site.operating] else { return }
            content.value = word
        case .bay: return
        }
        var isRetained = false
        if case .state = sensor.kind { isRetained = options.retainsState }
        send(content, as: sensor.template, isRetained: isRetained)
    }

    /// The content of a device's next message, but for the values.
    private mutating func content(of index: Int) -> MessageTemplate.Content {
        let device = devices[index]
        let observed = max(clock.time(now), device.observedMilliseconds &+ 1)
        devices[index].observedMilliseconds = observed
        return MessageTemplate.Content(
            facility: sites[device.site].name,
            sensor: device.number,
            observedMilliseconds: observed
        )
    }

    // MARK: State

    /// Repeats the state of a site, which closes, breaks or opens now and then.
    mutating func tellState(site index: Int) {
        guard let device = sites[index].state,
            case .state(let words) = sensors[devices[device].rule]?.kind
        else { return }
        let isOpen = sites[index].operating == .open
        if !isOpen, sites[index].operatingUntil <= now {
            sites[index].operating = .open
        } else if isOpen, random.happens(options.closuresPerDay * options.heartbeatInterval.days) {
            let isFault = random.happens(0.2) && words[.fault] != nil
            sites[index].operating = isFault ? .fault : .closed
            sites[index].operatingUntil = now + Int64(random.uniform(1_800_000...14_400_000))
        }
        tell(device: device)
        queue.add(.operating(site: index), at: now + jittered(options.heartbeatInterval))
    }
}
