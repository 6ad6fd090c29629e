import Configuration
import TestSupport
import Testing

/// Valid text with a few bytes changed: most of what an editor, a disk or a tired operator can do to a file.
@Suite struct `A damaged document` {
    @Test(arguments: 1...4) func `is accepted or refused with a place within it`(
        seed: UInt64
    ) throws {
        let sound = Array(everyKind.utf8)
        let lineCount = sound.count { $0 == UInt8(ascii: "\n") }
        var random = SeededRandom(seed: seed)
        var refused = 0
        for round in 0..<300 {
            var bytes = sound
            var added = 0
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                added += damage(&bytes, &random)
            }
            do {
                _ = try Configuration.parse(bytes, file: "c.yaml")
            } catch {
                refused += 1
                let comment: Comment = "seed \(seed), round \(round): \(error)"
                try #require(!error.complaints.isEmpty, comment)
                let lines = 1...(lineCount + added + 1)
                try #require(error.complaints.allSatisfy { lines.contains($0.line) }, comment)
                try #require(error.complaints.allSatisfy { $0.column >= 1 }, comment)
                try #require(error.complaints.allSatisfy { !$0.message.isEmpty }, comment)
                let places = error.complaints.map { [$0.line, $0.column] }
                let sorted = places.sorted { $0.lexicographicallyPrecedes($1) }
                try #require(places == sorted, comment)
            }
        }
        #expect(refused > 100, "so little damage tests nothing")
    }

    /// Changes one place, and answers how many lines that may have added.
    private func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) -> Int {
        let place = Int.random(in: 0..<bytes.count - 40, using: &random)
        let marks = Array("{}[]:,-#&*!|>'\"%@`~ \n\t0<?\u{0}ü".utf8) + [0xFF]
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = marks[Int.random(in: 0..<marks.count, using: &random)]
        case 1: bytes.insert(marks[Int.random(in: 0..<marks.count, using: &random)], at: place)
        case 2: bytes.remove(at: place)
        case 3:
            bytes.removeSubrange(place..<place + Int.random(in: 1...40, using: &random))
            return 0
        default:
            let part = bytes[place..<place + Int.random(in: 1...40, using: &random)]
            bytes.insert(contentsOf: part, at: place)
            return part.count { $0 == UInt8(ascii: "\n") }
        }
        return 1
    }
}
