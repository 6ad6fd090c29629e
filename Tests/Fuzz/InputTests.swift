import TestSupport
import Testing

/// The seeds, and every input that once ended a target, without a fuzzer: what was found stays found.
@Suite struct `Inputs of the fuzzers` {
    @Test(arguments: FuzzTargets.names)
    func `leave everything as it should be`(name: String) throws {
        let target = try #require(FuzzTargets.target(name))
        let kind = String(name.prefix { $0 != "-" })
        let seeds = Folders.files(in: "Seeds/\(kind)")
        #expect(!seeds.isEmpty, "Tests/Fuzz/Seeds/\(kind) has no file")
        for path in seeds + Folders.files(in: "Findings/\(kind)") {
            let input = try #require(Files.read(path))
            #expect(throws: Never.self, "\(path)") { try target.run(input) }
        }
    }

    @Test(arguments: FuzzTargets.names)
    func `of no length, and of every byte, leave everything as it should be`(name: String) throws {
        let target = try #require(FuzzTargets.target(name))
        let every = (UInt8.min...UInt8.max).map { $0 }
        for input in [[], every, every + every.reversed()] + every.map({ [$0] }) {
            #expect(throws: Never.self, "\(input)") { try target.run(input) }
        }
    }

    @Test func `are checked: an occupancy that is no count is told`() {
        #expect(throws: Violation.self) { try require(false, "told") }
    }
}
