/// A word as a message says it.
///
/// A class, so that to hand one on is to count one reference.
final class Word: Sendable {
    /// What it says.
    let text: String

    /// How it stands in the message.
    let bytes: [UInt8]

    /// Whether it stands there as a number, or as a boolean.
    let isBare: Bool

    /// A word of a text or of a topic, or in JSON.
    ///
    /// What a rule calls `1` or `true` most sensors send as a number or a boolean, and the daemon reads either.
    init(_ text: String, isJSON: Bool) {
        let isInteger = Int(text).map { String($0) == text } ?? false
        self.text = text
        isBare = isJSON && (isInteger || text == "true" || text == "false")
        bytes = isJSON && !isBare ? JSONTree.string(Array(text.utf8)) : Array(text.utf8)
    }

    /// A number, which stands everywhere in the same way.
    init(number text: String) {
        self.text = text
        bytes = Array(text.utf8)
        isBare = true
    }

    /// Whether it can be a level of a topic.
    var isLevel: Bool { Self.isLevel(text) }

    /// Whether a text can be a level of a topic, and of no more than one.
    static func isLevel(_ text: String) -> Bool {
        !text.isEmpty && !text.utf8.contains { [0, 0x23, 0x2b, 0x2f].contains($0) }
    }

    /// Whether a text is what stands for a field that is left out.
    static func isZero(_ text: String) -> Bool { ["0", "false", ""].contains(text) }
}
