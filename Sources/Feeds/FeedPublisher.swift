import LinuxSystem
public import Parking

/// Publishes what is known of the facilities as files in a served directory.
///
/// A file that could not be written is tried again at the next flush; nothing that the disk does ends the process.
///
/// The compressed sibling is renamed before the plain file. A server that takes the body from the sibling and
/// the modification time from the plain file (Caddy) then serves, in the moment between the two, new content under
/// the old time, which the next request corrects. The other way round a reader would keep old content under
/// the new time, and be told 304 until the next publication.
///
/// Threads: one at a time; it writes and synchronises, so give it a thread that may block.
public struct FeedPublisher: ~Copyable {
    /// The most history files of one flush; with their siblings twice as many files.
    ///
    /// 10,000 facilities that all change are then written once in about five minutes at one flush a second, and a flush stays short.
    static let historyLimit = 32

    private let settings: FeedSettings
    private var directory: ServedDirectory?
    private var compressor = GzipCompressor()
    private var document: ParkingDocument
    private var schedule: PublishSchedule
    private var isSiteWritten = false
    private var history: HistoryQueue

    /// A publisher of facilities of which nothing is known yet.
    ///
    /// The directory is opened at the first flush, and whenever it was replaced. From then on its temporary sibling is
    /// locked, so a publisher that takes the place of this one can flush once this one is gone.
    public init(settings: FeedSettings, facilities: [Facility]) {
        self.settings = settings
        document = ParkingDocument(
            facilities: facilities,
            publisher: settings.publisher,
            interval: settings.interval,
            heartbeat: settings.heartbeat,
            hasHistory: settings.historyStep != nil
        )
        schedule = PublishSchedule(heartbeat: settings.heartbeat, interval: settings.interval)
        history = HistoryQueue(
            count: settings.historyStep == nil ? 0 : facilities.count,
            step: settings.historyStep ?? .zero,
            limit: Self.historyLimit
        )
    }

    /// Takes the status of a facility, by its place in the configured order; renders it if it changed.
    public mutating func update(_ index: Int, status: FacilityStatus) {
        if document.update(index, status) { history.mark(index) }
    }

    /// Takes whether what is counted would survive a crash.
    public mutating func update(isDurable: Bool) { document.update(isDurable: isDurable) }

    /// The history of a facility changed, though its status may not have.
    public mutating func markHistory(of index: Int) {
        history.mark(index)
    }

    /// Publishes what changed and is due.
    ///
    /// - Parameters:
    ///   - moment: Now.
    ///   - series: The history of a facility by its place, or nil where there is none; asked for a few at a time.
    public mutating func flush(
        at moment: Moment,
        series: (Int) -> HistorySeries? = { _ in nil }
    ) -> FlushReport {
        var report = FlushReport()
        do throws(FileError) {
            try openDirectory()
        } catch {
            report.problems.append(error)
            return report
        }
        publishDocument(at: moment, &report)
        publishHistory(at: moment, series, &report)
        publishSite(at: moment, &report)
        return report
    }

    private mutating func openDirectory() throws(FileError) {
        if directory != nil {
            guard try directory?.refresh() == true else { return }
        } else {
            directory = try ServedDirectory(
                path: settings.directory,
                temporaryPath: settings.temporaryDirectory,
                folders: settings.historyStep == nil ? [] : [HistoryDocument.folder]
            )
        }
        // Whatever stood in the directory before stands there no more, or is another process's.
        isSiteWritten = false
        schedule.lost()
        history.lose()
        if let seconds = modificationSeconds(of: ParkingDocument.name) {
            schedule.found(modificationSeconds: seconds)
        }
        guard settings.historyStep != nil else { return }
        for (index, facility) in document.facilities.enumerated() {
            let name = HistoryDocument.name(of: facility)
            guard let seconds = modificationSeconds(of: name) else { continue }
            history.found(index, modificationSeconds: seconds)
        }
    }

    // MARK: parking.json

