import Parking
import Testing

@Suite struct `A moment` {
    private static let now: Int64 = 1_795_435_200_000  // 2026-11-23T12:00:00Z

    @Test(
        arguments: [
            (now, now), (1, 1), (now + 300_000, now + 300_000), (now + 300_001, 0), (.max, 0),
            (0, 0),
            (-1, 0), (.min, 0),
        ] as [(Int64, Int64)]
    ) func `believes what was kept unless it lies ahead`(
        known: Int64,
        believed: Int64
    ) {
        #expect(Moment(recordedMilliseconds: Self.now).believed(known) == believed)
    }
}
