import Occupancy
import Parking

/// The bytes of a text, for calls that take a span.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension LiveOccupancy {
    /// An occupancy of a few facilities with a history of ten steps of a second.
    static func small(
        facilities: Int = 2,
        bayLimit: Int = 1000,
        steps: Int = 10,
        thresholds: [BandThresholds] = []
    ) -> LiveOccupancy {
        LiveOccupancy(
            facilityCount: facilities,
            bayLimit: bayLimit,
            sensorLimit: 100,
            history: HistoryShape(stepMilliseconds: 1000, stepCount: steps),
            thresholds: thresholds
        )
    }

    /// Records a bay by its name; nil where it was refused.
    @discardableResult
    func bay(
        _ name: String,
        _ occupied: Bool,
        observed: Int64? = nil,
        facility: Int = 0,
        isRetained: Bool = false,
        at now: Int64
    ) -> Effect? {
        let name = bytes(name)
        guard let bay = bay(name.span, facility: facility) else { return nil }
        return recordBay(
            bay,
            facility: facility,
            occupied: occupied,
            observed: observed,
            isRetained: isRetained,
            at: Moment(recordedMilliseconds: now)
        )
    }

    @discardableResult
    func move(
        _ arrivals: Int,
        _ departures: Int,
        observed: Int64? = nil,
        at now: Int64
    ) -> Effect {
        recordMovement(
            facility: 0,
            arrivals: arrivals,
            departures: departures,
            observed: observed,
            isRetained: false,
            at: Moment(recordedMilliseconds: now)
        )
    }

    @discardableResult
    func level(
        _ occupied: Int,
        observed: Int64? = nil,
        isRetained: Bool = false,
        at now: Int64
    ) -> Effect {
        recordLevel(
            facility: 0,
            occupied: occupied,
            observed: observed,
            isRetained: isRetained,
            at: Moment(recordedMilliseconds: now)
        )
    }
}
