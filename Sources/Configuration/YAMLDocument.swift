internal import Yams

/// One YAML document as a tree of nodes, without the parts of YAML that surprise.
///
/// Refused: aliases and anchors, merge keys, tags of types we don't know, several documents, duplicate keys,
/// control characters, text that is not UTF-8, and more than ``maximumBytes``.
struct YAMLDocument {
    /// The largest file that is read: 4 MiB.
    static let maximumBytes = 4 << 20

    /// The node at the top.
    let root: Node

    /// Reads a document, or tells the first thing that keeps it from being one.
    ///
    /// - Throws: Every complaint that could be found; one alone where the text is no YAML.
    init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        let text = try Self.text(bytes, file: file)
        // Nodes hold their anchors weakly: the parser must live until they are checked.
        let parser: Parser
        let root: Node?
        do {
            parser = try Parser(yaml: text, encoding: .utf8)
            root = try parser.singleRoot()
        } catch {
            throw ConfigurationError([Self.complaint(about: error, in: text, file: file)])
        }
        guard let root else {
            throw ConfigurationError([
                Complaint(
                    file: file,
                    line: 1,
                    column: 1,
                    path: "",
                    message: "the file is empty; start from the example that comes with carparkd"
                )
            ])
        }
        var complaints: [Complaint] = []
        withExtendedLifetime(parser) {
            Self.check(root, path: "", file: file, into: &complaints)
        }
        guard complaints.isEmpty else { throw ConfigurationError(complaints) }
        self.root = root
    }

    /// Decodes the bytes, and refuses what no editor shows.
    private static func text(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> String {
        guard bytes.count <= maximumBytes else {
            throw ConfigurationError([
                Complaint(
                    file: file,
                    line: 0,
                    column: 0,
                    path: "",
                    message: "the file is larger than 4 MiB (4,194,304 bytes)"
                )
            ])
        }
        var line = 1
        var lineStart = 0
        var invalid: (offset: Int, message: String)?
        var decoder = UTF8Scanner(bytes)
        scan: while let step = decoder.next() {
            switch step {
            case .invalid(let offset):
                invalid = (offset, "the file is not UTF-8 from here on; save it as UTF-8")
                break scan
            case .scalar(let value, let offset):
                if value == 10 {
                    line += 1
                    lineStart = offset + 1
                } else if value == 127 || value < 32 && value != 9 && value != 13 {
                    let code = String(value, radix: 16, uppercase: true)
                    invalid = (offset, "a control character (U+\(code)) stands here; remove it")
                    break scan
                }
            }
        }
        guard let invalid else { return String(decoding: bytes, as: UTF8.self) }
        let column =
            String(decoding: bytes[lineStart..<invalid.offset], as: UTF8.self)
            .unicodeScalars.count + 1
        throw ConfigurationError([
            Complaint(file: file, line: line, column: column, path: "", message: invalid.message)
        ])
    }

    /// Collects what is refused, without walking into what an alias may have repeated.
    private static func check(
        _ node: Node,
        path: String,
        file: String,
        into complaints: inout [Complaint]
    ) {
        func complain(_ node: Node, _ message: String) {
            complaints.append(
                Complaint(
                    file: file,
                    line: node.mark?.line ?? 1,
                    column: node.mark?.column ?? 1,
                    path: path,
                    message: message
                )
            )
        }
        guard node.anchor == nil else {
            let repeated = complaints.contains {
                $0.line == node.mark?.line && $0.column == node.mark?.column
            }
            if !repeated { complain(node, "anchors and aliases are refused: write the value out") }
            return
        }
        guard isKnown(node.tag) else {
            complain(node, "the tag \(quoted(node.tag.description)) is refused: remove it")
            return
        }
        switch node {
        case .scalar: break
        case .alias: complain(node, "anchors and aliases are refused: write the value out")
        case .sequence(let items):
            for (index, item) in items.enumerated() {
                check(item, path: "\(path)[\(index)]", file: file, into: &complaints)
            }
        case .mapping(let pairs):
            for (key, value) in pairs {
                if key.scalar?.string == "<<" {
                    complain(key, "merge keys (<<) are refused: write the keys out")
                    continue
                }
                check(key, path: path, file: file, into: &complaints)
                let name = key.scalar.map { escaped($0.string) } ?? "?"
                let below = path.isEmpty ? name : "\(path).\(name)"
                check(value, path: below, file: file, into: &complaints)
            }
        }
    }

    /// Whether a tag is one that YAML gives by itself to a text, a list or a mapping.
    private static func isKnown(_ tag: Tag) -> Bool {
        let known: [Tag.Name] = [
            .str, .seq, .map, .bool, .float, .int, .null, .timestamp, .value, .merge,
        ]
        return known.contains { $0.rawValue == tag.description }
    }

    /// The complaint that Yams' error amounts to.
    private static func complaint(
        about error: any Error,
        in text: String,
        file: String
    ) -> Complaint {
        func at(_ mark: Mark, _ message: String) -> Complaint {
            Complaint(
                file: file,
                line: mark.line,
                column: mark.column,
                path: "",
                message: message
            )
        }
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _):
            if isTab(at: mark, in: text) {
                return at(mark, "a tab stands here; YAML is indented by spaces")
            }
            let detail = context.map { " (\($0.text), line \($0.mark.line))" } ?? ""
            return at(mark, "this is no YAML: \(problem)\(detail)")
        case .composer(nil, _, let mark, _):
            return at(mark, "anchors and aliases are refused: write the value out")
        case .composer(_, _, let mark, _):
            return at(mark, "a second document begins here; the file must hold a single one")
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { quoted($0) }.joined(separator: ", ")
            return at(context.mark, "this key is given twice in one mapping: \(names)")
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0).unicodeScalars
            let line = before.count { $0 == "\n" } + 1
            let column = before.reversed().prefix { $0 != "\n" }.count + 1
            return Complaint(
                file: file,
                line: line,
                column: column,
                path: "",
                message: "this is no YAML: \(problem)"
            )
        case let error:
            let reason = error.map { "\($0)" } ?? "unknown"
            return Complaint(file: file, line: 1, column: 1, path: "", message: escaped(reason))
        }
    }

    private static func isTab(at mark: Mark, in text: String) -> Bool {
        let lines = text.utf8.split(
            separator: UInt8(ascii: "\n"),
            maxSplits: mark.line,
            omittingEmptySubsequences: false
        )
        guard lines.indices.contains(mark.line - 1) else { return false }
        let line = Substring(lines[mark.line - 1]).unicodeScalars
        return line.dropFirst(mark.column - 1).first == "\t"
    }
}

/// A walk over bytes that should be UTF-8, scalar by scalar.
private struct UTF8Scanner {
    enum Step {
        case scalar(UInt32, offset: Int)
        case invalid(offset: Int)
    }

    private let bytes: [UInt8]
    private var offset = 0
    private var ended = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Step? {
        guard !ended, offset < bytes.count else { return nil }
        let start = offset
        let first = bytes[start]
        guard first >= 0x80 else {
            offset += 1
            return .scalar(UInt32(first), offset: start)
        }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        let end = start + length
        guard end <= bytes.count, let text = String(validating: bytes[start..<end], as: UTF8.self),
            let scalar = text.unicodeScalars.first
        else {
            ended = true
            return .invalid(offset: start)
        }
        offset = end
        return .scalar(scalar.value, offset: start)
    }
}
