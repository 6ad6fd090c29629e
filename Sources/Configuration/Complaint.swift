/// One thing that is wrong with a configuration, and where.
public struct Complaint: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file, as the operator named it.
    public let file: String

    /// The line, from 1; 0 where the file itself is the trouble.
    public let line: Int

    /// The column, from 1, in Unicode scalars; 0 where the file itself is the trouble.
    public let column: Int

    /// The key, such as `rules[0].topic`; empty for the whole document.
    public let path: String

    /// What is wrong and what to do about it.
    ///
    /// Text from the file is quoted and escaped.
    public let message: String

    /// A complaint of these parts.
    public init(file: String, line: Int, column: Int, path: String, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.path = path
        self.message = message
    }

    /// The complaint as people and editors read it: `carparkd.yaml:12:7: rules[0].topic: message`.
    public var description: String {
        let position = line == 0 ? file : "\(file):\(line):\(column)"
        return path.isEmpty ? "\(position): \(message)" : "\(position): \(path): \(message)"
    }
}

/// Everything that is wrong with a configuration.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The complaints, file by file, each in its order; at least one.
    public let complaints: [Complaint]

    /// The complaints, each once, sorted by file and position; files, and those of one position, keep their order.
    ///
    /// What is wrong with a rule is found by each rule of its profile.
    public init(_ complaints: [Complaint]) {
        var said: Set<Complaint> = []
        let complaints = complaints.filter { said.insert($0).inserted }
        var files: [String: Int] = [:]
        for complaint in complaints where files[complaint.file] == nil {
            files[complaint.file] = files.count
        }
        self.complaints = complaints.enumerated().sorted { left, right in
            guard left.element.file == right.element.file else {
                return files[left.element.file, default: 0] < files[right.element.file, default: 0]
            }
            return (left.element.line, left.element.column, left.offset)
                < (right.element.line, right.element.column, right.offset)
        }.map(\.element)
    }

    /// One complaint a line.
    public var description: String {
        complaints.map(\.description).joined(separator: "\n")
    }
}

/// A text of the operator's in quotes, shortened, with everything escaped that could disturb a terminal.
func quoted(_ text: some StringProtocol) -> String {
    var shown = String.UnicodeScalarView()
    shown.append(contentsOf: text.unicodeScalars.prefix(80))
    let ellipsis = text.unicodeScalars.dropFirst(80).isEmpty ? "" : "…"
    return "'" + escaped(String(shown)) + ellipsis + "'"
}

/// A text without characters that could forge a line, colour a terminal or turn the direction of reading.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}
