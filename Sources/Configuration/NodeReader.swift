internal import Parking
internal import Yams

/// Where complaints gather while a document is read.
final class ComplaintList {
    /// The document, as the operator named it.
    let file: String
    private var own: [Complaint] = []
    private var others: [Complaint] = []

    /// The document's complaints, then those about the files that it names.
    var complaints: [Complaint] { own + others }

    private let parent: ComplaintList?

    /// - Parameter parent: The list of the document that names this one, which takes over all complaints.
    init(file: String, parent: ComplaintList? = nil) {
        self.file = file
        self.parent = parent
    }

    /// Takes over what is wrong with another file.
    func add(_ error: ConfigurationError) { others += error.complaints }

    func add(_ mark: Mark?, path: String, _ message: String) {
        let complaint = Complaint(
            file: file,
            line: mark?.line ?? 1,
            column: mark?.column ?? 1,
            path: path,
            message: message
        )
        if let parent { parent.add(ConfigurationError([complaint])) } else { own.append(complaint) }
    }
}

/// One node, the path that leads to it, and where to complain about it.
///
/// Every reading function complains by itself and then answers nil.
struct Element {
    let node: Node
    let path: String
    let list: ComplaintList

    /// Whether it holds keys.
    var isMapping: Bool { if case .mapping = node { true } else { false } }

    /// Whether it holds a single value.
    var isScalar: Bool { if case .scalar = node { true } else { false } }

