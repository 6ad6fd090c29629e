/// Where the inputs of the fuzzers lie.
enum Folders {
    /// This folder.
    static let root = #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined()

    /// The configurations under which messages are read.
    static let rules = root + "/Rules"
}
