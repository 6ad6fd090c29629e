import Occupancy
import Parking
import Testing

/// Bays of two levels that move, are marked anew, fall silent and come back, against a plain model.
///
/// One occupancy is swept now and then, its twin only after the last reading: they must come to the same, since a journal
/// that is read again has no sweeps in it.
@Suite struct `Silence by chance` {
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `gives the counts of the model, whenever it was swept`(seed: UInt64) throws {
        var random = seed &* 0x9E37_79B9_7F4A_7C15
        func next(_ count: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % count
        }
        let swept = try ZonedCarPark(baySilence: .seconds(600))
        let unswept = try ZonedCarPark(baySilence: .seconds(600))
        var model = Model(silence: 600_000)
        var now: Int64 = 1_795_435_200_000
        for step in 0..<600 {
            now += Int64(next(90_000))
            // Now and then all bays are gone for good.
            if next(100) == 0 { now += Model.memory + Int64(next(900_000)) - 450_000 }
            let zone = ["level-1", "level-2"][next(2)]
            let bayClass = [nil, BayClass.disabled, .electric][next(3)]
            let (name, occupied) = ("\(next(8))", next(2) == 0)
            let observed = next(4) == 0 ? now - Int64(next(900_000)) : nil
            model.read((zone, name), occupied, bayClass, observed, at: now)
            for park in [swept, unswept] {
                try park.bay(name, occupied, in: zone, bayClass, observed: observed, at: now)
            }
            guard next(5) == 0 else { continue }
            now += Int64(next(300_000))
            swept.live.markSilentBays(at: Moment(recordedMilliseconds: now))
            let counts = swept.counts
            try #require(counts.zones == model.zones(at: now), "seed \(seed), step \(step)")
            try #require(counts.classes == model.classes(at: now), "seed \(seed), step \(step)")
            try #require(counts.unknownBays == model.unknown(at: now), "seed \(seed), step \(step)")
        }
        swept.live.markSilentBays(at: Moment(recordedMilliseconds: now))
        unswept.live.markSilentBays(at: Moment(recordedMilliseconds: now))
        #expect(swept.counts == unswept.counts)
        #expect(swept.counts.arrivals == model.arrivals)
        #expect(swept.counts.departures == model.departures)
        #expect(model.arrivals > 0)
        #expect(model.revivals > 0)
        #expect(model.rebirths > 0)
    }
}

/// What should be known, kept in the plainest way there is.
private struct Model {
    private struct Bay {
        var zone: String
        var occupied: Bool
        var bayClass: BayClass?
        var observed: Int64
        var heard: Int64
    }

    /// A month, which is longer than ten silences.
    static let memory: Int64 = 30 * 86_400_000

    let silence: Int64
    private(set) var arrivals = 0
    private(set) var departures = 0
    private(set) var revivals = 0
    private(set) var rebirths = 0
    private var bays: [String: Bay] = [:]

    init(silence: Int64) { self.silence = silence }

    mutating func read(
        _ name: (zone: String, bay: String),
        _ occupied: Bool,
        _ bayClass: BayClass?,
        _ observed: Int64?,
        at now: Int64
    ) {
        let key = "\(name.zone)/\(name.bay)"
        var known = bays[key]
        if let heard = known?.heard, now - heard > Self.memory {
            known = nil
            rebirths += 1
        }
        let time = observed ?? now
        guard time >= known?.observed ?? 0 else { return }
        bays[key] = Bay(
            zone: name.zone,
            occupied: occupied,
            bayClass: bayClass,
            observed: time,
            // Kept in whole minutes behind the observation.
            heard: time + (now - time + 59_999) / 60_000 * 60_000
        )
        guard let known else { return }
        if now - known.heard > silence {
            revivals += 1
        } else if known.occupied != occupied {
            arrivals += occupied ? 1 : 0
            departures += occupied ? 0 : 1
        }
    }

    func unknown(at now: Int64) -> Int { status(at: now) { _ in true }.unknown }

    func zones(at now: Int64) -> [PartStatus] {
        ["level-1", "level-2"].map { zone in
            var part = status(at: now) { $0.zone == zone }
            part.classes = [
                status(at: now) { $0.zone == zone && $0.bayClass == .electric }
            ]
            return part
        }
    }

    func classes(at now: Int64) -> [PartStatus] {
        [status(at: now) { $0.bayClass == .disabled }]
    }

    private func status(at now: Int64, where isMember: (Bay) -> Bool) -> PartStatus {
        let members = bays.values.filter { isMember($0) && now - $0.heard <= Self.memory }
        let heard = members.filter { now - $0.heard <= silence }
        return PartStatus(
            occupied: heard.isEmpty ? nil : heard.count { $0.occupied },
            unknown: members.count - heard.count
        )
    }
}
