import TestSupport

/// What probes said in a directory, one life after the other, as far as they came: see StorageProbe.
struct Spoken {
    /// The name of the file that holds it.
    static let name = "said"

    let lines: [Substring]

    /// What was said in a directory.
    init(in directory: String) { lines = Files.lines("\(directory)/\(Self.name)") }

    private init(_ lines: [Substring]) { self.lines = lines }

    /// What was said since.
    func since(_ earlier: Spoken) -> Spoken { Spoken(Array(lines[earlier.lines.count...])) }

    /// Whether all went well, in the end.
    var isEnded: Bool { lines.last == "ended" }

    /// Whether the journal could not be opened, so that the daemon would have ended.
    var isRefused: Bool { lines.last?.hasPrefix("not opened: ") == true }

    /// How many batches the journal held at first; nil where it was not opened.
    var began: Int? {
        lines.first { $0.hasPrefix("holds ") }.flatMap { Int($0.dropFirst("holds ".count)) }
    }

    /// How many batches are promised to be in the journal.
    var promised: Int { last(of: ["holds", "committed", "durable again"]) ?? 0 }

    /// How many batches counted, so that a feed may show them.
    var counted: Int { last(of: ["holds", "committed", "in memory"]) ?? 0 }

    /// How many batches the feed shows at least; nil where it was not published.
    var published: Int? { last(of: ["published"]) }

    /// Lines that no fault excuses.
    var wrongs: [Substring] {
        lines.filter { line in
            ["damaged", "holds no", "still", "usage"].contains { line.hasPrefix($0) }
        }
    }

    /// Lines that a fault must excuse.
    var troubles: [Substring] {
        lines.filter { line in
            ["not", "in memory", "durable again"].contains { line.hasPrefix($0) }
        }
    }

    private func last(of words: [String]) -> Int? {
        for line in lines.reversed() {
            for word in words where line.hasPrefix("\(word) ") {
                if let number = Int(line.dropFirst(word.count + 1)) { return number }
            }
        }
        return nil
    }
}
