/// How the sensors of a rule write the time of an observation.
///
/// Pure: what a text without a date or without a zone means follows from the time of its reception.
public struct ObservationClock: Equatable, Sendable {
    /// What is written; the raw value is the word in the configuration.
    public enum Format: String, Sendable, CaseIterable {
        /// An instant: RFC 3339, or unix seconds or milliseconds.
        case instant
        /// Hour and minute of the place, without a date: `2010`, `20:10`, or a number, in which 5 is 00:05.
        case hourMinute = "hhmm"
        /// Date and time of the place: `2026-10-25 01:30:00`, or with a `T`, seconds and fraction left out or not.
        case local
    }

    /// How far ahead of the time of reception an observation may be, in milliseconds.
    public static let futureTolerance = Moment.futureTolerance

    /// How far ahead of the time of reception a minute without a date may be and still be that of this day, in milliseconds.
    public static let fastTolerance: Int64 = 60 * 60_000

    /// What is written.
    public var format: Format

    /// The place whose time it is; nil for UTC.
    public var zone: ZoneOffsets?

    /// What is added to what is written: negative where the sensors' clocks are fast.
    public var offsetMilliseconds: Int64

    /// The largest time and offset that are reckoned with, in both directions: 30,000 years.
    private static let bound: Int64 = 1_000_000_000_000_000

    private static let day: Int64 = 86_400_000
    private static let minute: Int64 = 60_000

    /// A clock that writes like this; by default instants that are right.
    public init(
        format: Format = .instant,
        zone: ZoneOffsets? = nil,
        offsetMilliseconds: Int64 = 0
    ) {
        self.format = format
        self.zone = zone
        self.offsetMilliseconds = offsetMilliseconds
    }

    /// The time that a text means if it was received at `received`, or nil where it is none.
    ///
    /// Units: milliseconds since 1970.
    public func milliseconds(text: Span<UInt8>, near received: Int64) -> Int64? {
        switch format {
        case .instant:
            return corrected(RFC3339.milliseconds(text) ?? UnixTime.milliseconds(text: text))
        case .hourMinute:
            return hourMinute(text).flatMap { time(ofMinute: $0, near: received) }
        case .local:
            return LocalTime.milliseconds(text).flatMap { time(ofLocal: $0, near: received) }
        }
    }

    /// The time that a number means if it was received at `received`, or nil where it is none.
    ///
    /// Units: milliseconds since 1970.
    public func milliseconds(integer: Int64, near received: Int64) -> Int64? {
        switch format {
        case .instant:
            return corrected(UnixTime.milliseconds(integer: integer))
        case .hourMinute:
            guard (0...2359).contains(integer), integer % 100 < 60 else { return nil }
            return time(ofMinute: integer / 100 * 60 + integer % 100, near: received)
        case .local:
            // A number of seconds since 1970 counts from an instant and not from a local midnight.
            return nil
        }
    }

    /// The time that a number with a fraction means if it was received at `received`, or nil where it is none.
    ///
    /// Units: milliseconds since 1970.
    public func milliseconds(real: Double, near received: Int64) -> Int64? {
        guard format == .instant else {
            // 2010.0 is the number 2010.
            return Int64(exactly: real).flatMap { milliseconds(integer: $0, near: received) }
        }
        return corrected(UnixTime.milliseconds(real: real))
    }

    private func corrected(_ time: Int64?) -> Int64? {
        guard let time, offsetMilliseconds.magnitude <= Self.bound.magnitude else { return nil }
        return time + offsetMilliseconds
    }

    /// What the sensor's clock should show at a time of reception; nil for a time out of all reckoning.
    private func shown(_ received: Int64) -> Int64? {
        guard received.magnitude <= Self.bound.magnitude,
            offsetMilliseconds.magnitude <= Self.bound.magnitude
        else { return nil }
        return received - offsetMilliseconds
    }

    /// The last time at which it was this minute of the day, counted from midnight.
    ///
    /// The message itself may have been written a little ahead of its reception, if the clocks differ a little. A minute that comes within the
    /// hour is that of a clock that is fast, and not of a message that was under way for a day: it is in the future, which somebody is told.
    private func time(ofMinute minute: Int64, near received: Int64) -> Int64? {
        guard let shown = shown(received) else { return nil }
        let zone = zone ?? ZoneOffsets(fixed: 0)
        let limit = shown + Self.futureTolerance
        let fast = shown + Self.fastTolerance
        let local = shown + zone.offset(at: shown)
        let today = (local >= 0 ? local : local - Self.day + 1) / Self.day
        // Two days back: once a century a place skips a day.
        for date in stride(from: today + 1, through: today - 2, by: -1) {
            let times = zone.times(ofLocal: date * Self.day + minute * Self.minute)
            if times.last <= limit { return times.last + offsetMilliseconds }
            if times.first < fast { return times.first + offsetMilliseconds }
        }
        return nil
    }

    /// The time of a local time; of two the later one, unless that is still to come.
    private func time(ofLocal local: Int64, near received: Int64) -> Int64? {
        guard let shown = shown(received) else { return nil }
        guard let zone else { return local + offsetMilliseconds }
        let times = zone.times(ofLocal: local)
        let time = times.last <= shown + Self.futureTolerance ? times.last : times.first
        return time + offsetMilliseconds
    }

    /// The minute of the day of `2010`, `810`, `20:10` or `8:10`; nil for anything else.
    private func hourMinute(_ text: Span<UInt8>) -> Int64? {
        guard (1...5).contains(text.count) else { return nil }
        let colon = UInt8(ascii: ":")
        let hasColon = text.count >= 4 && text[text.count - 3] == colon
        guard hasColon || text.count <= 4 else { return nil }
        var number: Int64 = 0
        for index in 0..<text.count where !(hasColon && index == text.count - 3) {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            number = number * 10 + Int64(digit)
        }
        guard number <= 2359, number % 100 < 60 else { return nil }
        return number / 100 * 60 + number % 100
    }
}
