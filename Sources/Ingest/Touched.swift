public import Occupancy
import Parking

/// What readings changed since a store was last written: the pages of it that are no longer true.
///
/// **Shape.** A bit for each page of each table. Pages are numbers divided by the size of a page.
///
/// **Threads.** One at a time.
public struct Touched: Sendable {
    /// Pages of one table.
    public struct Pages: Equatable, Sendable {
        private var words: [UInt64] = []

        /// No page.
        public init() {}

        /// Adds a page.
        public mutating func insert(_ page: Int) {
            let word = page >> 6
            if word >= words.count {
                words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
            }
            words[word] |= 1 << UInt64(page & 63)
        }

        /// The pages, in ascending order.
        public var all: [Int] {
            var pages: [Int] = []
            for (index, word) in words.enumerated() where word != 0 {
                var bits = word
                while bits != 0 {
                    pages.append(index << 6 | bits.trailingZeroBitCount)
                    bits &= bits - 1
                }
            }
            return pages
        }
    }

    /// The number of facilities and parts, bays, counters, numbering sensors and steps that share a page.
    ///
    /// Pages of about two kilobytes: one that changed is written whole, and a million bays are four thousand of them.
    public enum PageSize {
        /// Facilities and their parts.
        public static let facilities = 32
        /// Bays.
        public static let bays = 256
        /// Counting, or numbering, sensors.
        public static let sensors = 128
        /// Places in a facility's history.
        public static let steps = 64
    }

    /// Pages of facilities and their parts.
    public private(set) var facilities = Pages()
    /// Pages of bays.
    public private(set) var bays = Pages()
    /// Pages of counting sensors.
    public private(set) var counters = Pages()
    /// Pages of numbering sensors.
    public private(set) var sequences = Pages()
    /// How many readings there were.
    public private(set) var readings = 0

    /// Pages of histories: the facility's number times ``historyPages``, and the page.
    public private(set) var history = Pages()
    /// The number of pages of one facility's history.
    public let historyPages: Int

    private let stepCount: Int64

    /// Nothing changed.
    public init(_ occupancy: LiveOccupancy) {
        parts = occupancy.parts
        facilityCount = occupancy.facilityCount
        stepCount = Int64(occupancy.historyShape.stepCount)
        historyPages = (Int(stepCount) + PageSize.steps - 1) / PageSize.steps
    }

    /// The facilities and their parts.
    let parts: FacilityParts
    private let facilityCount: Int

    /// A part changed, and its facility with it.
    mutating func facility(_ part: Int, step: Int64) {
        readings += 1
        facilities.insert(part / PageSize.facilities)
        if part >= facilityCount {
            facilities.insert(parts.facility(of: part) / PageSize.facilities)
        }
        self.step(step, of: part)
    }

    /// A step changed in the history of a part's facility.
    mutating func step(_ step: Int64, of part: Int) {
        let facility = part < facilityCount ? part : parts.facility(of: part)
        history.insert(facility * historyPages + Int(step % stepCount) / PageSize.steps)
    }

    mutating func bay(_ bay: Int) { bays.insert(bay / PageSize.bays) }

    mutating func counter(_ sensor: Int) { counters.insert(sensor / PageSize.sensors) }

    mutating func sequence(_ sensor: Int) { sequences.insert(sensor / PageSize.sensors) }
}
