public import Occupancy

/// What readings changed since a store was last written: the pages of it that are no longer true.
///
/// **Shape.** A bit for each page of each table, and a range of pages for each facility's history. Pages are numbers
/// divided by the size of a page.
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

    /// The number of facilities, bays, counters, numbering sensors and steps that share a page.
    ///
    /// Pages of about two kilobytes: one that changed is written whole, and a million bays are four thousand of them.
    public enum PageSize {
        /// Facilities.
        public static let facilities = 32
        /// Bays.
        public static let bays = 256
        /// Counting, or numbering, sensors.
        public static let sensors = 128
        /// Steps of a facility's history.
        public static let steps: Int64 = 64
    }

    /// Pages of facilities.
    public private(set) var facilities = Pages()
    /// Pages of bays.
    public private(set) var bays = Pages()
    /// Pages of counting sensors.
    public private(set) var counters = Pages()
    /// Pages of numbering sensors.
    public private(set) var sequences = Pages()
    /// How many readings there were.
    public private(set) var readings = 0

    /// The first and last page of each facility's history, counted from 1970; empty where nothing changed.
    private var history: [(first: Int64, last: Int64)]
    /// Ranges from before the wall clock made a leap.
    private var leaptFrom: [(facility: Int, first: Int64, last: Int64)] = []
    /// Pages further apart than a history is long are not of one range.
    private let leap: Int64

    /// Nothing changed.
    public init(_ occupancy: LiveOccupancy) {
        history = Array(repeating: (.max, .min), count: occupancy.facilityCount)
        leap = Int64(occupancy.historyShape.stepCount) / PageSize.steps + 2
    }

    /// The number of facilities.
    var facilityCount: Int { history.count }

    /// Hands over each page of each facility's history, counted from 1970.
    public func forEachHistoryPage(_ body: (_ facility: Int, _ page: Int64) throws -> Void) rethrows
    {
        for (facility, range) in history.enumerated() where range.first <= range.last {
            for page in range.first...range.last { try body(facility, page) }
        }
        for range in leaptFrom {
            for page in range.first...range.last { try body(range.facility, page) }
        }
    }

    mutating func facility(_ facility: Int, step: Int64) {
        readings += 1
        facilities.insert(facility / PageSize.facilities)
        self.step(step, of: facility)
    }

    mutating func step(_ step: Int64, of facility: Int) {
        let page = step / PageSize.steps
        let (first, last) = history[facility]
        if first <= last, page < first - leap || page > last + leap {
            leaptFrom.append((facility, first, last))
            history[facility] = (page, page)
        } else {
            history[facility] = (min(first, page), max(last, page))
        }
    }

    mutating func bay(_ bay: Int) { bays.insert(bay / PageSize.bays) }

    mutating func counter(_ sensor: Int) { counters.insert(sensor / PageSize.sensors) }

    mutating func sequence(_ sensor: Int) { sequences.insert(sensor / PageSize.sensors) }
}
