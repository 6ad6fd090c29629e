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
        let post = posts[bay.post]
        let site = sites[bay.site]
        let isOccupied = bay.place - site.bays.lowerBound < site.occupied
        let observed = max(clock.time(now), bay.observedMilliseconds &+ 1)
        bays[index].observedMilliseconds = observed
        let content = MessageTemplate.Content(
            post: post,
            sensor: index - site.bays.lowerBound + 1,
            bay: bay.number,
            value: isOccupied ? post.occupied : post.vacant,
            numbering: bay.numbering,
            number: nextNumber(of: bay.numbering, post.sensor.template),
            observedMilliseconds: observed
        )
        send(content)
    }

    // MARK: Gates, counters and levels

    /// A vehicle passes one of those that count it, if there is any.
    mutating func pass(_ transit: Transit, oneOf devices: [Int]) {
        guard let first = devices.first else { return }
        pass(
            transit,
            device: devices.count == 1 ? first : devices[random.index(below: devices.count)]
        )
    }

    private mutating func pass(_ transit: Transit, device index: Int) {
        let device = devices[index]
        let isIn = (transit == .arrival) != device.post.isReversed
        switch device.post.sensor.kind {
        case .counter(_, _, let wrapsAt):
            count(isIn, device: index)
            if let wrapsAt {
                devices[index].arrivals %= wrapsAt
                devices[index].departures %= wrapsAt
            }
        case .movement:
            count(isIn, device: index)
            if device.post.tellsEachVehicle, device.silentUntil <= now { tell(device: index) }
        case .bay, .level, .state: break
        }
    }

    private mutating func count(_ isIn: Bool, device index: Int) {
        if isIn { devices[index].arrivals += 1 } else { devices[index].departures += 1 }
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
        switch devices[index].post.sensor.kind {
        case .movement: return !devices[index].post.tellsEachVehicle
        case .counter:
            if random.happens(options.resetsPerDay * options.reportInterval.days) {
                devices[index].arrivals = 0
                devices[index].departures = 0
            }
            return true
        case .bay, .level, .state: return true
        }
    }

    private mutating func tell(device index: Int) {
        let device = devices[index]
        let site = sites[device.site]
        var content = content(of: index)
        switch device.post.sensor.kind {
        case .counter:
            content.value = .number(device.arrivals)
            content.departures = .number(device.departures)
        case .movement(_, _, let maximum):
            // What a message has no room for is in the next one.
            let (arrivals, departures) = (
                min(device.arrivals, maximum), min(device.departures, maximum)
            )
            content.value = .number(arrivals)
            content.departures = .number(departures)
            devices[index].arrivals -= arrivals
            devices[index].departures -= departures
        case .level(let isVacant, let unit):
            let bays = isVacant ? site.capacity - site.occupied : site.occupied
            content.value =
                unit == .bays
                ? .number(bays) : .percent(millionths: bays * 100_000_000 / site.capacity)
        case .state(let words):
            guard let word = words[site.operating] else { return }
            content.value = .word(word)
        case .bay: return
        }
        content.number = nextNumber(of: device.numbering, device.post.sensor.template)
        send(content, isRetained: device.post.isOfState && options.retainsState)
    }

    /// The content of a device's next message, but for its values and its number.
    private mutating func content(of index: Int) -> MessageTemplate.Content {
        let device = devices[index]
        let observed = max(clock.time(now), device.observedMilliseconds &+ 1)
        devices[index].observedMilliseconds = observed
        return MessageTemplate.Content(
            post: device.post,
            sensor: device.number,
            numbering: device.numbering,
            observedMilliseconds: observed
        )
    }

    // MARK: State

    /// Repeats the state of a site, which closes, breaks or opens now and then.
    mutating func tellState(site index: Int) {
        guard let device = sites[index].state,
            case .state(let words) = devices[device].post.sensor.kind
        else { return }
        let isOpen = sites[index].operating == .open
        if !isOpen, sites[index].operatingUntil <= now {
            sites[index].operating = .open
        } else if isOpen, random.happens(options.closuresPerDay * options.heartbeatInterval.days) {
            let isFault = random.happens(0.2) && words[.fault] != nil
            sites[index].operating = isFault ? .fault : .closed
            sites[index].operatingUntil = now + Int64(random.uniform(1_800_000...14_400_000))
        }
        // Its zones are counted behind it, and closed with it.
        var zone = index + 1
        while zone < sites.count, sites[zone].facility == sites[index].facility {
            sites[zone].operating = sites[index].operating
            zone += 1
        }
        tell(device: device)
        queue.add(.operating(site: index), at: now + jittered(options.heartbeatInterval))
    }
}
