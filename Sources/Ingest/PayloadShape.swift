import JSONDocument
import Parking

/// The shape of a payload: keys, types and lengths, never a value.
///
/// `{type: string(14), occupied: boolean, tags: array(3) of number}` says what a rule could not read, and nothing of what it was:
/// a payload may hold a number plate.
///
/// **Keys.** A key may be data, too: some systems use a plate or a tag as one. So a key is shown only if it is short and of letters,
/// `_`, `.`, `:` and `-`. One with a digit is shown as `key(9)`: plates (`AB12 CDE`), tags, telephone numbers and dates have
/// digits, few as they may be, while the fields of sensors hardly do. That a key is there, and what it leads to, is still seen. A key that
/// the configuration names is no secret, and is what a person looks for: it is shown whatever it is.
///
/// **Bounds.** Six levels, the first 24 values of each container, 96 in all, 1,000 bytes; what is left out is `…`.
struct PayloadShape {
    static let depth = 6
    static let breadth = 24
    static let limit = 96
    static let maximumBytes = 1000
    static let maximumKeyBytes = 32

    private let document: JSONDocument
    private let maximumBytes: Int
    /// The keys that the pointers of the rules name.
    private let namedKeys: Set<[UInt8]>

    /// Shapes of the payloads of a plan.
    init(_ plan: IngestPlan) {
        maximumBytes = plan.limits.payloadBytes
        namedKeys = Set(plan.rules.flatMap(\.namedKeys))
        document = JSONDocument(
            maximumBytes: plan.limits.payloadBytes,
            maximumDepth: plan.limits.jsonDepth
        )
    }

    /// The shape of a payload.
    ///
    /// - Parameter isText: Whether its rule takes it for text: then `12` is no number.
    func text(of payload: Span<UInt8>, isText: Bool) -> String {
        guard payload.count > 0 else { return "empty" }
        guard payload.count <= maximumBytes else { return "bytes(\(payload.count)), too large" }
        guard !isText else { return Self.plain(payload) }
        do throws(JSONProblem) {
            try document.parse(payload)
        } catch {
            switch error {
            case .malformed: return Self.plain(payload)
            case .notUTF8: return "bytes(\(payload.count)), not UTF-8"
            case .tooDeep: return "JSON(\(payload.count)), nested too deeply"
            case .tooLarge: return "bytes(\(payload.count)), too large"
            case .noMemory: return "bytes(\(payload.count))"
            }
        }
        let parts = document.outline(depth: Self.depth, breadth: Self.breadth, limit: Self.limit)
        return self.text(of: parts)
    }

    /// The shape of the values of a text.
    private func text(of parts: [JSONPart]) -> String {
        var rest = parts[...]
        guard let whole = rest.popFirst() else { return "empty" }
        let text = describe(whole, &rest)
        guard text.utf8.count > Self.maximumBytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: Self.maximumBytes - 3)
        while end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
        return text[..<end] + "…"
    }

    private func describe(_ part: JSONPart, _ rest: inout ArraySlice<JSONPart>) -> String {
        switch part.kind {
        case .null: "null"
        case .boolean: "boolean"
        case .number: "number"
        case .string(let bytes): "string(\(bytes))"
        case .array(let count): Self.array(count, children(of: part, &rest).map(\.shape))
        case .object(let count): object(count, children(of: part, &rest))
        }
    }

    private func children(
        of part: JSONPart,
        _ rest: inout ArraySlice<JSONPart>
    ) -> [(name: [UInt8]?, shape: String)] {
        var children: [(name: [UInt8]?, shape: String)] = []
        while let child = rest.first, child.depth > part.depth {
            rest.removeFirst()
            children.append((child.name, describe(child, &rest)))
        }
        return children
    }

    private static func array(_ count: Int, _ shapes: [String]) -> String {
        guard let first = shapes.first else { return "array(\(count))" }
        let isUniform = shapes.allSatisfy { $0 == first }
        return "array(\(count)) of \(isUniform ? first : "mixed")"
    }

    private func object(
        _ count: Int,
        _ members: [(name: [UInt8]?, shape: String)]
    ) -> String {
        guard count == 0 || !members.isEmpty else { return "object(\(count))" }
        var words = members.map { "\(key($0.name ?? [])): \($0.shape)" }
        if members.count < count { words.append("…") }
        return "{\(words.joined(separator: ", "))}"
    }

    /// A key as it may be shown.
    private func key(_ name: [UInt8]) -> String {
        let isField =
            (1...Self.maximumKeyBytes).contains(name.count) && name.allSatisfy(Self.isPlain)
        guard isField || namedKeys.contains(name) else { return "key(\(name.count))" }
        return String(decoding: name, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func plain(_ payload: Span<UInt8>) -> String {
        let bytes = payload.indices.map { payload[$0] }
        let isText = String(validating: bytes, as: UTF8.self) != nil
        return isText ? "text(\(bytes.count))" : "bytes(\(bytes.count)), not UTF-8"
    }
}

extension Rule {
    /// The keys that its pointers name, in UTF-8.
    fileprivate var namedKeys: [[UInt8]] {
        guard format == .json else { return [] }
        let tests = [health?.batteryLow, health?.fault, health?.tamper, health?.obstructed]
        let conditions = tests.reduce(conditions) { $0 + ($1 ?? []) }
        let sources = namedSources.map(\.source) + conditions.map(\.source)
        let pointers = sources.map { source in
            switch source {
            case .pointer(let text), .envelope(let text): text
            case .constant, .capture, .sum: ""
            }
        }
        return ((elements.map { [$0] } ?? []) + pointers).flatMap(Self.keys)
    }

    /// The reference tokens of a JSON Pointer.
    ///
    /// Source: RFC 6901, section 4.
    private static func keys(of pointer: String) -> [[UInt8]] {
        pointer.utf8.split(separator: UInt8(ascii: "/")).map { token in
            var key: [UInt8] = []
            var isEscaped = false
            for byte in token {
                if byte == UInt8(ascii: "~") {
                    isEscaped = true
                } else {
                    let meaning = byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/")
                    key.append(isEscaped ? meaning : byte)
                    isEscaped = false
                }
            }
            return key
        }
    }
}
