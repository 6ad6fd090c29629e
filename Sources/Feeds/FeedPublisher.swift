public import LinuxSystem
public import Parking

/// Publishes the feed: snapshot to documents, documents to files.
///
/// What could not be published stays due: every flush tries again, from memory, until it succeeds.
///
/// **Threads.** One: whoever takes the snapshots. It blocks for as long as the disk takes.
public final class FeedPublisher {
    /// The most history files in one flush: ten thousand facilities must not hold up the feed.
    static let historiesInFlush = 32

    /// A history whose facility did not change is written again after so many steps.
    static let idleHistorySteps: Int64 = 15

    private let facilities: [Facility]
    private let settings: FeedSettings
    private let stepMilliseconds: Int64
    private var served: ServedDirectory?
    private var document: ParkingDocument
    private var compressor = GzipCompressor()
    private var feedSchedule: PublishSchedule
    private var hasFeedChanged = true
    private var pages: [Page]
    private var histories: [History]
    private var nextHistory = 0

    /// A file whose content never changes while the process lives.
    private struct Page {
        let name: String
        let content: [UInt8]
        var isDue = true
    }

    private struct History {
        var schedule: PublishSchedule
        var isKnown = false
        var hasChanged = false
        /// The step in which it was last written.
        var step: Int64 = .min
    }

    /// A publisher of a feed about these facilities; the directory is opened at the first flush.
    ///
    /// - Parameter historyStep: The length of a step of the history.
    public init(facilities: [Facility], settings: FeedSettings, historyStep: Duration) {
        self.facilities = facilities
        self.settings = settings
        stepMilliseconds = max(1, historyStep.wholeMilliseconds)
        document = ParkingDocument(facilities: facilities, settings: settings)
        let schedule = PublishSchedule(heartbeat: settings.heartbeat, existing: nil)
        feedSchedule = schedule
        histories = Array(repeating: History(schedule: schedule), count: facilities.count)
        pages = [
            Page(name: "parking.schema.json", content: PackageResources.parking_schema_json),
            Page(name: "history.schema.json", content: PackageResources.history_schema_json),
            Page(name: "index.html", content: PackageResources.index_html),
        ]
    }

    /// Takes note of a facility's new status, for the next flush.
    public func update(_ facility: Int, _ status: FacilityStatus) {
        document.update(facility, status)
        hasFeedChanged = true
        histories[facility].hasChanged = true
        histories[facility].isKnown = true
    }

    /// Publishes what is due.
    ///
    /// - Parameter history: The history of a facility, by its number; asked for the few that are written now.
    /// - Throws: ``FileError``: nothing, or not everything, could be published. What is in the directory is whole; log it once and
    ///   flush again at the next interval.
    public func flush(
        at now: Moment,
        history: (_ facility: Int) -> HistorySeries
    ) throws(FileError) -> FlushReport {
        var report = FlushReport()
        try open()
        try publishFeed(at: now, &report)
        try publishPages(at: now, &report)
        try publishHistories(at: now, history, &report)
        return report
    }

    // MARK: The directory

    private func open() throws(FileError) {
        if var directory = served.take() {
            let isReplaced = try directory.refresh()
            served = consume directory
            if isReplaced { adopt() }
        } else {
            served = try ServedDirectory(
                path: settings.directory,
                temporaryPath: settings.temporaryDirectory,
                folders: ["history"]
            )
            adopt()
        }
    }

    /// Looks at what stands in the directory: modification times must rise from there.
    private func adopt() {
        feedSchedule.found(served?.modificationSeconds(of: "parking.json"))
        hasFeedChanged = true
        for index in pages.indices { pages[index].isDue = true }
        for (index, facility) in facilities.enumerated() {
            let name = HistoryDocument.name(of: facility)
            histories[index].schedule.found(served?.modificationSeconds(of: name))
            histories[index].step = .min
        }
    }

