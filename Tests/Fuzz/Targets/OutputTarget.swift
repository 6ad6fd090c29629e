import JSONDocument

@testable import Daemon
@testable import Feeds
@testable import Logs

/// A name from the network or the configuration: in JSON it reads back as it was and may stand in HTML; in the log and on
/// a terminal it stays on its line.
struct OutputTarget: FuzzTarget {
    private let document = JSONDocument(maximumBytes: 1 << 20, maximumDepth: 8)
    private let place = JSONPointer("/name")

    func run(_ input: [UInt8]) throws(Violation) {
        let name = String(decoding: input, as: UTF8.self)
        try checkJSON(name)
        try checkLog(name)
        let shown = Console.visible(name)
        try require(shown.unicodeScalars.allSatisfy { $0.isVisible }, "a terminal can be disturbed")
    }

    private func checkJSON(_ name: String) throws(Violation) {
        guard let place else { throw Violation("no pointer") }
        var writer = JSONWriter()
        writer.object { member in
            member.name("name")
            member.value(name)
        }
        let banned: [UInt8] = [UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), 0x7F]
        let isHarmless = writer.bytes.allSatisfy { $0 >= 0x20 && !banned.contains($0) }
        try require(isHarmless, "the text may not stand in HTML")
        do { try document.parse(writer.bytes.span) } catch { throw Violation("\(error)") }
        let read = document.withValue(at: place) { _, text in text.indices.map { text[$0] } }
        try require(read.elementsEqual(name.utf8), "another name")
    }

    private func checkLog(_ name: String) throws(Violation) {
        var line = LogLine(prefix: "<4>")
        line.append(message: name)
        line.append(key: name, value: name)
        line.append(key: "topic", value: name)
        let bytes = line.finished()
        try require(bytes.count <= LogLine.limit, "\(bytes.count) bytes")
        try require(bytes.last == 0x0A, "no end")
        let text = String(validating: bytes.dropLast(), as: UTF8.self)
        guard let text else { throw Violation("a line that is not UTF-8") }
        try require(text.unicodeScalars.allSatisfy { $0.isVisible }, "more than one visible line")
    }
}