    /// Whether it is what YAML calls null.
    private var isEmptyValue: Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
    }

    /// Complains about this node.
    func complain(_ message: String) {
        list.add(node.mark, path: path, message)
    }

    /// The text of a scalar; a number or a word without quotes is a text as well.
    func text() -> String? {
        switch node {
        case .scalar(let scalar):
            guard !isEmptyValue else {
                complain("has no value; give it one or remove it")
                return nil
            }
            let isPrintable = scalar.string.unicodeScalars.allSatisfy { scalar in
                scalar.properties.generalCategory != .control
            }
            guard isPrintable else {
                complain(
                    "the text holds a line break or another control character; remove it "
                        + "(YAML's '>-' joins lines and adds none)"
                )
                return nil
            }
            return scalar.string
        case .mapping: complain("must be a single value, not a mapping")
        case .sequence: complain("must be a single value, not a list")
        case .alias: complain("anchors and aliases are refused: write the value out")
        }
        return nil
    }

    /// A text of 1 to `maximumBytes` bytes of UTF-8.
    func nonEmptyText(maximumBytes: Int) -> String? {
        guard let text = text() else { return nil }
        guard !text.isEmpty else {
            complain("must not be empty")
            return nil
        }
        guard text.utf8.count <= maximumBytes else {
            complain("is \(text.utf8.count) bytes long; at most \(maximumBytes) are allowed")
            return nil
        }
        return text
    }

    /// A whole number in decimal digits.
    func integer(in range: ClosedRange<Int>) -> Int? {
        guard let text = text() else { return nil }
        guard let value = WholeNumber.value(text) else {
            complain(
                "must be a whole number from \(range.lowerBound) to \(range.upperBound) in "
                    + "decimal digits, not \(quoted(text))"
            )
            return nil
        }
        guard range.contains(value) else {
            complain("must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
            return nil
        }
        return value
    }

    /// A decimal number, such as a coordinate.
    func decimal(in range: ClosedRange<Double>) -> Double? {
        guard let text = text() else { return nil }
        let bounds = "from \(Int(range.lowerBound)) to \(Int(range.upperBound))"
        guard let value = DecimalNumber.value(text) else {
            complain("must be a number \(bounds), not \(quoted(text))")
            return nil
        }
        guard range.contains(value) else {
            complain("must be \(bounds), not \(escaped(text))")
            return nil
        }
        return value
    }

    /// A length of time: a whole number and its unit, `ms`, `s`, `m`, `h` or `d`.
    ///
    /// - Parameter whole: A unit of which it must be a multiple, such as a second.
    func duration(in range: ClosedRange<Duration>, whole: Duration = .milliseconds(1)) -> Duration?
    {
        guard let text = text() else { return nil }
        guard let value = LengthOfTime.value(text) else {
            complain(
                "must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not \(quoted(text))"
            )
            return nil
        }
        guard range.contains(value) else {
            let lower = LengthOfTime.text(range.lowerBound)
            let upper = LengthOfTime.text(range.upperBound)
            complain("must be from \(lower) to \(upper), not \(escaped(text))")
            return nil
        }
        guard value.wholeMilliseconds % whole.wholeMilliseconds == 0 else {
            complain("must be a multiple of \(LengthOfTime.text(whole)), not \(escaped(text))")
            return nil
        }
        return value
    }

    /// A length of time as ``duration(in:whole:)`` reads it, after a minus, a plus or neither.
    func signedDuration(in range: ClosedRange<Duration>) -> Duration? {
        guard let text = text() else { return nil }
        guard let value = LengthOfTime.signed(text), range.contains(value) else {
            let lower = LengthOfTime.text(range.lowerBound)
            let upper = LengthOfTime.text(range.upperBound)
            complain(
                "must be a length of time from \(lower) to \(upper) such as -90s, "
                    + "not \(quoted(text))"
            )
            return nil
        }
        return value
    }

    /// One of a few words.
    func choice<Value: CaseIterable & RawRepresentable<String>>(of: Value.Type) -> Value? {
        guard let text = text() else { return nil }
        if let value = Value(rawValue: text) { return value }
        complain(notOne(of: Value.self, text))
        return nil
    }

    /// A path of a file without `.` and `..`: absolute, or from the directory of the document.
    func filePath() -> String? {
        guard let text = nonEmptyText(maximumBytes: 4095) else { return nil }
        if text.first == "/" { return absolutePath() }
        let parts = text.split(separator: "/")
        guard text.last != "/", !parts.contains("."), !parts.contains("..") else {
            complain("must be the path of a file without . and .., not \(quoted(text))")
            return nil
        }
        let directory = list.file.lastIndex(of: "/").map { list.file[...$0] } ?? ""
        return directory + parts.joined(separator: "/")
    }

    /// An absolute path without `.` and `..`; repeated and trailing slashes don't count.
    func absolutePath() -> String? {
        guard let text = nonEmptyText(maximumBytes: 4095) else { return nil }
        let parts = text.split(separator: "/")
        guard text.first == "/", !parts.isEmpty else {
            complain("must be an absolute path below /, not \(quoted(text))")
            return nil
        }
        guard !parts.contains("."), !parts.contains("..") else {
            complain("must be a path without . and .., not \(quoted(text))")
            return nil
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The items of a list that is not empty.
    func items() -> [Element]? {
        guard case .sequence(let sequence) = node else {
            complain(isEmptyValue ? "has no value; it must be a list" : "must be a list")
            return nil
        }
        guard !sequence.isEmpty else {
            complain("must not be empty")
            return nil
        }
        return sequence.enumerated().map { index, node in
            Element(node: node, path: "\(path)[\(index)]", list: list)
        }
    }

    /// Whether it is a mapping with this key.
    func has(_ key: String) -> Bool {
        guard case .mapping(let mapping) = node else { return false }
        return mapping.contains { $0.key.scalar?.string == key }
    }

    /// The items of a list, or a single value alone.
    func itemsOrSelf() -> [Element]? { isScalar ? [self] : items() }

    /// `true` or `false`.
    func boolean() -> Bool? {
        guard let text = text() else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default:
            complain("must be true or false, not \(quoted(text))")
            return nil
        }
    }

    /// A reader of the keys of a mapping.
    func keys() -> NodeReader? {
        guard case .mapping(let mapping) = node else {
            complain(
                isEmptyValue
                    ? "has no value; it must be a mapping of keys to values"
                    : "must be a mapping of keys to values"
            )
            return nil
        }
        return NodeReader(mapping, element: self)
    }
}

/// A strict reader of one mapping: keys are taken one by one, and what is left over is a complaint.
final class NodeReader {
    private typealias Entry = (key: String, mark: Mark?, value: Element)

    private let element: Element
    /// What stands in another mapping and takes the place of what stands here.
    var overrides: [String: Element] = [:]

    private var remaining: [Entry] = []
    private var absent: [(key: String, purpose: String?)] = []

    init(_ mapping: Node.Mapping, element: Element) {
        self.element = element
        for (keyNode, valueNode) in mapping {
            guard let key = keyNode.scalar?.string else {
                element.list.add(keyNode.mark, path: element.path, "a key must be a single word")
                continue
            }
            guard !remaining.contains(where: { $0.key == key }) else {
                // Yams takes "1" and 1 for different keys; to the operator they are one.
                element.list.add(
                    keyNode.mark,
                    path: path(of: key),
                    "this key is given twice in one mapping: \(quoted(key))"
                )
                continue
            }
            let value = Element(node: valueNode, path: path(of: key), list: element.list)
            remaining.append((key, keyNode.mark, value))
        }
    }

    /// Complains about the mapping as a whole.
    func complain(_ message: String) { element.complain(message) }

    /// Takes the value of a key that may be absent.
    func take(_ key: String) -> Element? {
        if let override = overrides[key] {
            _ = remove(key)
            return override
        }
        if let value = remove(key)?.value { return value }
        absent.append((key, nil))
        return nil
    }

    /// Takes the value of a key that must be there; its absence is a complaint of ``finish()``.
    func require(_ key: String, _ purpose: String) -> Element? {
        if overrides[key] != nil { return take(key) }
        if let value = remove(key)?.value { return value }
        absent.append((key, purpose))
        return nil
    }

    /// Whether nothing is left that nobody took.
    var isEmpty: Bool { remaining.isEmpty }

    /// Whether the mapping itself has a key that nobody took yet.
    func holds(_ key: String) -> Bool { remaining.contains { $0.key == key } }

    /// Takes the values of these keys, as far as they are there.
    func take(_ keys: [String]) -> [String: Element] {
        var values: [String: Element] = [:]
        for key in keys { values[key] = take(key) }
        return values
    }

    /// Takes all that is left, in the order of the document: a mapping whose keys are the operator's own.
    func takeAll() -> [(key: String, value: Element)] {
        defer { remaining = [] }
        return remaining.map { ($0.key, $0.value) }
    }

    /// Takes a key that has no place here, and complains about it.
    func refuse(_ key: String, _ message: String) {
        guard let entry = remove(key) else { return }
        element.list.add(entry.mark, path: entry.value.path, message)
    }

    /// Complains about the keys that nobody took, and about those that had to be there.
    ///
    /// - Parameter advice: What to do about a key that is like no known one.
    func finish(_ advice: String = "remove it") {
        var explained: Set<String> = []
        for (key, mark, value) in remaining {
            let known = absent.map(\.key)
            if let near = nearest(to: key, among: known) {
                explained.insert(near)
                element.list.add(
                    mark,
                    path: value.path,
                    "unknown key; did you mean \(quoted(near))?"
                )
            } else {
                element.list.add(mark, path: value.path, "unknown key; \(advice)")
            }
        }
        for (key, purpose) in absent where !explained.contains(key) {
            guard let purpose else { continue }
            element.list.add(
                element.node.mark,
                path: path(of: key),
                "this key is missing: \(purpose)"
            )
        }
        remaining = []
        absent = []
    }

    private func remove(_ key: String) -> Entry? {
        remaining.firstIndex { $0.key == key }.map { remaining.remove(at: $0) }
    }

    private func path(of key: String) -> String {
        let shown = escaped(String(key.prefix(80)))
        return element.path.isEmpty ? shown : "\(element.path).\(shown)"
    }
}

/// A whole number as the operator writes it.
enum WholeNumber {
    /// The value of decimal digits, possibly after a minus; nil for anything else (`0x10`, `010`, `1_000`, `1e3`).
    static func value(_ text: some StringProtocol) -> Int? {
        let digits = text.first == "-" ? text.dropFirst() : text[...]
        let isDecimal =
            !digits.isEmpty
            && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isDecimal, digits == "0" || digits.first != "0" else { return nil }
        return Int(text)
    }
}

/// A decimal number as the operator writes it.
enum DecimalNumber {
    /// The value of digits, possibly with a point and after a minus; nil for anything else (`1e3`, `0x1p3`, `nan`).
    static func value(_ text: String) -> Double? {
        let isPlain = text.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain ? Double(text) : nil
    }
}

/// A length of time as the operator writes it.
enum LengthOfTime {
    private static let units: [(suffix: String, milliseconds: Int)] = [
        ("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000),
    ]

    /// The value of a whole number and a unit; nil for anything else.
    static func value(_ text: String) -> Duration? {
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
            let count = WholeNumber.value(text.dropLast(unit.suffix.count)), count >= 0
        else { return nil }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        return overflow ? nil : .milliseconds(milliseconds)
    }

    /// The value of a whole number and a unit after a minus, a plus or neither.
    static func signed(_ text: String) -> Duration? {
        switch text.first {
        case "-": value(String(text.dropFirst())).map { .zero - $0 }
        case "+": value(String(text.dropFirst()))
        default: value(text)
        }
    }

    /// The shortest text of a duration, in the largest unit that divides it.
    static func text(_ duration: Duration) -> String {
        let milliseconds = Int(duration.wholeMilliseconds)
        let unit = units.dropFirst().first {
            milliseconds != 0 && milliseconds % $0.milliseconds == 0
        }
        guard let unit else { return milliseconds == 0 ? "0s" : "\(milliseconds)ms" }
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
}

/// What to say about a text that is none of a few words.
func notOne<Value: CaseIterable & RawRepresentable<String>>(
    of: Value.Type,
    _ text: String
) -> String {
    let words = Value.allCases.map(\.rawValue)
    let near = nearest(to: text, among: words)
    let hint = near.map { "; did you mean \(quoted($0))?" } ?? ""
    return "must be one of \(words.joined(separator: ", ")), not \(quoted(text))\(hint)"
}

/// The word that was probably meant: at most two edits away, and not by replacing it whole.
func nearest(to word: String, among candidates: [String]) -> String? {
    guard word.utf8.count <= 80 else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
        let distance = editDistance(word, candidate)
        guard distance <= 2, distance < min(word.utf8.count, candidate.utf8.count),
            distance < best?.distance ?? .max
        else { continue }
        best = (candidate, distance)
    }
    return best?.candidate
}

/// The number of insertions, deletions and replacements between two words (Levenshtein).
func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8)
    var row = Array(0...right.count)
    for (i, leftByte) in left.utf8.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, rightByte) in right.enumerated() {
            let replaced = diagonal + (leftByte == rightByte ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[right.count]
}
