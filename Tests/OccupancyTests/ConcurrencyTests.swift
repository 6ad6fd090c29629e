import Glibc
import Parking
import Synchronization
import Testing

@testable import Occupancy

/// Several writers and readers at once.
///
/// Run under thread sanitizer by `make test`.
@Suite struct `Under several threads` {
    /// Runs each body on a thread of its own, and waits for all of them.
    ///
    /// Real threads, not tasks: the pool of tasks has one a processor, and the point is that they interrupt each other.
    private func together(_ bodies: [@Sendable () -> Void]) {
        final class Work: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let threads = bodies.map { body -> pthread_t in
            var thread = pthread_t()
            let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
            let result = unsafe pthread_create(
                &thread,
                nil,
                { argument in
                    if let argument = unsafe argument {
                        unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                    }
                    return nil
                },
                work
            )
            precondition(result == 0)
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    @Test func `counters equal a recount of the bays after any interleaving`() {
        let live = LiveOccupancy.small(facilities: 3, steps: 4)
        let isDone = Atomic(false)
        let writers = (0..<4).map { writer -> @Sendable () -> Void in
            return {
                var random = UInt64(writer &+ 1) &* 0x9E37_79B9_7F4A_7C15
                for round in 0..<6000 {
                    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    let facility = Int(random >> 60) % 3
                    live.bay(
                        "bay \(random >> 40 & 15)",
                        random >> 33 & 1 == 1,
                        observed: Int64(round / 7 + 1),
                        facility: facility,
                        at: Int64(round)
                    )
                }
                isDone.store(true, ordering: .releasing)
            }
        }
        let reader: @Sendable () -> Void = {
            repeat {
                for facility in 0..<3 {
                    let counts = live.counts(of: facility)
                    #expect(counts.occupied ?? 0 <= 16)
                }
                _ = live.takeChanged()
            } while !isDone.load(ordering: .acquiring)
        }
        together(writers + [reader, reader])
        for facility in 0..<3 {
            let counts = live.counts(of: facility)
            #expect(counts.occupied == live.bays.recount(facility: facility))
            #expect(counts.knownBays == 16)
        }
    }

    @Test func `a snapshot with its zones and classes is of one moment`() throws {
        let park = try ZonedCarPark(baySilence: .milliseconds(60))
        let live = park.live
        let zones = try ["level-1", "level-2"].map { zone in
            try [BayClass.disabled, .electric].map { try park.part(zone, $0) }
        }
        let left = Atomic(3)
        let writers = (0..<3).map { writer -> @Sendable () -> Void in
            return {
                var random = UInt64(writer &+ 1) &* 0x9E37_79B9_7F4A_7C15
                for round in 0..<2000 {
                    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    live.bay(
                        "bay \(random >> 40 & 15)",
                        random >> 33 & 1 == 1,
                        facility: zones[Int(random >> 50 & 1)][Int(random >> 51 & 1)],
                        at: Int64(round)
                    )
                    guard round % 32 == 0 else { continue }
                    live.markSilentBays(at: Moment(recordedMilliseconds: Int64(round)))
                    // Between two readings, so that a reader finds all writers there now and then.
                    usleep(200)
                }
                left.subtract(1, ordering: .releasing)
            }
        }
        let agreed = Atomic(0)
        let reader: @Sendable () -> Void = {
            repeat {
                guard let counts = live.countsOfOneMoment(0) else { continue }
                let occupied = counts.zones.reduce(0) { $0 + ($1.occupied ?? 0) }
                #expect(counts.occupied ?? 0 == occupied)
                #expect(counts.unknownBays == counts.zones.reduce(0) { $0 + $1.unknown })
                // All bays are of one class or the other; the zones count the electric ones apart.
                let electric = counts.zones.flatMap(\.classes)
                let classes = counts.classes + electric
                #expect(occupied == classes.reduce(0) { $0 + ($1.occupied ?? 0) })
                #expect(counts.unknownBays == classes.reduce(0) { $0 + $1.unknown })
                agreed.add(1, ordering: .relaxed)
            } while left.load(ordering: .acquiring) > 0
        }
        together(writers + [reader, reader])
        #expect(agreed.load(ordering: .relaxed) > 0)
        let counts = live.counts(of: 0)
        let places = try ["level-1", "level-2"].map { try park.part($0) }
        #expect(counts.zones.map { $0.occupied ?? 0 } == places.map(live.bays.recount))
        #expect(counts.knownBays == 32)
    }

    @Test func `no movement is lost and none is counted twice`() {
        let live = LiveOccupancy.small(facilities: 1, steps: 1000)
        let writers = (0..<4).map { writer -> @Sendable () -> Void in
            return {
                for round in 0..<5000 {
                    live.move(2, 1, at: 100_000 + Int64(round / 10))
                }
            }
        }
        together(writers)
        let counts = live.counts(of: 0)
        #expect(counts.occupied == 20_000)
        #expect(counts.arrivals == 40_000)
        let slots = live.history(of: 0, at: Moment(recordedMilliseconds: 200_000)).slots
        #expect(slots.reduce(0) { $0 + ($1?.arrivals ?? 0) } == 40_000)
        #expect(slots.reduce(0) { $0 + ($1?.departures ?? 0) } == 20_000)
    }

    @Test func `a reader never sees a torn slot`() {
        // Every writer moves as many vehicles in as out, so a whole slot always has equal sums;
        // levels come in pairs that differ by writer, so a whole slot has lowest <= last <= highest.
        let live = LiveOccupancy.small(facilities: 1, steps: 3)
        let isDone = Atomic(0)
        let writers = (0..<3).map { writer -> @Sendable () -> Void in
            return {
                for round in 0..<6000 {
                    let now = Int64(50_000 + round)
                    live.move(writer + 1, writer + 1, at: now)
                    live.level(1000 * (writer + 1), at: now)
                }
                isDone.add(1, ordering: .releasing)
            }
        }
        let reader: @Sendable () -> Void = {
            repeat {
                for now in [Int64(50_500), 53_000, 56_000] {
                    let series = live.history(
                        of: 0,
                        holdMilliseconds: 0,
                        at: Moment(recordedMilliseconds: now)
                    )
                    for case .some(let slot) in series.slots {
                        #expect(slot.arrivals == slot.departures)
                        if let low = slot.lowest, let high = slot.highest, let last = slot.occupied
                        {
                            #expect(low <= last && last <= high)
                        }
                    }
                }
            } while isDone.load(ordering: .acquiring) < 3
        }
        together(writers + [reader])
    }

    @Test func `a new name gets one number, whoever meets it first`() {
        let table = NameTable(capacity: 5000)
        let disagreements = Atomic(0)
        let finders = (0..<4).map { _ -> @Sendable () -> Void in
            return {
                for index in 0..<5000 {
                    let name = bytes("name \(index)")
                    let number = table.insert(name.span)
                    let isMine =
                        number.map { table.withName($0) { known, _ in Self.copy(known) } } == name
                    if !isMine || table.find(name.span) != number {
                        disagreements.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        together(finders)
        #expect(disagreements.load(ordering: .relaxed) == 0)
        #expect(table.count == 5000)
    }

    private static func copy(_ span: Span<UInt8>) -> [UInt8] {
        span.indices.map { span[$0] }
    }

    @Test func `totals of a counter are replaced whole`() {
        let table = CounterTable(capacity: 10)
        let name = bytes("gate")
        let sensor = table.insert(name.span, facility: 0) ?? -1
        let writers = (0..<4).map { _ -> @Sendable () -> Void in
            return {
                for _ in 0..<5000 {
                    table.update(sensor) { known in
                        let total = (known?.arrivals ?? 0) + 1
                        let next = CounterTotals(
                            arrivals: total,
                            departures: total * 2,
                            observedMilliseconds: Int64(total)
                        )
                        return (next, ())
                    }
                }
            }
        }
        together(writers)
        let last = table.update(sensor) { (nil, $0) }
        let expected = CounterTotals(
            arrivals: 20_000,
            departures: 40_000,
            observedMilliseconds: 20_000
        )
        #expect(last == expected)
    }
}
