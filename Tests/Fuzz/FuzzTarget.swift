import Synchronization

/// Something that takes bytes from anybody, and what must be true of it afterwards, whatever they were.
protocol FuzzTarget {
    /// Takes one input.
    ///
    /// - Throws: What is untrue after it. A trap or a sanitizer's report is a finding as well.
    func run(_ input: [UInt8]) throws(Violation)
}

/// Something that should hold after every input, and does not after this one.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Tells what should hold.
func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws(Violation) {
    guard holds else { throw Violation(otherwise()) }
}

/// The targets by their names, which are those of their folders of seeds and findings.
enum FuzzTargets {
    /// The names, in the order in which they run.
    static let names = [
        "decoder-plain", "decoder-ttn", "decoder-chirpstack", "decoder-profiles", "topic",
        "configuration", "devices", "zone", "clock", "replay", "record", "scalar", "output",
    ]

    /// The target of a name; nil where there is none.
    static func target(_ name: String) -> (any FuzzTarget)? {
        switch name {
        case "decoder-plain": DecoderTarget(rules: "plain")
        case "decoder-ttn": DecoderTarget(rules: "ttn")
        case "decoder-chirpstack": DecoderTarget(rules: "chirpstack")
        case "decoder-profiles": DecoderTarget.profiles
        case "topic": TopicTarget()
        case "configuration": ConfigurationTarget()
        case "devices": DevicesTarget()
        case "zone": ZoneTarget()
        case "clock": ClockTarget()
        case "replay": ReplayTarget()
        case "record": RecordTarget()
        case "scalar": ScalarTarget()
        case "output": OutputTarget()
        default: nil
        }
    }
}
