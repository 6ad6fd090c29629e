import Configuration
import Glibc
import Testing

/// The smallest configuration that is accepted; bad inputs are made of it by one replacement.
let smallest = """
    brokers:
      - name: town
        urls: [mqtt://localhost]
    feed:
      directory: /srv/feed
    facilities:
      - id: podium
        name: Podium
        capacity: 521
    rules:
      - topic: bath/{facility}/bay/{bay}
        reading: bay
        occupied: /occupied

    """

/// The complaints about a text, one a line as the operator sees them; empty where there are none.
func complaints(_ text: String) -> [String] {
    complaints(Array(text.utf8))
}

/// The complaints about the bytes of a file.
func complaints(_ bytes: [UInt8]) -> [String] {
    do {
        _ = try Configuration.parse(bytes, file: "c.yaml")
        return []
    } catch {
        return error.complaints.map(\.description)
    }
}

extension String {
    /// This text with the only occurrence of a part replaced.
    func replacing(once part: String, by other: String) throws -> String {
        let ranges = self.ranges(of: part)
        let range = try #require(ranges.first, "\(part) is not in the text")
        try #require(ranges.count == 1, "\(part) is in the text more than once")
        return replacingCharacters(in: range, with: other)
    }

    private func replacingCharacters(in range: Range<Index>, with other: String) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}

/// Where the package lies.
let packageRoot = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

/// Whether a file can be read.
func isThere(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }

/// The text of a file.
func text(ofFile path: String) throws -> String {
    guard let file = unsafe fopen(path, "r") else { throw Unreadable(path: path) }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

private struct Unreadable: Error {
    let path: String
}
