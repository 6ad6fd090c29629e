import Parking

/// Decides which history files are written in a flush: those of facilities that changed, each at most once a step, a
/// bounded number at a time, going round so that none waits for ever.
///
/// A batch that failed is followed by single files, so that one file that can't be written holds up nobody but itself.
///
/// Threads: one at a time.
struct HistoryQueue {
    /// A file that is to be written now.
    struct Entry: Equatable {
        let index: Int
        let modificationSeconds: Int64
    }

    private struct File {
        var hasChanged = false
        var isWritten = false
        var schedule: PublishSchedule
    }

    private var files: [File]
    private let limit: Int

    /// Where the round goes on.
    private var next = 0

    /// How many files the next flush may try: set to one by a failure, doubled by each success.
    private var batch: Int

    /// A queue for so many facilities, none of which changed.
    init(count: Int, step: Duration, limit: Int) {
        let schedule = PublishSchedule(spacing: step, heartbeat: nil, interval: .zero)
        files = Array(repeating: File(schedule: schedule), count: count)
        self.limit = limit
        batch = limit
    }

    /// A facility's history changed.
    mutating func mark(_ index: Int) {
        guard index < files.count else { return }
        files[index].hasChanged = true
    }

    /// A facility's file stands there already, with this modification time.
    mutating func found(_ index: Int, modificationSeconds: Int64) {
        files[index].schedule.found(modificationSeconds: modificationSeconds)
    }

    /// The files are gone; those that were ever written are written again.
    mutating func lose() {
        for index in files.indices {
            files[index].hasChanged = files[index].hasChanged || files[index].isWritten
            files[index].schedule.lost()
        }
    }

    /// The files for this flush.
    func due(at moment: Moment) -> [Entry] {
        var due: [Entry] = []
        for offset in 0..<files.count where due.count < batch {
            let index = (next + offset) % files.count
            guard files[index].hasChanged else { continue }
            let decision = files[index].schedule.decision(hasChanged: true, at: moment)
            if case .publish(let seconds) = decision {
                due.append(Entry(index: index, modificationSeconds: seconds))
            }
        }
        return due
    }

    /// These files were tried, all at once.
    mutating func tried(_ entries: [Entry], isPublished: Bool, at moment: Moment) {
        guard let last = entries.last else { return }
        for entry in entries {
            files[entry.index].schedule.tried(
                modificationSeconds: entry.modificationSeconds,
                isPublished: isPublished,
                at: moment
            )
            guard isPublished else { continue }
            files[entry.index].hasChanged = false
            files[entry.index].isWritten = true
        }
        if isPublished || entries.count == 1 { next = (last.index + 1) % files.count }
        batch = isPublished ? min(limit, batch * 2) : 1
    }
}
