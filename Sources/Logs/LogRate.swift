/// Decides which of many equal events are logged: a token bucket that counts what it holds back.
///
/// Time comes in as a value, so a test needs no clock. A clock that goes back gives no tokens and takes none.
///
/// Threads: one at a time.
public struct LogRate: Equatable, Sendable {
    /// What to do with an event.
    public enum Admission: Equatable, Sendable {
        /// Log it, with the number of events that were held back since the last one.
        case log(suppressed: Int)
        /// Hold it back.
        case suppress
    }

    /// The events that were held back since the last one that was logged.
    public private(set) var suppressed = 0

    private let eventsPerMinute: Int64
    private let capacity: Int64

    /// Units: 1/60,000 of an event, so that a millisecond earns a whole number.
    private var balance: Int64
    private var lastMilliseconds: Int64?

    /// Units of ``balance`` that one event costs.
    private static let price: Int64 = 60_000

    /// A rate of so many events a minute, and so many at once after a quiet time.
    public init(eventsPerMinute: Int, burst: Int) {
        precondition(eventsPerMinute > 0 && eventsPerMinute <= 1_000_000)
        precondition(burst > 0 && burst <= 1_000_000)
        self.eventsPerMinute = Int64(eventsPerMinute)
        capacity = Int64(burst) * Self.price
        balance = capacity
    }

    /// Decides about an event at this time of a monotonic clock.
    public mutating func admit(at milliseconds: Int64) -> Admission {
        if let last = lastMilliseconds, milliseconds > last {
            // After this long the bucket is full anyway; the bound keeps the product from an overflow.
            let (difference, overflow) = milliseconds.subtractingReportingOverflow(last)
            let full = capacity / eventsPerMinute + 1
            let elapsed = overflow ? full : min(difference, full)
            balance = min(capacity, balance + elapsed * eventsPerMinute)
        }
        lastMilliseconds = max(lastMilliseconds ?? milliseconds, milliseconds)
        guard balance >= Self.price else {
            suppressed += 1
            return .suppress
        }
        balance -= Self.price
        defer { suppressed = 0 }
        return .log(suppressed: suppressed)
    }

    /// Takes the count of what was held back, for a closing line when nothing more comes.
    public mutating func takeSuppressed() -> Int {
        defer { suppressed = 0 }
        return suppressed
    }
}
