import JSONDocument

/// The shape of a payload: keys, types and lengths, never a value.
///
/// `{type: string(14), occupied: boolean, tags: array(3) of number}` says what a rule could not read, and nothing of what it was:
/// a payload may hold a number plate.
///
/// **Keys.** A key may be data, too: some systems use a plate or a tag as one. So a key is shown only if it is short and of letters,
/// `_`, `.`, `:` and `-`. One with a digit is shown as `key(9)`: plates (`AB12 CDE`), tags, telephone numbers and dates have
/// digits, few as they may be, while the fields of sensors hardly do. That a key is there, and what it leads to, is still seen.
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

    /// Shapes of payloads within these limits.
    init(_ limits: IngestLimits) {
        maximumBytes = limits.payloadBytes
        document = JSONDocument(
            maximumBytes: limits.payloadBytes,
            maximumDepth: limits.jsonDepth
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
        return Self.text(of: parts)
    }

    /// The shape of the values of a text.
    static func text(of parts: [JSONPart]) -> String {
        var rest = parts[...]
        guard let whole = rest.popFirst() else { return "empty" }
        let text = describe(whole, &rest)
        // All of it is ASCII but the ellipsis.
        return text.utf8.count <= maximumBytes
            ? text : String(decoding: text.utf8.prefix(maximumBytes - 3), as: UTF8.self) + "…"
    }

    private static func describe(_ part: JSONPart, _ rest: inout ArraySlice<JSONPart>) -> String {
        switch part.kind {
        case .null: "null"
        case .boolean: "boolean"
        case .number: "number"
        case .string(let bytes): "string(\(bytes))"
        case .array(let count): array(count, children(of: part, &rest).map(\.shape))
        case .object(let count): object(count, children(of: part, &rest))
        }
    }

    private static func children(
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

    private static func object(
        _ count: Int,
        _ members: [(name: [UInt8]?, shape: String)]
    ) -> String {
        guard count == 0 || !members.isEmpty else { return "object(\(count))" }
        var words = members.map { "\(key($0.name ?? [])): \($0.shape)" }
        if members.count < count { words.append("…") }
        return "{\(words.joined(separator: ", "))}"
    }

    /// A key as it may be shown.
    private static func key(_ name: [UInt8]) -> String {
        guard (1...maximumKeyBytes).contains(name.count), name.allSatisfy(isPlain) else {
            return "key(\(name.count))"
        }
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
