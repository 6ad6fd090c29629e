/// How full a facility wants to be at each time of the day.
///
/// The morning rises to a plateau around lunch, the evening falls. Facilities differ in their peak, in when their day
/// begins, and some have a shift that ends: within ten minutes three vehicles in ten leave beyond the usual.
/// Source: the shape of the weekdays in the public data of Bath (2015) and Aarhus (2014).
struct DayCurve {
    /// How full it is at each hour, in percent of the peak.
    private static let percent: [Double] = [
        8, 7, 6, 6, 6, 8, 12, 24, 46, 68, 85, 94, 99, 100, 98, 92, 80, 62, 46, 36, 28, 20, 14, 10,
    ]

    private static let shiftEndMinutes = 10.0
    private static let shiftShare = 0.3

    private let peak: Double
    private let shiftMinutes: Double
    private let shiftEnd: Double?

    init(using random: inout RandomSource) {
        peak = random.uniform(0.6...1)
        shiftMinutes = random.uniform(-45...45)
        shiftEnd = random.happens(0.5) ? random.uniform(900...1110) : nil
    }

    /// How full it wants to be, as a share of the capacity, at a minute of the local day.
    func ratio(minute: Double) -> Double {
        let shifted = (minute - shiftMinutes + 1440).truncatingRemainder(dividingBy: 1440)
        let hour = Int(shifted / 60)
        let part = shifted / 60 - Double(hour)
        let from = Self.percent[hour]
        let to = Self.percent[(hour + 1) % 24]
        return (from + (to - from) * part) / 100 * peak
    }

    /// The share of the vehicles that leaves in one minute because a shift ends.
    func shiftDepartures(minute: Double) -> Double {
        guard let shiftEnd, (0..<Self.shiftEndMinutes).contains(minute - shiftEnd) else { return 0 }
        return Self.shiftShare / Self.shiftEndMinutes
    }

    /// How full it is on average over a day.
    var meanRatio: Double {
        Self.percent.reduce(0, +) / Double(Self.percent.count) / 100 * peak
    }
}
