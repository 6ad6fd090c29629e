/// What was noted of one message: each thing once under a rule, however many of its readings it is true of.
///
/// What is counted are messages: one with a list of 200 readings that nobody can use is one refused message.
struct NotedIncidents {
    private var noted: [(incident: Incident, rule: Int?)] = []

    /// The next message begins.
    mutating func removeAll() {
        // Nearly always there is nothing: the message was as it should be.
        if !noted.isEmpty { noted.removeAll(keepingCapacity: true) }
    }

    /// Takes note of an incident, and tells whether the message did not have it before.
    mutating func insert(_ incident: Incident, rule: Int?) -> Bool {
        let isNew = !noted.contains { $0.incident == incident && $0.rule == rule }
        if isNew { noted.append((incident, rule)) }
        return isNew
    }
}
