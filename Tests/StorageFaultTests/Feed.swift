import CZlib
import Glibc
import JSONDocument
import TestSupport

/// What a web host would serve of a probe's feed.
struct Feed {
    private static let documents = [
        "parking.json", "parking.schema.json", "history.schema.json", "history/gates.json",
        "history/bays.json",
    ]
    private static let page = "index.html"

    private let directory: String

    /// The feed in a directory of the probe.
    init(in directory: String) { self.directory = "\(directory)/feed" }

    /// What is wrong with it.
    ///
    /// - Parameters:
    ///   - batches: How many batches it may show.
    ///   - isWhole: Whether all of its files must be there, and in pairs.
    func wrongs(batches: ClosedRange<Int>, isWhole: Bool) -> [String] {
        var wrongs: [String] = []
        let plain = Self.documents + [Self.page]
        let allowed = Set(plain + plain.map { "\($0).gz" })
        let names =
            Files.names(in: directory).filter { $0 != "history" }
            + Files.names(in: "\(directory)/history").map { "history/\($0)" }
        for name in names where !allowed.contains(name) { wrongs.append("\(name) is served") }
        for name in plain {
            let content = Files.read("\(directory)/\(name)")
            let compressed =
                Files.read("\(directory)/\(name).gz") == nil
                ? nil : Gzip.content(of: "\(directory)/\(name).gz")
            let hasSibling = names.contains("\(name).gz")
            if hasSibling, compressed == nil { wrongs.append("\(name).gz is no gzip file") }
            for text in [content, compressed] {
                guard let text else { continue }
                if let wrong = wrong(name, text, batches) { wrongs.append("\(name): \(wrong)") }
            }
            let times = [name, "\(name).gz"].map {
                Files.status("\(directory)/\($0)")?.st_mtim.tv_sec
            }
            if times[0] != nil, times[0] == times[1], content != compressed {
                wrongs.append("\(name) and its sibling are of one time, and differ")
            }
            if isWhole, times[0] == nil || times[0] != times[1] {
                wrongs.append("\(name) is missing, or its sibling is of another publication")
            }
        }
        return wrongs
    }

    /// Whether the feed itself is served.
    var isServed: Bool { Files.status("\(directory)/parking.json") != nil }

    private func wrong(_ name: String, _ text: [UInt8], _ batches: ClosedRange<Int>) -> String? {
        guard name != Self.page else {
            let end = Array("</html>\n".utf8)
            return text.suffix(end.count).elementsEqual(end) ? nil : "it was cut"
        }
        let document = JSONDocument(maximumBytes: 1 << 20, maximumDepth: 64)
        do throws(JSONProblem) {
            try document.parse(text.span)
        } catch {
            return "it is no JSON: \(error)"
        }
        switch name {
        case "parking.json":
            let occupied = [0, 1].map { integer("/facilities/\($0)/occupied", document) }
            return batches.contains { occupied == [Self.gates($0), Self.bays($0)] }
                ? nil : "it shows \(occupied), which is not after \(batches) batches"
        case "history/gates.json", "history/bays.json":
            let occupied = (0..<60).reversed().lazy.compactMap {
                integer("/occupied/\($0)", document)
            }.first
            let expected = name.hasSuffix("gates.json") ? Self.gates : Self.bays
            // A history may be older than the feed.
            return (1...max(1, batches.upperBound)).contains { occupied == expected($0) }
                ? nil : "it ends with \(occupied.map(String.init) ?? "nothing")"
        default: return nil
        }
    }

    private func integer(_ pointer: String, _ document: JSONDocument) -> Int? {
        guard let pointer = JSONPointer(pointer) else { return nil }
        return document.withValue(at: pointer) { kind, _ in
            if case .integer(let value) = kind { Int(value) } else { nil }
        }
    }

    // What so many batches lead to: see Series in StorageProbe.

    private static func gates(_ batches: Int) -> Int { 6 * batches - 5 }

    private static func bays(_ batches: Int) -> Int { 3 * batches + 1 }
}

/// gzip files, read by zlib.
enum Gzip {
    /// The content of a file; nil where it is damaged, cut, or no gzip file.
    static func content(of path: String) -> [UInt8]? {
        guard let file = unsafe gzopen(path, "rb") else { return nil }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe gzread(file, &buffer, UInt32(buffer.count)), count > 0 {
            content.append(contentsOf: buffer[..<Int(count)])
        }
        // What is no gzip file would be read as it is.
        let isGzip = unsafe gzdirect(file) == 0
        var code: Int32 = 0
        unsafe _ = gzerror(file, &code)
        let isWhole = unsafe gzclose(file) == Z_OK && code == Z_OK
        return isGzip && isWhole ? content : nil
    }
}
