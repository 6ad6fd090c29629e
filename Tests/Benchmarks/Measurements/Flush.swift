import Feeds
import LinuxSystem
import Parking

/// What one publication of `parking.json` took, in nanoseconds.
private struct FlushTimes {
    var rendering: Double
    var deflating: Double
    var writing: Double
}

/// Publications of a feed of 10,000 facilities, of which one in a hundred changed, or all.
///
/// Those that changed lie as far apart as they can: what the document keeps together, it keeps in vain.
func measureFlush(in directory: String) throws(FileError) -> [Figure] {
    let count = 10_000
    var feed = Feed(facilities: facilities(count: count, capacity: 500), directory: directory)
    _ = try feed.publish(Array(0..<count))
    var few: [FlushTimes] = []
    var all: [FlushTimes] = []
    for _ in 0..<5 {
        few.append(try feed.publish(Array(stride(from: 0, to: count, by: 100))))
        all.append(try feed.publish(Array(0..<count)))
    }
    func figures(_ name: String, _ part: (FlushTimes) -> Double) -> [Figure] {
        let few = median(few.map(part))
        let all = median(all.map(part))
        return [
            Figure(name: "\(name)_ratio", value: few / all),
            Figure(name: "\(name)_few_microseconds", value: few / 1000),
            Figure(name: "\(name)_all_microseconds", value: all / 1000),
        ]
    }
    return figures("rendering", \.rendering) + figures("deflating", \.deflating)
        + figures("writing", \.writing) + [Figure(name: "bytes", value: Double(feed.bytes))]
}

/// The feed, with a clock of its own: a publication a second, without waiting for it.
private struct Feed: ~Copyable {
    private var publisher: FeedPublisher
    private var wallMilliseconds = SystemClock.wallMilliseconds()
    private var round = 0
    /// The bytes that were written last.
    private(set) var bytes = 0

    init(facilities: [Facility], directory: String) {
        let settings = FeedSettings(
            directory: directory,
            publisher: Publisher(name: "Benchmark"),
            // Without histories: a flush writes some of them, and their cost is another.
            historyStep: nil
        )
        publisher = FeedPublisher(settings: settings, facilities: facilities)
    }

    /// Gives these facilities another status and publishes all.
    mutating func publish(_ changed: [Int]) throws(FileError) -> FlushTimes {
        round += 1
        wallMilliseconds += 1000
        let start = SystemClock.monotonicNanoseconds()
        for number in changed {
            let status = FacilityStatus(
                occupied: 100 + (number + round) % 300,
                observedMilliseconds: wallMilliseconds,
                state: .open,
                trend: .stable,
                isStale: false
            )
            publisher.update(number, status: status)
        }
        let updating = SystemClock.monotonicNanoseconds() - start
        let report = publisher.flush(at: Moment(recordedMilliseconds: wallMilliseconds))
        if let problem = report.problems.first { throw problem }
        bytes = report.bytes
        return FlushTimes(
            rendering: Double(updating + report.renderNanoseconds),
            deflating: Double(report.compressNanoseconds),
            writing: Double(report.writeNanoseconds)
        )
    }
}
