public import Parking

/// `history/<id>.json`: the recent history of one facility, as columns.
public enum HistoryDocument {
    /// The file's name in the served directory.
    public static func name(of facility: Facility) -> String { "history/\(facility.id).json" }

    /// The document of a series.
    public static func content(of facility: Facility, _ series: HistorySeries) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { json in
            json.key("id")
            json.string(facility.id.text)
            json.key("capacity")
            json.integer(facility.capacity)
            json.key("start")
            json.time(series.startMilliseconds, RFC3339.append)
            json.key("step_seconds")
            json.number(Double(series.stepMilliseconds) / 1000)
            column("occupied", &json, series) { $0?.occupied }
            column("lowest", &json, series) { $0?.lowest }
            column("highest", &json, series) { $0?.highest }
            column("arrivals", &json, series) { $0?.arrivals }
            column("departures", &json, series) { $0?.departures }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func column(
        _ name: StaticString,
        _ json: inout JSONWriter,
        _ series: HistorySeries,
        _ value: (HistorySlot?) -> Int?
    ) {
        json.key(name)
        json.array { json in
            for slot in series.slots { json.integer(value(slot)) }
        }
    }
}
