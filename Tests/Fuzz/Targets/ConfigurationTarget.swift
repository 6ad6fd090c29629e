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
            return try check(error.complaints, of: input)
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

    /// Each complaint is one line of visible text that names a place in the file.
    private func check(_ complaints: [Complaint], of input: [UInt8]) throws(Violation) {
        try require(!complaints.isEmpty, "refused without a complaint")
        // A key and its value are complained about a few times at most, and so is what is missing.
        try require(complaints.count <= 2 * input.count + 16, "\(complaints.count) complaints")
        // YAML ends lines at CR, NEL, LS and PS as well.
        let lineCount = 1 + input.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) }
        for complaint in complaints {
            try require(
                (0...lineCount + 1).contains(complaint.line),
                "line \(complaint.line) of \(lineCount)"
            )
            try require(
                (0...input.count + 1).contains(complaint.column),
                "column \(complaint.column) of \(input.count) bytes"
            )
            let text = complaint.description
            let isVisible = text.unicodeScalars.allSatisfy { $0.isVisible }
            try require(
                isVisible,
                "a complaint that can disturb a terminal: \(text.debugDescription)"
            )
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
