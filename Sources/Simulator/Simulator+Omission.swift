public import Parking

extension Simulator {
    /// Something that was configured and that no simulated sensor speaks for.
    public struct Omission: Equatable, Sendable, CustomStringConvertible {
        /// The rule, counted from 0; nil where it is the facilities that have none.
        public let ruleIndex: Int?

        /// Where the configuration has the rule.
        let place: String?

        /// The facilities that the rule is not simulated for; empty where it is simulated for none.
        public internal(set) var facilities: [FacilityIdentifier]

        /// Why.
        public let reason: Reason

        /// One line for the operator.
        public var description: String {
            let names = facilities.map(\.text).joined(separator: ", ")
            let subject = [place, names.isEmpty ? nil : names].compactMap { $0 }
            return "\(subject.joined(separator: " for ")): \(reason)"
        }
    }

    /// Why something is not simulated.
    public enum Reason: Error, Hashable, Sendable, CustomStringConvertible {
        /// A field is read from a level that the topic does not capture.
        case captureAbsent(String)
        /// A field is read from a pointer that is none (RFC 6901).
        case malformedPointer(String)
        /// Two fields are read from one place, or one from inside the other.
        case sharedPlace(String)
        /// A text has one value, and this pointer is inside it.
        case insideText(String)
        /// The rule sets this field to a constant, so that no message could change it.
        case fixedValue(String)
        /// This separator stands in numbers, times or identifiers as well.
        case commonSeparator(String)
        /// The rule has no word for this value.
        case wordAbsent(String)
        /// This word can't be a level of a topic.
        case unfitLevel(String)
        /// The facility that the rule names is not configured.
        case unknownFacility(String)
        /// Its messages would be read by this earlier rule, as the configuration places it.
        case takenBy(String)
        /// Its messages would be read by this rule as well, as the configuration places it.
        case alsoRead(String)
        /// No message of a simulated sensor meets this condition of the rule.
        case conditionUnmet(String)
        /// This word can't be a field of a text.
        case unfitField(String)
        /// The rule reads all that an envelope holds as one value.
        case bareContents
        /// The rule's topic is that of another event than an uplink.
        case otherEvent(String)
        /// The rule reads nothing that counts vehicles.
        case countsNothing
        /// The list of devices has none for the rule.
        case noDevice
        /// The facility has no zone that the rule could name.
        case noZone
        /// It counts one direction, and no rule of its kind counts the other.
        case oneDirection
        /// The facility has no bay, so that no vehicle ever comes.
        case noBay
        /// One source counts a facility, and another was chosen; another seed may choose this one.
        case anotherCounts
        /// No rule counts the facility.
        case uncounted

        /// What is wrong, and what to do where something can be done.
        public var description: String {
            switch self {
            case .commonSeparator(let separator):
                "its separator '\(separator)' stands in times and identifiers as well; replay recorded messages instead"
            case .captureAbsent(let name):
                "the topic captures no level {\(name)}; add it to the topic"
            case .malformedPointer(let pointer):
                "'\(pointer)' is no JSON Pointer; begin it with '/' and write '~' as '~0'"
            case .sharedPlace(let place):
                "two fields are read from \(place); no message can say both"
            case .insideText(let pointer):
                "a text has no '\(pointer)'; use the pointer \"\" or the format json"
            case .fixedValue(let field): "'\(field)' is a constant that a sensor can't change"
            case .wordAbsent(let value): "no word under 'values' means \(value)"
            case .unfitLevel(let word): "the word '\(word)' can't be a level of a topic"
            case .unknownFacility(let text): "the facility '\(text)' is not configured"
            case .takenBy(let place):
                "\(place) comes first and reads the same topics; move it down"
            case .alsoRead(let place):
                "\(place) would read the same messages, and they can't say what it wants to know"
            case .conditionUnmet(let condition):
                "no simulated message meets its condition that \(condition)"
            case .unfitField(let word): "'\(word)' can't be a field: the separator is in it"
            case .bareContents:
                "it reads all that an envelope holds as one value; name a field of it"
            case .otherEvent(let event):
                "no sensor sends what comes on a topic that ends with '\(event)'"
            case .countsNothing: "it counts no vehicles, and its messages are not simulated"
            case .noDevice: "the list of devices has none that it could be about"
            case .noZone: "the facility has no zone that it could name"
            case .oneDirection: "it counts one direction, and no rule of its kind the other"
            case .noBay: "the capacity is 0, so that no vehicle ever comes"
            case .anotherCounts: "another rule was chosen to count there"
            case .uncounted: "no rule that can be simulated counts there"
            }
        }
    }
}
