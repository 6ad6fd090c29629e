import Feeds
import Parking
import Testing

struct PublishScheduleTests {
    private let seconds = sampleMilliseconds / 1000

    private func schedule() -> PublishSchedule {
        PublishSchedule(heartbeat: .seconds(60), interval: .seconds(1))
    }

    @Test func `The first decision is to publish, changed or not`() {
        #expect(
            schedule().decision(hasChanged: false, at: moment(0))
                == .publish(modificationSeconds: seconds)
        )
    }

    @Test(
        arguments: [
            // Milliseconds since a publication at a whole second, changed or not, the decision.
            (1, true, .wait(milliseconds: 999)), (999, true, .wait(milliseconds: 1)),
            (1000, true, .publish(modificationSeconds: 1)),
            (2500, true, .publish(modificationSeconds: 2)),
            (1, false, .rest), (1000, false, .rest), (59_000, false, .rest),
            // At the next flush, a second later, it would be late.
            (59_001, false, .publish(modificationSeconds: 59)),
            (60_000, false, .publish(modificationSeconds: 60)),
        ] as [(Int64, Bool, PublishSchedule.Decision)]
    )
    func `A change waits for the next second, and no change for the heartbeat`(
        later: Int64,
        hasChanged: Bool,
        decision: PublishSchedule.Decision
    ) {
        var schedule = schedule()
        schedule.tried(modificationSeconds: seconds, isPublished: true, at: moment(0))
        var expected = decision
        if case .publish(let offset) = decision {
            expected = .publish(modificationSeconds: seconds + offset)
        }
        #expect(schedule.decision(hasChanged: hasChanged, at: moment(later)) == expected)
    }

    @Test(
        arguments: [
            -1000, -3_600_000, -86_400_000 * 365, -sampleMilliseconds, -2 * sampleMilliseconds,
        ] as [Int64]
    )
    func `Times rise by one while the clock is behind`(step: Int64) {
        var schedule = schedule()
        schedule.tried(modificationSeconds: seconds, isPublished: true, at: moment(0))
        for number in 1...3 {
            let now = moment(Int64(number) * 1000, wallStep: step - 1000)
            let decision = schedule.decision(hasChanged: true, at: now)
            #expect(decision == .publish(modificationSeconds: seconds + Int64(number)))
            schedule.tried(
                modificationSeconds: seconds + Int64(number),
                isPublished: true,
                at: now
            )
            let soon = Moment(
                wallMilliseconds: now.wallMilliseconds + 1,
                monotonicMilliseconds: now.monotonicMilliseconds + 1
            )
            let wait = schedule.decision(hasChanged: true, at: soon)
            #expect(wait == .wait(milliseconds: 999))
        }
    }

    @Test(arguments: [(-1, 0), (0, nil), (1, 2), (3600, 3601)] as [(Int64, Int64?)])
    func `After a restart the times rise above that of the file`(found: Int64, next: Int64?) {
        var schedule = schedule()
        schedule.found(modificationSeconds: seconds + found)
        let decision = schedule.decision(hasChanged: false, at: moment(250))
        if let next {
            #expect(decision == .publish(modificationSeconds: seconds + next))
        } else {
            #expect(decision == .wait(milliseconds: 750))
        }
    }

    @Test func `A failed publication stays due, and its time is used up`() {
        var schedule = schedule()
        schedule.found(modificationSeconds: seconds + 100)
        let first = schedule.decision(hasChanged: false, at: moment(0))
        #expect(first == .publish(modificationSeconds: seconds + 101))
        schedule.tried(modificationSeconds: seconds + 101, isPublished: false, at: moment(0))
        let second = schedule.decision(hasChanged: false, at: moment(1000))
        #expect(second == .publish(modificationSeconds: seconds + 102))
    }

    @Test func `What was lost is published again`() {
        var schedule = schedule()
        schedule.tried(modificationSeconds: seconds, isPublished: true, at: moment(0))
        #expect(schedule.decision(hasChanged: false, at: moment(1000)) == .rest)
        schedule.lost()
        #expect(
            schedule.decision(hasChanged: false, at: moment(1000))
                == .publish(modificationSeconds: seconds + 1)
        )
    }

    @Test func `A spacing is kept beside the second`() {
        var schedule = PublishSchedule(spacing: .seconds(60), heartbeat: nil, interval: .zero)
        schedule.tried(modificationSeconds: seconds, isPublished: true, at: moment(0))
        #expect(
            schedule.decision(hasChanged: true, at: moment(59_000)) == .wait(milliseconds: 1000)
        )
        #expect(
            schedule.decision(hasChanged: true, at: moment(60_000))
                == .publish(modificationSeconds: seconds + 60)
        )
        #expect(schedule.decision(hasChanged: false, at: moment(9_999_999)) == .rest)
    }
}
