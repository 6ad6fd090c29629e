public import Parking

/// Decides when a file is published, and with which modification time.
///
/// Web servers derive `Last-Modified` (whole seconds) and `ETag` from the modification time, and the length: two contents
/// of one second and one length would be one to them, and a reader would get a false 304. So a file is published at
/// most once in a second of the wall clock, and its times are whole seconds that rise strictly, also when the clock steps back,
/// and also over a restart. While the clock is behind, the times run ahead of it.
///
/// Threads: one at a time.
public struct PublishSchedule: Equatable, Sendable {
    /// What to do about the file now.
    public enum Decision: Equatable, Sendable {
        /// Publish it with this modification time, in seconds since 1970.
        case publish(modificationSeconds: Int64)
        /// There is something to publish, but only after this time.
        case wait(milliseconds: Int64)
        /// There is nothing to publish.
        case rest
    }

    private let spacingMilliseconds: Int64
    private let heartbeatMilliseconds: Int64?

    /// The newest time that a served file may carry.
    private var modificationSeconds: Int64?
    /// The second of the wall clock in which it was last tried.
    private var wallSecond: Int64?
    /// When it was last published by this process.
    private var publishedMonotonic: Int64?

    /// A schedule of a file that this process has not published yet.
    ///
    /// - Parameters:
    ///   - spacing: The shortest time between two publications, beside the second of the wall clock.
    ///   - heartbeat: The longest time for which an unchanged file is left alone; nil means for ever.
    ///   - interval: How often a decision is asked for: what would be late at the next one is due now.
    public init(spacing: Duration = .zero, heartbeat: Duration?, interval: Duration) {
        spacingMilliseconds = spacing.wholeMilliseconds
        heartbeatMilliseconds = heartbeat.map {
            max(1, $0.wholeMilliseconds - interval.wholeMilliseconds + 1)
        }
    }

    /// A file stands there already, with this modification time.
    public mutating func found(modificationSeconds: Int64) {
        self.modificationSeconds = max(self.modificationSeconds ?? .min, modificationSeconds)
    }

    /// Decides for this moment.
    public func decision(hasChanged: Bool, at moment: Moment) -> Decision {
        if let published = publishedMonotonic {
            let elapsed = moment.monotonicMilliseconds - published
            let isOverdue = heartbeatMilliseconds.map { elapsed >= $0 } ?? false
            guard hasChanged || isOverdue else { return .rest }
            guard elapsed >= spacingMilliseconds else {
                return .wait(milliseconds: spacingMilliseconds - elapsed)
            }
        }
        let now = Self.second(of: moment)
        guard now != wallSecond ?? modificationSeconds else {
            return .wait(milliseconds: (now + 1) * 1000 - moment.wallMilliseconds)
        }
        return .publish(modificationSeconds: max(now, (modificationSeconds ?? now - 1) + 1))
    }

    /// A publication was tried.
    ///
    /// One that failed may have left its time on a file, so that time is used up all the same.
    public mutating func tried(modificationSeconds: Int64, isPublished: Bool, at moment: Moment) {
        found(modificationSeconds: modificationSeconds)
        wallSecond = Self.second(of: moment)
        if isPublished { publishedMonotonic = moment.monotonicMilliseconds }
    }

    /// What was published is gone: the next decision is to publish.
    public mutating func lost() {
        publishedMonotonic = nil
    }

    /// Rounded down, also before 1970: a machine without a battery may begin there.
    private static func second(of moment: Moment) -> Int64 {
        let (seconds, rest) = moment.wallMilliseconds.quotientAndRemainder(dividingBy: 1000)
        return rest < 0 ? seconds - 1 : seconds
    }
}
