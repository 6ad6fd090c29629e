public import Parking

/// What one message would do, for a person who asks why.
public struct Explanation: Equatable, Sendable {
    /// The number of the rule that reads it; nil where none does.
    public var rule: Int?

    /// The facility that it is about.
    public var facility: FacilityIdentifier?

    /// What it says.
    public var reading: Reading?

    /// The bay of a bay reading.
    public var bay: String?

    /// When the sensor observed it; nil where the time of reception counts.
    public var observedMilliseconds: Int64?

    /// The number that the sensor gave it.
    public var sequence: Int?

    /// What is wrong with it; a refusal changes nothing, the others are only noted.
    public var incident: Incident?
}

extension IngestPlan {
    /// Reads a message as the stream would, without applying it.
    public func explain(topic: Span<UInt8>, payload: Span<UInt8>, at now: Moment) -> Explanation {
        var explanation = Explanation()
        var decoder = Decoder(plan: self)
        do {
            let rule = try decoder.route(topic)
            explanation.rule = rule
            let decoded = try decoder.decode(rule, topic: topic, payload: payload, at: now)
            explanation.facility = facilities[decoded.facility].id
            explanation.reading = decoded.reading
            explanation.observedMilliseconds = decoded.observed
            explanation.sequence = decoded.sequence?.number
            explanation.incident = decoded.clockIncident
            if case .bay = decoded.reading {
                explanation.bay = String(decoding: decoder.bayName, as: UTF8.self)
            }
        } catch {
            explanation.incident = error
        }
        return explanation
    }
}
