import Ingest
import Occupancy
import Parking
import Testing

@Suite struct Counters {
    private func send(_ bench: Bench, _ arrivals: Int, _ departures: Int = 0) {
        bench.send("bath/podium/count", "{\"in\":\(arrivals),\"out\":\(departures)}")
    }

    @Test func `the first totals are where counting begins`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 5000, 4000)
        #expect(bench.occupied == 0)
        send(bench, 5010, 4003)
        #expect(bench.occupied == 7)
    }

    @Test func `totals sent again count nothing`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 10)
        send(bench, 15)
        send(bench, 15)
        #expect(bench.occupied == 5)
    }

    @Test func `a total that wraps goes on counting`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 65_530)
        bench.wait(.seconds(60))
        send(bench, 4)
        #expect(bench.occupied == 10)
        #expect(bench.takeIncidents().isEmpty)
    }

    @Test func `a reset is no burst and counting goes on`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 30_000, 29_000)
        bench.wait(.seconds(60))
        send(bench, 30_010, 29_000)
        bench.wait(.seconds(60))
        send(bench, 2, 0)
        #expect(bench.takeIncidents() == [.counterReset])
        #expect(bench.occupied == 10)
        bench.wait(.seconds(60))
        send(bench, 5, 1)
        #expect(bench.occupied == 12)
    }

    @Test func `without a wrap every fall is a reset`() throws {
        let bench = try Bench([counterRule(wrapsAt: nil)])
        send(bench, 4_294_967_295)
        send(bench, 3)
        #expect(bench.takeIncidents() == [.counterReset])
        #expect(bench.occupied == 0)
    }

    @Test func `one direction that began anew means that the sensor did`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 1000, 30_000)
        bench.wait(.seconds(10))
        send(bench, 1010, 0)
        #expect(bench.takeIncidents() == [.counterReset])
        #expect(bench.occupied == 0)
    }

    @Test func `a jump that no vehicles can make counts nothing`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 0)
        bench.wait(.seconds(60))
        send(bench, 65_535)
        #expect(bench.takeIncidents() == [.counterJump])
        #expect(bench.occupied == 0)
        bench.wait(.seconds(60))
        send(bench, 2)
        #expect(bench.occupied == 3)
    }

    @Test func `after a long silence a large difference is vehicles`() throws {
        let bench = try Bench([counterRule()])
        send(bench, 0)
        bench.wait(.seconds(3600))
        send(bench, 2000)
        #expect(bench.occupied == 2000)
    }

    /// An operator corrects `wraps_at`; the totals of before are in the journal.
    @Test func `a total beyond a wrap that was configured since is a new beginning`() throws {
        let before = try Bench([counterRule(wrapsAt: nil)])
        send(before, 100_000, 7)
        send(before, 100_003, 7)
        let after = try Bench([counterRule(wrapsAt: 65_536)])
        let ingest = Ingest(
            plan: after.plan,
            occupancy: before.occupancy,
            incidents: before.incidents
        )
        let topic = Array("bath/podium/count".utf8)
        for payload in [#"{"in":5,"out":9}"#, #"{"in":9,"out":10}"#] {
            let payload = Array(payload.utf8)
            ingest.receive(topic: topic.span, payload: payload.span, at: before.now)
            ingest.commit()
        }
        #expect(before.takeIncidents() == [.counterReset])
        #expect(before.occupied == 3 + 4 - 1)
    }

    @Test func `totals observed earlier change nothing`() throws {
        let bench = try Bench([counterRule(observed: .pointer("/t"))])
        func send(_ total: Int, _ seconds: Int64) {
            let time = Bench.noon / 1000 + seconds
            bench.send("bath/podium/count", "{\"in\":\(total),\"out\":0,\"t\":\(time)}")
        }
        send(100, 0)
        send(110, 60)
        send(105, 30)
        send(112, 90)
        #expect(bench.occupied == 12)
        #expect(bench.takeIncidents().isEmpty)
    }

    @Test(arguments: ["{\"in\":65536,\"out\":0}", "{\"in\":-1,\"out\":0}"])
    func `a total outside its register is refused`(payload: String) throws {
        let bench = try Bench([counterRule()])
        bench.send("bath/podium/count", payload)
        #expect(bench.takeIncidents() == [.outOfRange])
    }

    @Test func `each topic is a sensor of its own`() throws {
        let bench = try Bench([
            rule(
                "{facility}/lane/+",
                yields: .counter(arrivals: .pointer("/in"), departures: nil, wrapsAt: nil)
            )
        ])
        bench.send("podium/lane/1", #"{"in":100}"#)
        bench.send("podium/lane/2", #"{"in":7}"#)
        bench.send("podium/lane/1", #"{"in":103}"#)
        bench.send("podium/lane/2", #"{"in":8}"#)
        #expect(bench.occupied == 4)
    }

    @Test func `sensors beyond the limit are refused`() throws {
        let bench = try Bench(
            [
                rule(
                    "{facility}/+",
                    yields: .counter(arrivals: .pointer(""), departures: nil, wrapsAt: nil)
                )
            ],
            sensors: 2
        )
        for sensor in 1...3 { bench.send("podium/\(sensor)", "1") }
        #expect(bench.takeIncidents() == [.tooManySensors])
    }
}
