import Ingest
import Occupancy
import Parking

/// The batches of messages that the probe receives, and what so many of them lead to.
///
/// After n batches `gates` holds 6n - 5 cars: one drove in with each, and a counter that was first heard with the first counted five with
/// each of the others. Of `bays` 3n + 1 are occupied: each batch finds cars in four that were not heard of before, and one
/// of the batch before left.
struct Series {
    let facilities: [Facility]
    let plan: IngestPlan

    /// The topic filters of the rules.
    let filters = ["+/in", "+/count/+", "+/bay/+"]

    init?() {
        var facilities: [Facility] = []
        for name in ["gates", "bays"] {
            guard let identifier = FacilityIdentifier(name) else { return nil }
            facilities.append(Facility(id: identifier, name: name, capacity: 100))
        }
        guard let movements = try? TopicPattern("{facility}/in"),
            let counters = try? TopicPattern("{facility}/count/+"),
            let bays = try? TopicPattern("{facility}/bay/{bay}")
        else { return nil }
        self.facilities = facilities
        plan = IngestPlan(
            facilities: facilities,
            rules: [
                Rule(
                    topic: movements,
                    format: .json,
                    kind: .movement(arrivals: .constant("1"), departures: nil)
                ),
                Rule(
                    topic: counters,
                    format: .json,
                    kind: .counter(
                        arrivals: .pointer("/in"),
                        departures: .pointer("/out"),
                        wrapsAt: 65_536
                    )
                ),
                Rule(
                    topic: bays,
                    format: .json,
                    kind: .bay(bay: .capture("bay"), occupied: .pointer("/o"), words: .init())
                ),
            ]
        )
    }

    /// An occupancy of which nothing is known.
    func occupancy() -> LiveOccupancy {
        LiveOccupancy(
            facilityCount: facilities.count,
            bayLimit: 200,
            sensorLimit: 10,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 60),
            thresholds: facilities.map(\.thresholds)
        )
    }

    /// Hands a batch to an ingest, and commits it.
    func send(_ batch: Int, to ingest: Ingest, at now: Moment) {
        var messages = [
            ("gates/in", "{}"), ("gates/count/north", #"{"in":\#(batch * 5),"out":0}"#),
        ]
        for bay in batch * 4..<batch * 4 + 4 {
            messages.append(("bays/bay/\(bay)", #"{"o":true}"#))
        }
        if batch > 1 { messages.append(("bays/bay/\(batch * 4 - 4)", #"{"o":false}"#)) }
        for (index, message) in messages.enumerated() {
            let topic = Array(message.0.utf8)
            let payload = Array(message.1.utf8)
            ingest.receive(
                topic: topic.span,
                payload: payload.span,
                promise: Promise(
                    packetIdentifier: UInt16(batch * 10 + index),
                    mayBeRedelivery: false
                ),
                at: now
            )
        }
        ingest.commit()
    }

    /// How many batches lead to an occupancy; nil where it is one that no number of whole batches leads to.
    func batches(in occupancy: LiveOccupancy) -> Int? {
        let (gates, bays) = (occupancy.counts(of: 0).occupied, occupancy.counts(of: 1).occupied)
        guard let gates, let bays else { return gates == nil && bays == nil ? 0 : nil }
        let batches = (bays - 1) / 3
        guard batches > 0, bays == 3 * batches + 1, gates == 6 * batches - 5,
            occupancy.bays.recount(facility: 1) == bays,
            occupancy.bays.count == 4 * batches, occupancy.counters.count == 1
        else { return nil }
        return batches
    }
}
