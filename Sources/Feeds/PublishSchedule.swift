import Parking

/// When a file is published, and with which modification time: a pure decision.
///
/// At most once in a second of the wall clock, since web servers tell versions apart by the second; with modification times that rise
/// even where the clock was set back; not while the content is the same, but no later than the heartbeat.
struct PublishSchedule {
    private let heartbeatMilliseconds: Int64
    private var lastWallSecond: Int64?
    private var lastMonotonicMilliseconds: Int64?
    private var lastModificationSeconds: Int64

    /// A schedule for a file that may be there already.
    ///
    /// - Parameter existing: The modification time that the file has, in seconds since 1970.
    init(heartbeat: Duration, existing: Int64?) {
        heartbeatMilliseconds = heartbeat.wholeMilliseconds
        lastModificationSeconds = existing ?? .min
    }

    /// Whether a file of this kind has to be written again, changed or not.
    func isHeartbeatDue(at now: Moment) -> Bool {
        guard let last = lastMonotonicMilliseconds else { return true }
        return now.monotonicMilliseconds - last >= heartbeatMilliseconds
    }

    /// The modification time to publish with now; nil where it must wait for another second.
    func modificationSeconds(at now: Moment) -> Int64? {
        let second = Self.second(now)
        guard second != lastWallSecond else { return nil }
        return lastModificationSeconds == .min ? second : max(second, lastModificationSeconds + 1)
    }

    /// Takes note of a publication.
    mutating func published(_ modificationSeconds: Int64, at now: Moment) {
        lastWallSecond = Self.second(now)
        lastMonotonicMilliseconds = now.monotonicMilliseconds
        lastModificationSeconds = max(lastModificationSeconds, modificationSeconds)
    }

    /// Somebody put another directory in the place of ours, whose file may be newer.
    mutating func found(_ modificationSeconds: Int64?) {
        if let modificationSeconds {
            lastModificationSeconds = max(lastModificationSeconds, modificationSeconds)
        }
        lastMonotonicMilliseconds = nil
    }

    private static func second(_ now: Moment) -> Int64 {
        let (quotient, remainder) = now.wallMilliseconds.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
