/// The topics of a rule: an MQTT topic filter in which `{name}` is a single level that is kept under that name.
///
/// `bath/{facility}/bay/{bay}` subscribes to `bath/+/bay/+`.
/// Source: MQTT 5.0, section 4.7.
public struct TopicPattern: Hashable, Sendable, CustomStringConvertible {
    /// One level of a pattern.
    public enum Level: Hashable, Sendable {
        /// The level must be equal to this text, which may be empty.
        case literal(String)
        /// Any one level, kept under this name.
        case capture(String)
        /// Any one level (`+`).
        case any
        /// Any number of levels, the parent's included (`#`); only at the end.
        case remainder
    }

    /// Why a text is no pattern.
    public enum Problem: Error, Equatable, Sendable {
        /// A topic filter has at least one character.
        case empty
        /// A topic filter has at most 65,535 bytes and contains no NUL.
        case unrepresentable
        /// `#` stands alone, as the last level.
        case misplacedRemainder
        /// `+` stands alone in its level.
        case misplacedAny
        /// A capture is `{`, a name of `a`-`z`, `0`-`9`, `_`, then `}`, alone in its level.
        case malformedCapture(String)
        /// Two levels have this name.
        case repeatedCapture(String)
        /// Shared subscriptions break the order of one bay's readings.
        case shared
    }

    /// The pattern as it was written.
    public let text: String

    /// Its levels.
    public let levels: [Level]

    /// Parses a pattern.
    ///
    /// - Throws: The first ``Problem`` of the text.
    public init(_ text: String) throws(Problem) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= 65_535, !text.utf8.contains(0) else { throw .unrepresentable }
        // By scalars: a mark that combines with a separator or a wildcard makes another character of it, and not of MQTT's byte.
        let parts = text.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false)
            .map(Substring.init)
        guard parts.first != "$share" else { throw .shared }
        var levels: [Level] = []
        var names: Set<String> = []
        for (index, part) in parts.enumerated() {
            let level = try Self.level(part)
            if level == .remainder, index != parts.count - 1 { throw .misplacedRemainder }
            if case .capture(let name) = level, !names.insert(name).inserted {
                throw .repeatedCapture(name)
            }
            levels.append(level)
        }
        self.text = text
        self.levels = levels
    }

    /// The names of the captured levels, in their order.
    public var captures: [String] {
        levels.compactMap { level in
            if case .capture(let name) = level { name } else { nil }
        }
    }

    /// The MQTT topic filter to subscribe to.
    public var filter: String {
        levels.map { level in
            switch level {
            case .literal(let text): text
            case .capture, .any: "+"
            case .remainder: "#"
            }
        }.joined(separator: "/")
    }

    /// The pattern as it was written.
    public var description: String { text }

    private static func level(_ part: Substring) throws(Problem) -> Level {
        switch part {
        case "#": return .remainder
        case "+": return .any
        default: break
        }
        let scalars = part.unicodeScalars
        if scalars.contains("{") || scalars.contains("}") {
            guard scalars.first == "{", scalars.last == "}" else {
                throw .malformedCapture(String(part))
            }
            let name = Substring(scalars.dropFirst().dropLast())
            let isName =
                !name.isEmpty
                && name.utf8.allSatisfy { byte in
                    byte == UInt8(ascii: "_")
                        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                }
            guard isName else { throw .malformedCapture(String(part)) }
            return .capture(String(name))
        }
        guard !scalars.contains("#") else { throw .misplacedRemainder }
        guard !scalars.contains("+") else { throw .misplacedAny }
        return .literal(String(part))
    }
}
