import TestSupport

/// Where the inputs of the fuzzers lie.
enum Folders {
    /// This folder.
    static let root = #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined()

    /// The configurations under which messages are read.
    static let rules = root + "/Rules"

    /// The paths of the files in a folder below this one, in order; none where there is no folder.
    static func files(in folder: String) -> [String] {
        Files.names(in: "\(root)/\(folder)").map { "\(root)/\(folder)/\($0)" }
    }
}
