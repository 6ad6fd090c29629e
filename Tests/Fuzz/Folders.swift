import Configuration
import TestSupport

/// Where the inputs of the fuzzers lie, and what they need beside them.
enum Folders {
    /// This folder.
    static let root = folder(above: 1)

    /// The configurations under which messages are read.
    static let rules = root + "/Rules"

    /// The profiles of sensors.
    static let profiles = folder(above: 3) + "/Config/profiles"

    /// The paths of the files in a folder below this one, in order; none where there is no folder.
    static func files(in folder: String) -> [String] {
        names(in: "\(root)/\(folder)").map { "\(root)/\(folder)/\($0)" }
    }

    /// The names in a folder, in order; none where there is no folder.
    static func names(in path: String) -> [String] { Files.names(in: path) }

    /// The bytes of a file.
    static func bytes(_ path: String) throws(UnreadableFile) -> [UInt8] {
        guard let bytes = Files.read(path) else {
            throw UnreadableFile(reason: "\(path) can't be read")
        }
        return bytes
    }

    /// The text of a file that belongs to the fuzzers.
    static func text(_ path: String) -> String {
        guard let bytes = Files.read(path) else { fatalError("\(path) can't be read") }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func folder(above levels: Int) -> String {
        #filePath.split(separator: "/").dropLast(levels).map { "/" + $0 }.joined()
    }
}
