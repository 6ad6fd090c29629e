import Ingest
import LinuxSystem
import Logging
import Parking

/// A line a minute: what came in, what became of it, and what the process uses.
struct TrafficReporter {
    private let tallies: [IngestTally]
    private let incidents: IncidentLog
    private let logger: Logger
    private var last: Sample

    private struct Sample {
        var milliseconds: Int64
        var messages: Int
        var bytes: Int
        var readings: Int
        var late: Int
        var redelivered: Int
        var refused: Int
        var processorMicroseconds: Int64
    }

    init(tallies: [IngestTally], incidents: IncidentLog, logger: Logger, at now: Moment) {
        self.tallies = tallies
        self.incidents = incidents
        self.logger = logger
        last = Self.sample(tallies, incidents, ProcessUsage.now(), at: now)
    }

    /// The messages received since the process began.
    var messages: Int { tallies.reduce(0) { $0 + $1.messages } }

    /// Writes the line.
    ///
    /// - Parameter stale: How many facilities are stale now.
    mutating func report(stale: Int, facilities: Int, at now: Moment) {
        let usage = ProcessUsage.now()
        let sample = Self.sample(tallies, incidents, usage, at: now)
        let seconds = max(0.001, Double(sample.milliseconds - last.milliseconds) / 1000)
        let messages = sample.messages - last.messages
        let busy = Double(sample.processorMicroseconds - last.processorMicroseconds) / 1e4
        logger.info(
            "traffic",
            metadata: [
                "messages": "\(messages)",
                "per_second": "\(Self.tenths(Double(messages) / seconds))",
                "readings": "\(sample.readings - last.readings)",
                "late": "\(sample.late - last.late)",
                "redelivered": "\(sample.redelivered - last.redelivered)",
                "refused": "\(sample.refused - last.refused)",
                "kilobytes": "\((sample.bytes - last.bytes) / 1024)",
                "stale": "\(stale)/\(facilities)",
                "cpu_percent": "\(Self.tenths(busy / seconds))",
                "memory_mb": "\(usage.residentBytes >> 20)",
            ]
        )
        last = sample
    }

    private static func sample(
        _ tallies: [IngestTally],
        _ incidents: IncidentLog,
        _ usage: ProcessUsage,
        at now: Moment
    ) -> Sample {
        Sample(
            milliseconds: now.monotonicMilliseconds,
            messages: tallies.reduce(0) { $0 + $1.messages },
            bytes: tallies.reduce(0) { $0 + $1.bytes },
            readings: tallies.reduce(0) { $0 + $1.readings },
            late: tallies.reduce(0) { $0 + $1.late },
            redelivered: tallies.reduce(0) { $0 + $1.redelivered },
            refused: incidents.refusals,
            processorMicroseconds: usage.processorMicroseconds
        )
    }

    private static func tenths(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}
