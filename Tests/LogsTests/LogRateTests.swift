import Logs
import Testing

struct LogRateTests {
    @Test func `A burst is logged, the rest held back and counted`() {
        var rate = LogRate(eventsPerMinute: 6, burst: 3)
        let decisions = (0..<5).map { _ in rate.admit(at: 1000) }
        #expect(
            decisions == [
                .log(suppressed: 0), .log(suppressed: 0), .log(suppressed: 0), .suppress, .suppress,
            ]
        )
        #expect(rate.suppressed == 2)
    }

    @Test
    func `A token comes back after its share of a minute, and the line tells what was held back`() {
        var rate = LogRate(eventsPerMinute: 6, burst: 1)
        #expect(rate.admit(at: 0) == .log(suppressed: 0))
        #expect(rate.admit(at: 9_999) == .suppress)
        #expect(rate.admit(at: 10_000) == .log(suppressed: 1))
        #expect(rate.admit(at: 10_001) == .suppress)
    }

    @Test func `A flood of an hour is logged at the rate`() {
        var rate = LogRate(eventsPerMinute: 10, burst: 5)
        var logged = 0
        var told = 0
        for millisecond in stride(from: Int64(0), to: 3_600_000, by: 7) {
            if case .log(let suppressed) = rate.admit(at: millisecond) {
                logged += 1
                told += suppressed
            }
        }
        #expect((600...606).contains(logged))
        #expect(logged + told + rate.suppressed == (3_600_000 + 6) / 7)
    }

    @Test func `A clock that goes back gives nothing and takes nothing`() {
        var rate = LogRate(eventsPerMinute: 60, burst: 1)
        #expect(rate.admit(at: 100_000) == .log(suppressed: 0))
        #expect(rate.admit(at: 0) == .suppress)
        #expect(rate.admit(at: 100_999) == .suppress)
        #expect(rate.admit(at: 101_000) == .log(suppressed: 2))
    }

    @Test(arguments: [Int64.min, -1, Int64.max])
    func `Times at the ends of the range do no harm`(milliseconds: Int64) {
        var rate = LogRate(eventsPerMinute: 1_000_000, burst: 1_000_000)
        #expect(rate.admit(at: 0) == .log(suppressed: 0))
        #expect(rate.admit(at: milliseconds) == .log(suppressed: 0))
    }

    @Test func `What was held back can be told when nothing more comes`() {
        var rate = LogRate(eventsPerMinute: 1, burst: 1)
        _ = rate.admit(at: 0)
        _ = rate.admit(at: 0)
        #expect(rate.takeSuppressed() == 1)
        #expect(rate.takeSuppressed() == 0)
    }
}
