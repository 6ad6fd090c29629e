import Feeds
import Parking
import Testing

/// The time 2026-11-23T06:12:45Z.
let sampleMilliseconds: Int64 = 1_795_414_365_000

let samplePublisher = Publisher(
    name: "Bath & North East Somerset Council",
    url: "https://www.example.org/parking",
    licence: "OGL-UK-3.0",
    attribution: "Contains public sector information."
)

/// Names as sensors, editors and enemies write them.
let hostileNames = [
    "<script>document.title = 'hacked'</script>", "a \"quoted\" \\ name", "]]> & </style>",
    "line\nfeed\u{1B}[31m\u{0}", "\u{202E}gnp.exe", "\u{2028}\u{2029}",
    "<img src=x onerror=alert(1)>",
]

func facility(
    _ id: String,
    name: String? = nil,
    capacity: Int = 100,
    location: Location? = nil
) throws -> Facility {
    Facility(
        id: try #require(FacilityIdentifier(id)),
        name: name ?? id,
        capacity: capacity,
        location: location
    )
}

func status(
    _ occupied: Int?,
    state: FacilityState = .open,
    trend: OccupancyTrend? = .stable,
    observed: Int64? = sampleMilliseconds - 1000,
    isStale: Bool = false
) -> FacilityStatus {
    FacilityStatus(
        occupied: occupied,
        observedMilliseconds: observed,
        state: state,
        trend: trend,
        isStale: isStale
    )
}

/// A moment so many milliseconds after the sample's.
func moment(_ milliseconds: Int64, wallStep: Int64 = 0) -> Moment {
    Moment(
        wallMilliseconds: sampleMilliseconds + milliseconds + wallStep,
        monotonicMilliseconds: 5_000_000 + milliseconds
    )
}

/// A car park of two levels, in which silent bays are unknown.
func zonedFacility(name: String = "Podium", zone: String = "Level 1") throws -> Facility {
    Facility(
        id: try #require(FacilityIdentifier("podium")),
        name: name,
        capacity: 521,
        zones: [
            Zone(
                id: try #require(ZoneIdentifier("level-1")),
                name: zone,
                capacity: 200,
                classes: [ClassCapacity(.electric, capacity: 4)]
            ),
            Zone(id: try #require(ZoneIdentifier("level-2")), name: "Level 2", capacity: 300),
        ],
        classes: [
            ClassCapacity(.disabled, capacity: 20), ClassCapacity(.parent, capacity: 10),
        ],
        baySilence: .seconds(3600)
    )
}

/// What is known of ``zonedFacility(name:zone:)``.
func zonedStatus() -> FacilityStatus {
    var status = status(130)
    status.unknown = 7
    status.zones = [
        PartStatus(occupied: 120, unknown: 5, classes: [PartStatus(occupied: 1, unknown: 1)]),
        PartStatus(),
    ]
    status.classes = [PartStatus(occupied: 12, unknown: 2), PartStatus()]
    return status
}
