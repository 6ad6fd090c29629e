import Glibc
import LinuxSystem
import Parking
import Synchronization
import TestSupport
import Testing

@testable import Feeds

/// Publication into a real directory, at moments that the test chooses.
struct FeedPublisherTests {
    let scratch: ScratchDirectory
    private let seconds = Int(sampleMilliseconds / 1000)

    init() throws {
        scratch = ScratchDirectory()
    }

    private func publisher(
        _ count: Int,
        historyStep: Duration? = .seconds(60)
    ) throws -> FeedPublisher {
        FeedPublisher(
            settings: FeedSettings(
                directory: "\(scratch.path)/feed/",
                publisher: samplePublisher,
                historyStep: historyStep
            ),
            facilities: try (0..<count).map { try facility("f-\($0)") }
        )
    }

    private func series(_ index: Int) -> HistorySeries? {
        HistorySeries(
            startMilliseconds: sampleMilliseconds,
            stepMilliseconds: 60_000,
            slots: Array(repeating: nil, count: 10)
        )
    }

    /// The content of a compressed file.
    private func uncompressed(_ name: String) throws -> [UInt8] {
        let copy = "\(scratch.path)/uncompressed"
        try #require(
            Command.run(
                ["gzip", "--decompress", "--stdout", "\(scratch.path)/\(name)"],
                output: copy
            )
        )
        return try #require(scratch.read("uncompressed"))
    }

    @Test func `The first flush writes the feed, the page and the schemas, each with its sibling`()
        throws
    {
        var publisher = try publisher(3)
        let report = publisher.flush(at: moment(0))
        #expect(report.problems == [])
        #expect(report.isFeedPublished)
        #expect(report.files == 8)
        #expect(report.waitMilliseconds == nil)
        let names = ["parking.json", "index.html", "parking.schema.json", "history.schema.json"]
        for name in names {
            #expect(try uncompressed("feed/\(name).gz") == scratch.read("feed/\(name)"))
            #expect(scratch.modificationSeconds("feed/\(name)") == seconds)
            #expect(scratch.modificationSeconds("feed/\(name).gz") == seconds)
        }
        #expect(scratch.text("feed/parking.json")?.contains(#""id":"f-2""#) == true)
    }

    @Test func `A change is published at the next second, and its history at once`() throws {
        var publisher = try publisher(3)
        _ = publisher.flush(at: moment(0))
        publisher.update(1, status: status(42))
        let early = publisher.flush(at: moment(500), series: series)
        #expect(!early.isFeedPublished)
        #expect(early.waitMilliseconds == 500)
        #expect(scratch.modificationSeconds("feed/history/f-1.json") == seconds)
        #expect(
            try uncompressed("feed/history/f-1.json.gz") == scratch.read("feed/history/f-1.json")
        )
        #expect(scratch.modificationSeconds("feed/history/f-0.json") == nil)
        let later = publisher.flush(at: moment(1000), series: series)
        #expect(later.isFeedPublished)
        #expect(later.files == 2)
        #expect(scratch.modificationSeconds("feed/parking.json") == seconds + 1)
        #expect(scratch.text("feed/parking.json")?.contains(#""occupied":42,"free":58"#) == true)
    }

    @Test func `A quiet feed is left alone until the heartbeat`() throws {
        var publisher = try publisher(1)
        _ = publisher.flush(at: moment(0))
        var published: [Int64] = []
        for second: Int64 in 1...130 {
            let report = publisher.flush(at: moment(second * 1000))
            if report.isFeedPublished { published.append(second) }
        }
        #expect(published == [60, 120])
    }

    @Test func `A restart leaves equal files alone, and its feed is newer than the former`() throws
    {
        do {
            var first = try publisher(1)
            _ = first.flush(at: moment(0))
        }
        var second = try publisher(1)
        let waiting = second.flush(at: moment(10))
        #expect(waiting.files == 0)
        #expect(waiting.waitMilliseconds == 990)
        // The clock is an hour behind.
        let report = second.flush(at: moment(2000, wallStep: -3_600_000))
        #expect(report.files == 2)
        #expect(scratch.modificationSeconds("feed/parking.json") == seconds + 1)
        #expect(scratch.modificationSeconds("feed/index.html") == seconds)
    }

    @Test func `A page that somebody changed is replaced at the start, with a newer time`() throws {
        do {
            var first = try publisher(1)
            _ = first.flush(at: moment(0))
        }
        let page = try #require(scratch.read("feed/index.html"))
        scratch.write([1, 2, 3], to: "feed/index.html")
        var second = try publisher(1)
        let report = second.flush(at: moment(5000))
        #expect(report.files == 4)
        #expect(scratch.read("feed/index.html") == page)
        let time = try #require(scratch.modificationSeconds("feed/index.html"))
        #expect(scratch.modificationSeconds("feed/index.html.gz") == time)
    }

    @Test func `A directory that is replaced while we run gets everything again`() throws {
        var publisher = try publisher(2)
        publisher.update(0, status: status(7))
        _ = publisher.flush(at: moment(0), series: series)
        try #require(Command.run(["rm", "-rf", "\(scratch.path)/feed"]))
        let report = publisher.flush(at: moment(1000), series: series)
        #expect(report.problems == [])
        #expect(report.files == 10)
        #expect(scratch.text("feed/parking.json")?.contains(#""occupied":7"#) == true)
        #expect(scratch.modificationSeconds("feed/history/f-0.json") == seconds + 1)
    }

    @Test func `A parent that is missing is reported and tried again`() throws {
        let settings = FeedSettings(
            directory: "\(scratch.path)/var/feed",
            publisher: samplePublisher,
            historyStep: nil
        )
        var publisher = FeedPublisher(settings: settings, facilities: [try facility("a")])
        let failed = publisher.flush(at: moment(0))
        #expect(failed.problems.map(\.operation) == [.create])
        #expect(!failed.isFeedPublished)
        try #require(unsafe mkdir("\(scratch.path)/var", 0o755) == 0)
        let report = publisher.flush(at: moment(1000))
        #expect(report.problems == [])
        #expect(report.isFeedPublished)
    }

    @Test func `A file that can't be replaced fails alone, and is written when it can be`() throws {
        var publisher = try publisher(1)
        try #require(Command.run(["mkdir", "-p", "\(scratch.path)/feed/parking.json"]))
        try #require(Command.run(["mkdir", "-p", "\(scratch.path)/feed/index.html"]))
        let failed = publisher.flush(at: moment(0))
        #expect(
            failed.problems.map(\.path) == [
                "\(scratch.path)/feed/parking.json", "\(scratch.path)/feed/index.html",
            ]
        )
        #expect(failed.files == 4)
        try #require(Command.run(["rmdir", "\(scratch.path)/feed/parking.json"]))
        try #require(Command.run(["rmdir", "\(scratch.path)/feed/index.html"]))
        let report = publisher.flush(at: moment(1000))
        #expect(report.problems == [])
        #expect(report.files == 4)
        let time = try #require(scratch.modificationSeconds("feed/parking.json"))
        #expect(scratch.modificationSeconds("feed/parking.json.gz") == time)
    }

    @Test func `Ten thousand facilities that change don't stall a flush with their histories`()
        throws
    {
        var publisher = try publisher(10_000)
        _ = publisher.flush(at: moment(0), series: series)
        for index in 0..<10_000 { publisher.update(index, status: status(index % 100)) }
        let report = publisher.flush(at: moment(1000), series: series)
        #expect(report.problems == [])
        #expect(report.files == 2 + 2 * FeedPublisher.historyLimit)
    }

    /// What a reader must never see: half a file, two generations in one file, a time that falls.
    @Test func `A reader that reads all the time sees whole files whose times rise`() throws {
        var publisher = try publisher(64, historyStep: nil)
        _ = publisher.flush(at: moment(0))
        let isDone = Atomic(false)
        let complaints = Mutex<[String]>([])
        let reads = Atomic(0)
        let path = "\(scratch.path)/feed/parking.json"
        let reader = try NamedThread(name: "reader") {
            var newest = 0
            while !isDone.load(ordering: .acquiring) {
                do {
                    let file = try OpenFile(path)
                    let time = file.modificationSeconds()
                    let complaint = complaint(about: file.content(), time: time, newest: newest)
                    if let complaint { complaints.withLock { $0.append(complaint) } }
                    newest = time
                    reads.add(1, ordering: .relaxed)
                } catch {
                    complaints.withLock { $0.append("\(error)") }
                }
            }
        }
        for number: Int64 in 1...500 {
            for index in 0..<64 { publisher.update(index, status: status(Int(number) % 100)) }
            let report = publisher.flush(at: moment(number * 1000))
            #expect(report.isFeedPublished)
        }
        isDone.store(true, ordering: .releasing)
        reader.join()
        #expect(complaints.withLock { $0 } == [])
        #expect(reads.load(ordering: .relaxed) > 10)
    }
}

/// What is wrong with a feed in which all facilities are of one generation, written in the second of its time.
private func complaint(about content: [UInt8], time: Int, newest: Int) -> String? {
    let text = String(decoding: content, as: UTF8.self)
    if time < newest { return "time \(time) after \(newest)" }
    if !text.hasPrefix("{\"generated_at\":\"\(RFC3339.text(Int64(time) * 1000))\"") {
        return "not generated at \(time): \(text.prefix(50))"
    }
    if !text.hasSuffix("\"schema\":\"parking.schema.json\"}\n") { return "no end" }
    let counts = Set(
        text.split(separator: "\n").filter { $0.hasPrefix("{\"id\"") }
            .compactMap { $0.split(separator: ",").first { $0.hasPrefix("\"occupied\"") } }
    )
    return counts.count == 1 ? nil : "counts \(counts)"
}
