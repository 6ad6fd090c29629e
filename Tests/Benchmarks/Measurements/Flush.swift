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
    var feed = try Feed(facilities: facilities(count: count, capacity: 500), directory: directory)
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

/// The feed and where it is written, with a clock of its own: a publication a second, without waiting for it.
private struct Feed: ~Copyable {
    private var document: ParkingDocument
    private var compressor = GzipCompressor()
    private var directory: ServedDirectory
    private var wallMilliseconds = SystemClock.wallMilliseconds()
    private var round = 0
    /// The bytes that were written last.
    private(set) var bytes = 0

    init(facilities: [Facility], directory: String) throws(FileError) {
        let temporary = directory + ".tmp"
        let settings = FeedSettings(directory: directory, temporaryDirectory: temporary)
        document = ParkingDocument(facilities: facilities, settings: settings)
        self.directory = try ServedDirectory(path: directory, temporaryPath: temporary)
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
            document.update(number, status)
        }
        let content = document.content(at: wallMilliseconds)
        let rendered = SystemClock.monotonicNanoseconds()
        let compressed = document.compressed(at: wallMilliseconds, with: &compressor)
        let deflated = SystemClock.monotonicNanoseconds()
        let seconds = wallMilliseconds / 1000
        try directory.replace([
            FileReplacement(
                name: "parking.json.gz",
                chunks: compressed,
                modificationSeconds: seconds
            ),
            FileReplacement(name: "parking.json", chunks: content, modificationSeconds: seconds),
        ])
        let written = SystemClock.monotonicNanoseconds()
        bytes = (content + compressed).reduce(0) { $0 + $1.count }
        return FlushTimes(
            rendering: Double(rendered - start),
            deflating: Double(deflated - rendered),
            writing: Double(written - deflated)
        )
    }
}