    private mutating func publishDocument(at moment: Moment, _ report: inout FlushReport) {
        let seconds: Int64
        switch schedule.decision(hasChanged: document.hasChanged, at: moment) {
        case .rest: return
        case .wait(let milliseconds):
            report.waitMilliseconds = milliseconds
            return
        case .publish(let modificationSeconds): seconds = modificationSeconds
        }
        let begin = SystemClock.monotonicNanoseconds()
        let plain = document.chunks(generatedMilliseconds: moment.wallMilliseconds)
        let rendered = SystemClock.monotonicNanoseconds()
        let compressed = document.compressed(
            generatedMilliseconds: moment.wallMilliseconds,
            with: &compressor
        )
        report.renderNanoseconds += rendered - begin
        report.compressNanoseconds += SystemClock.monotonicNanoseconds() - rendered
        let isPublished = replace(
            Self.pair(ParkingDocument.name, plain, compressed, seconds),
            &report
        )
        schedule.tried(modificationSeconds: seconds, isPublished: isPublished, at: moment)
        if isPublished {
            document.markPublished()
            report.isFeedPublished = true
        }
    }

    // MARK: history/<id>.json

    private mutating func publishHistory(
        at moment: Moment,
        _ series: (Int) -> HistorySeries?,
        _ report: inout FlushReport
    ) {
        let due = history.due(at: moment)
        var replacements: [FileReplacement] = []
        var writer = JSONWriter()
        for entry in due {
            guard let series = series(entry.index) else { continue }
            let facility = document.facilities[entry.index]
            let begin = SystemClock.monotonicNanoseconds()
            HistoryDocument.write(series, of: facility, to: &writer)
            let rendered = SystemClock.monotonicNanoseconds()
            let compressed = GzipCompressor.file(of: [compressor.block(writer.bytes)])
            report.renderNanoseconds += rendered - begin
            report.compressNanoseconds += SystemClock.monotonicNanoseconds() - rendered
            replacements += Self.pair(
                HistoryDocument.name(of: facility),
                [writer.bytes],
                compressed,
                entry.modificationSeconds
            )
        }
        let isPublished = replacements.isEmpty || replace(replacements, &report)
        history.tried(due, isPublished: isPublished, at: moment)
    }

    // MARK: index.html and the schemas

    private mutating func publishSite(at moment: Moment, _ report: inout FlushReport) {
        guard !isSiteWritten else { return }
        var isWritten = true
        for file in Site.files {
            let compressed = GzipCompressor.file(of: [compressor.block(file.content)])
            guard !isServed(file.name, file.content, compressed.flatMap { $0 }) else { continue }
            // Once a process and content: the wall clock's second needs no schedule here.
            let former = modificationSeconds(of: file.name).map { $0 + 1 }
            let seconds = max(moment.wallMilliseconds / 1000, former ?? 0)
            let pair = Self.pair(file.name, [file.content], compressed, seconds)
            if !replace(pair, &report) { isWritten = false }
        }
        isSiteWritten = isWritten
    }

    private func isServed(_ name: String, _ content: [UInt8], _ compressed: [UInt8]) -> Bool {
        directory?.modificationSeconds(of: name) == directory?.modificationSeconds(of: "\(name).gz")
            && directory?.content(of: name, limit: content.count) == content
            && directory?.content(of: "\(name).gz", limit: compressed.count) == compressed
    }

    // MARK: Files

    /// The newest time of a file and its sibling.
    private func modificationSeconds(of name: String) -> Int64? {
        let plain = directory?.modificationSeconds(of: name)
        let compressed = directory?.modificationSeconds(of: "\(name).gz")
        guard let plain else { return compressed }
        return max(plain, compressed ?? plain)
    }

    private static func pair(
        _ name: String,
        _ plain: [[UInt8]],
        _ compressed: [[UInt8]],
        _ seconds: Int64
    ) -> [FileReplacement] {
        [
            FileReplacement(name: "\(name).gz", chunks: compressed, modificationSeconds: seconds),
            FileReplacement(name: name, chunks: plain, modificationSeconds: seconds),
        ]
    }

    /// Replaces files and tells whether that succeeded; why it did not goes into the report.
    private mutating func replace(_ files: [FileReplacement], _ report: inout FlushReport) -> Bool {
        let begin = SystemClock.monotonicNanoseconds()
        defer { report.writeNanoseconds += SystemClock.monotonicNanoseconds() - begin }
        do throws(FileError) {
            try directory?.replace(files)
        } catch {
            report.problems.append(error)
            return false
        }
        report.files += files.count
        report.bytes += files.reduce(0) { $0 + $1.chunks.reduce(0) { $0 + $1.count } }
        return true
    }
}
