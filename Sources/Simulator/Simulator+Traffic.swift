import Parking

/// How vehicles come and go.
enum Traffic {
    /// How long a vehicle stays on average.
    static let stayMilliseconds = 7_200_000.0

    /// How fast a facility approaches the occupancy that its curve wants.
    static let approachMilliseconds = 1_200_000.0

    /// How long the rates are taken to be constant.
    static let stepMilliseconds = 60_000.0
}

extension Simulator {
    /// The minute of the local day.
    var localMinute: Double {
        let milliseconds = now + Int64(options.minutesAheadOfUTC) * 60_000
        let ofDay = (milliseconds % 86_400_000 + 86_400_000) % 86_400_000
        return Double(ofDay) / 60_000
    }

    mutating func beginTraffic(site index: Int) {
        guard !sites[index].hasTraffic else { return }
        sites[index].hasTraffic = true
        scheduleTraffic(site: index)
    }

    mutating func traffic(site index: Int) {
        let transit = sites[index].pending
        switch transit {
        case .none: break
        case .arrival where sites[index].bays.isEmpty: sites[index].occupied += 1
        case .departure where sites[index].bays.isEmpty: sites[index].occupied -= 1
        case .arrival: tellChange(bay: park(site: index))
        case .departure: tellChange(bay: unpark(site: index))
        }
        switch transit {
        case .none: break
        case .arrival: pass(transit, oneOf: sites[index].entrances)
        case .departure: pass(transit, oneOf: sites[index].exits)
        }
        scheduleTraffic(site: index)
    }

    /// Draws the next vehicle from the rates of this moment, or a moment at which to look at the rates again.
    ///
    /// A Poisson process has no memory, so that looking again changes nothing but the rates.
    private mutating func scheduleTraffic(site index: Int) {
        let site = sites[index]
        let minute = localMinute
        let occupied = Double(site.occupied)
        let wanted = site.curve.ratio(minute: minute) * Double(site.capacity)
        var arrivals = 0.0
        var departures = occupied / Traffic.stayMilliseconds
        departures += occupied * site.curve.shiftDepartures(minute: minute) / 60_000
        if site.operating != .closed {
            departures += max(0, occupied - wanted) / Traffic.approachMilliseconds
            if site.occupied < site.limit {
                arrivals += wanted / Traffic.stayMilliseconds
                arrivals += max(0, wanted - occupied) / Traffic.approachMilliseconds
            }
        }
        let rate = arrivals + departures
        let wait = rate > 0 ? random.exponential(rate: rate) : .infinity
        if wait < Traffic.stepMilliseconds {
            sites[index].pending = random.happens(arrivals / rate) ? .arrival : .departure
        } else {
            sites[index].pending = .none
        }
        let step = min(wait, Traffic.stepMilliseconds)
        queue.add(.traffic(site: index), at: now + Int64(step.rounded()))
    }

    /// Lets a vehicle into a vacant bay, which there is, and returns the bay.
    @discardableResult
    mutating func park(site index: Int) -> Int {
        let site = sites[index]
        let vacant = site.bays.lowerBound + site.occupied
        let place = vacant + random.index(below: site.bays.upperBound - vacant)
        swapPlaces(place, vacant)
        sites[index].occupied += 1
        return order[vacant]
    }

    /// Lets a vehicle out of an occupied bay, which there is, and returns the bay.
    private mutating func unpark(site index: Int) -> Int {
        let site = sites[index]
        let last = site.bays.lowerBound + site.occupied - 1
        swapPlaces(site.bays.lowerBound + random.index(below: site.occupied), last)
        sites[index].occupied -= 1
        return order[last]
    }

    private mutating func swapPlaces(_ left: Int, _ right: Int) {
        order.swapAt(left, right)
        bays[order[left]].place = left
        bays[order[right]].place = right
    }
}
