import Journal
import Logging
import Parking
import Persistence

/// Tells the log how the journal is: what was recovered, that it can't be written, that it is written again.
struct JournalReporter {
    private let journal: OccupancyJournal
    private let logger: Logger
    private var last = JournalHealth()

    init(_ journal: OccupancyJournal, logger: Logger) {
        self.journal = journal
        self.logger = logger
    }

    /// Whether what is counted would survive a crash.
    var isDurable: Bool { journal.health.isDurable }

    /// Says what was found at the start.
    static func report(_ report: RecoveryReport, logger: Logger) {
        if let damage = report.damage {
            var metadata: Logger.Metadata = [
                "error": "\(damage)", "unreadable": "\(report.unreadable)",
                "advice": "\(damage.advice)",
            ]
            if let name = report.setAside { metadata["kept_as"] = "\(name)" }
            logger.critical(
                "THE JOURNAL WAS DAMAGED: it was set aside, and counting begins with what could be read of it",
                metadata: metadata
            )
        }
        if report.droppedHistory {
            logger.warning(
                "history.step has changed: the histories begin anew; counts are as they were"
            )
        }
        if report.leftOut > 0 {
            logger.warning(
                "limits.bays or limits.sensors are smaller than what the journal holds; the rest was left out",
                metadata: ["left_out": "\(report.leftOut)"]
            )
        }
        if !report.absentFacilities.isEmpty {
            logger.notice(
                "facilities or parts of the journal are not in the configuration; their counts are kept in case they come back",
                metadata: ["facilities": "\(report.absentFacilities.joined(separator: " "))"]
            )
        }
        if !report.countsAside.isEmpty {
            logger.notice(
                "no rule counts these as a whole any more; their counts are kept in case one comes back, and not used",
                metadata: ["facilities": "\(report.countsAside.joined(separator: " "))"]
            )
        }
        logger.info(
            "recovered from the journal",
            metadata: ["bays": "\(report.bays)", "batches": "\(report.batches)"]
        )
    }

    /// Says what changed since the last call.
    mutating func report(at now: Moment) {
        let health = journal.health
        defer { last = health }
        if let trouble = health.trouble,
            health.outages != last.outages || !trouble.isSameKind(as: last.trouble)
        {
            logger.error(
                "journal cannot be written; counting goes on in memory, and what is counted now would not survive a crash",
                metadata: ["error": "\(trouble)", "advice": "\(trouble.advice)"]
            )
        }
        guard health.isDurable, last.outages != health.outages || !last.isDurable else { return }
        var metadata: Logger.Metadata = ["outages": "\(health.outages)"]
        if let began = last.troubleBegan {
            let seconds = (now.monotonicMilliseconds - began.monotonicMilliseconds) / 1000
            metadata["after_seconds"] = "\(seconds)"
        }
        logger.notice(
            "journal is written again; all that was counted meanwhile is durable now",
            metadata: metadata
        )
    }
}

extension JournalError {
    /// Whether two errors are of one kind: their texts may differ from attempt to attempt.
    fileprivate func isSameKind(as other: JournalError?) -> Bool {
        switch (self, other) {
        case (.inUse, .inUse), (.newer, .newer), (.foreign, .foreign), (.damaged, .damaged),
            (.forbidden, .forbidden), (.full, .full), (.failed, .failed):
            true
        default: false
        }
    }
}
