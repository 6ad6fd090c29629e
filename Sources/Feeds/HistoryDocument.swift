import Parking

/// The history of one facility, `history/<id>.json`: columns of equal length, one element a step.
///
/// Columns are what a chart wants, and compress to a third of what rows would.
enum HistoryDocument {
    /// The folder of these files.
    static let folder = "history"

    /// The name of a facility's file.
    static func name(of facility: Facility) -> String {
        "\(folder)/\(facility.id.text).json"
    }

    /// Writes the document: null where nothing is known of a step.
    static func write(_ series: HistorySeries, of facility: Facility, to writer: inout JSONWriter) {
        writer.removeAll()
        writer.object { document in
            document.name("id")
            document.value(facility.id.text)
            document.name("step_seconds")
            document.seconds(.milliseconds(series.stepMilliseconds))
            document.name("start")
            document.time(series.startMilliseconds)
            document.name("capacity")
            document.value(facility.capacity)
            document.column("occupied", of: series) { $0.occupied }
            document.column("lowest", of: series) { $0.lowest }
            document.column("highest", of: series) { $0.highest }
            document.column("arrivals", of: series) { $0.arrivals }
            document.column("departures", of: series) { $0.departures }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func column(
        _ name: StaticString,
        of series: HistorySeries,
        _ element: (HistorySlot) -> Int?
    ) {
        self.name(name)
        array { column in
            for slot in series.slots { column.value(slot.flatMap(element)) }
        }
    }
}
