import Ingest
import Parking

@testable import Configuration

/// A configuration file: checked values that the stream can be built of, or complaints that a person can act on.
struct ConfigurationTarget: FuzzTarget {
    func run(_ input: [UInt8]) throws(Violation) {
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try Configuration.parse(input, file: "carparkd.yaml")
        } catch {
            return try ComplaintCheck(input).run(error.complaints)
        }
        try require(!configuration.rules.isEmpty, "no rule")
        try require(!configuration.brokers.isEmpty, "no broker")
        let identifiers = Set(configuration.facilities.map(\.id))
        try require(!identifiers.isEmpty, "no facility")
        try require(identifiers.count == configuration.facilities.count, "a facility twice")
        for rule in configuration.rules {
            let isSubscribed = configuration.subscribedPatterns.contains { $0.covers(rule.topic) }
            try require(isSubscribed, "\(rule.topic) is not subscribed to")
        }
        _ = IngestPlan(facilities: configuration.facilities, rules: configuration.rules)
    }
}

/// What holds of complaints: each is one line of visible text, and names a place in the file.
struct ComplaintCheck {
    private let input: [UInt8]

    init(_ input: [UInt8]) { self.input = input }

    func run(_ complaints: [Complaint]) throws(Violation) {
        try require(!complaints.isEmpty, "refused without a complaint")
        // A key and its value are complained about a few times at most, and so is what is missing.
        try require(complaints.count <= 2 * input.count + 16, "\(complaints.count) complaints")
        // YAML ends lines at CR, NEL, LS and PS as well.
        let lineCount = 1 + input.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) }
        for complaint in complaints {
            let isLine = (0...lineCount + 1).contains(complaint.line)
            try require(isLine, "line \(complaint.line) of \(lineCount)")
            let isColumn = (0...input.count + 1).contains(complaint.column)
            try require(isColumn, "column \(complaint.column) of \(input.count) bytes")
            let text = complaint.description
            let isVisible = text.unicodeScalars.allSatisfy { $0.isVisible }
            try require(isVisible, "it can disturb a terminal: \(text.debugDescription)")
        }
    }
}

extension Unicode.Scalar {
    /// Whether it can neither begin a line, nor colour a terminal, nor turn the direction of reading.
    var isVisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: true
        }
    }
}
