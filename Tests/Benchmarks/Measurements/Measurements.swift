import Glibc
import Ingest
import Occupancy
import Parking

@main struct Measurements {
    static func main() throws {
        try ingest()
    }
    static func ingest() throws {
        let facilities = (0..<40).map { Facility(id: FacilityIdentifier("f-\($0)")!, name: "F", capacity: 500) }
        let plan = IngestPlan(facilities: facilities, rules: [
            Rule(topic: try TopicPattern("bath/{facility}/bay/{bay}"), format: .json, observed: .pointer("/time"),
                kind: .bay(bay: .capture("bay"), occupied: .pointer("/occupied"), words: .init())),
            Rule(topic: try TopicPattern("bath/{facility}/count"), format: .json,
                kind: .counter(arrivals: .pointer("/i"), departures: nil, wrapsAt: nil)),
        ])
        let live = LiveOccupancy(facilityCount: 40, bayLimit: 1000, counterLimit: 10, history: HistoryShape(stepMilliseconds: 60000, stepCount: 1440))
        let ingest = Ingest(plan: plan, occupancy: live, incidents: IncidentLog())
        var topics: [[UInt8]] = []
        var payloads: [[UInt8]] = []
        for n in 0..<20000 {
            topics.append(Array("bath/f-\(n % 40)/bay/\(n / 40)".utf8))
            payloads.append(Array("{\"occupied\":\(n % 3 == 0),\"time\":\"2026-11-23T06:12:45.123Z\",\"battery\":3.6}".utf8))
        }
        for round in 0..<10 {
            var start = timespec(); unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start)
            for k in 0..<10 {
            for n in 0..<20000 {
                let t = topics[n]; let p = payloads[(n + k) % 20000]
                _ = ingest.receive(topic: t.span, payload: p.span, isRetained: false, at: Moment(recordedMilliseconds: 1795414365123 + Int64(round*1000)))
            } }
            var end = timespec(); unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end)
            let ns = (end.tv_sec - start.tv_sec) * 1_000_000_000 + end.tv_nsec - start.tv_nsec
            print(ns / 200000, "ns a message", live.counts(of: 0))
        }
    }
}