    private func replace(
        _ files: [FileReplacement],
        _ report: inout FlushReport
    ) throws(FileError) {
        let start = SystemClock.monotonicNanoseconds()
        try served?.replace(files)
        report.writing += .nanoseconds(SystemClock.monotonicNanoseconds() - start)
        report.files += files.count
        for file in files { report.bytes += file.chunks.reduce(0) { $0 + $1.count } }
    }

    // MARK: The documents

    private func publishFeed(at now: Moment, _ report: inout FlushReport) throws(FileError) {
        guard hasFeedChanged || feedSchedule.isHeartbeatDue(at: now) else { return }
        guard let modification = feedSchedule.modificationSeconds(at: now) else {
            report.isPending = true
            return
        }
        let start = SystemClock.monotonicNanoseconds()
        let content = document.content(at: now.wallMilliseconds)
        let rendered = SystemClock.monotonicNanoseconds()
        let compressed = document.compressed(at: now.wallMilliseconds, with: &compressor)
        report.rendering += .nanoseconds(rendered - start)
        report.deflating += .nanoseconds(SystemClock.monotonicNanoseconds() - rendered)
        try replace(Self.pair("parking.json", content, compressed, modification), &report)
        feedSchedule.published(modification, at: now)
        hasFeedChanged = false
    }

    private func publishPages(at now: Moment, _ report: inout FlushReport) throws(FileError) {
        for index in pages.indices where pages[index].isDue {
            let page = pages[index]
            let isSame =
                served?.content(of: page.name, limit: page.content.count) == page.content
                && served?.modificationSeconds(of: page.name + ".gz") != nil
            if !isSame {
                let existing = served?.modificationSeconds(of: page.name)
                let modification = max(now.wallMilliseconds / 1000, existing.map { $0 + 1 } ?? 0)
                try replace(pair(page.name, page.content, modification), &report)
            }
            pages[index].isDue = false
        }
    }

    /// Writes the histories that are due, going round, so that each gets its turn.
    private func publishHistories(
        at now: Moment,
        _ history: (Int) -> HistorySeries,
        _ report: inout FlushReport
    ) throws(FileError) {
        guard !facilities.isEmpty else { return }
        let step = now.wallMilliseconds / stepMilliseconds
        var written = 0
        for _ in facilities.indices {
            let number = nextHistory
            guard written < Self.historiesInFlush else { return }
            nextHistory = (nextHistory + 1) % facilities.count
            let entry = histories[number]
            // A step of the wall clock backwards is another step, too.
            let isDue =
                entry.step == .min
                || (entry.hasChanged && entry.step != step)
                || (entry.isKnown && abs(step - entry.step) >= Self.idleHistorySteps)
            guard isDue, let modification = entry.schedule.modificationSeconds(at: now) else {
                continue
            }
            let content = HistoryDocument.content(of: facilities[number], history(number))
            let name = HistoryDocument.name(of: facilities[number])
            try replace(pair(name, content, modification), &report)
            histories[number].schedule.published(modification, at: now)
            histories[number].hasChanged = false
            histories[number].step = step
            written += 1
        }
    }

    private func pair(
        _ name: String,
        _ content: [UInt8],
        _ modification: Int64
    ) -> [FileReplacement] {
        let compressed = GzipCompressor.file(of: [compressor.block(content)])
        return Self.pair(name, [content], compressed, modification)
    }

    /// A file and its compressed sibling, the sibling first.
    ///
    /// Between the two renames a server may give the new compressed content under the old file's ETag: at the next request the
    /// ETag is another, and the reader gets the same content again. The other way round it would give old content under the
    /// new ETag, and the reader would keep it.
    private static func pair(
        _ name: String,
        _ content: [[UInt8]],
        _ compressed: [[UInt8]],
        _ modification: Int64
    ) -> [FileReplacement] {
        [
            FileReplacement(
                name: name + ".gz",
                chunks: compressed,
                modificationSeconds: modification
            ),
            FileReplacement(name: name, chunks: content, modificationSeconds: modification),
        ]
    }
}
