import Parking
import Synchronization

@testable import Occupancy

/// What holds of an occupancy whatever readings led to it.
struct OccupancyCheck {
    private let occupancy: LiveOccupancy

    init(_ occupancy: LiveOccupancy) { self.occupancy = occupancy }

    func run() throws(Violation) {
        for facility in 0..<occupancy.facilityCount {
            let counts = occupancy.counts(of: facility)
            if let occupied = counts.occupied {
                let isCount = (0...Facility.maximumCount).contains(occupied)
                try require(isCount, "facility \(facility): \(occupied) occupied")
            }
            let counted = occupancy.blocks[facility].whole.occupiedBays.load(ordering: .acquiring)
            let recounted = recount(facility)
            try require(counted == recounted, "\(counted) occupied bays, recounted \(recounted)")
            try require(counts.arrivals >= 0, "\(counts.arrivals) arrivals")
            try require(counts.departures >= 0, "\(counts.departures) departures")
            try require(counts.drift >= 0, "a drift of \(counts.drift)")
        }
    }

    /// The occupied bays of a facility and of its zones, one by one.
    private func recount(_ facility: Int) -> Int {
        (0..<occupancy.bays.count).count { bay in
            occupancy.parts.facility(of: occupancy.bays.place(of: bay)) == facility
                && BayWord(bits: occupancy.image(ofBay: bay)).counts.occupied == 1
        }
    }

    /// Compares two occupancies that the same readings led to, in two processes.
    ///
    /// - Parameter isSteady: Whether the wall clock was never set back: if it was, another process knows less of how long
    ///   ago something was heard.
    func compare(_ other: LiveOccupancy, at now: Moment, isSteady: Bool) throws(Violation) {
        for facility in 0..<occupancy.facilityCount {
            var image = occupancy.image(of: facility, at: now)
            let theirs = other.image(of: facility, at: now)
            if !isSteady { image.heard = theirs.heard }
            try require(image == theirs, "facility \(facility): \(image) and \(theirs)")
        }
        try require(occupancy.bays.count == other.bays.count, "another number of bays")
        for bay in 0..<occupancy.bays.count {
            let isEqual = occupancy.image(ofBay: bay) == other.image(ofBay: bay)
            try require(isEqual, "bay \(bay) differs")
        }
        try require(occupancy.counters.count == other.counters.count, "another number of counters")
        for sensor in 0..<occupancy.counters.count {
            let isEqual = occupancy.image(ofCounter: sensor) == other.image(ofCounter: sensor)
            try require(isEqual, "counter \(sensor) differs")
        }
    }
}
