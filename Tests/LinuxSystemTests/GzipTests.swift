import LinuxSystem
import TestSupport
import Testing

struct GzipTests {
    private func text(_ count: Int, seed: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7 &* 31 &+ seed) % 97 + 32) }
    }

    @Test func `Equal content gives equal bytes, from a used compressor as from a new one`() {
        var used = GzipCompressor()
        _ = used.block(text(100_000, seed: 1))
        let again = used.block(text(5000, seed: 2))
        var fresh = GzipCompressor()
        let first = fresh.block(text(5000, seed: 2))
        #expect(again == first)
        #expect(GzipCompressor.file(of: [again]) == GzipCompressor.file(of: [first]))
    }

    @Test func `The header has no time, and the file of nothing is the shortest`() {
        let file = GzipCompressor.file(of: []).flatMap { $0 }
        #expect(file == [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test(arguments: [
        [0], [1], [70_000], [1, 0, 5000, 3, 200_000], Array(repeating: 333, count: 99),
    ])
    func `gunzip finds the blocks in the order in which they were joined`(counts: [Int]) throws {
        let scratch = ScratchDirectory()
        var compressor = GzipCompressor()
        let contents = counts.enumerated().map { text($1, seed: $0) }
        // Deflated in another order than joined: a block must not lean on the one before it.
        var blocks: [GzipBlock] = []
        for content in contents.reversed() { blocks.append(compressor.block(content)) }
        var directory = try ServedDirectory(
            path: "\(scratch.path)/feed",
            temporaryPath: "\(scratch.path)/tmp"
        )
        let chunks = GzipCompressor.file(of: blocks.reversed())
        try directory.replace([
            FileReplacement(name: "a.gz", chunks: chunks, modificationSeconds: 1)
        ])
        try #require(Command.run(["gzip", "--test", "\(scratch.path)/feed/a.gz"]))
        try #require(Command.run(["gzip", "--decompress", "\(scratch.path)/feed/a.gz"]))
        #expect(scratch.read("feed/a") == contents.flatMap { $0 })
    }

    @Test func `What can't be compressed grows by little`() {
        var state: UInt64 = 42
        let noise = (0..<50_000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        var compressor = GzipCompressor(level: 9)
        let block = compressor.block(noise)
        #expect(block.bytes.count < 50_100)
    }
}
