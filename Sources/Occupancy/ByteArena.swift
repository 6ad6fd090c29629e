/// Names, one behind the other, that never move and are never freed before the arena is.
///
/// **Shape.** Chunks of 64 KiB; a name is two bytes of length and its bytes, within one chunk. An offset is the
/// chunk's number and the place in it: 32 bits reach 4 GiB.
///
/// **Threads.** `append` from one thread at a time. A name from any thread, once its offset was published
/// with a release store.
@safe struct ByteArena: ~Copyable {
    private static var chunkBytes: Int { 65_536 }
    private static var maximumChunks: Int { 65_536 }
    private let directory: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>
    private var chunkCount = 0
    private var used = ByteArena.chunkBytes

    init() {
        // Touched only as far as chunks are made, so the half megabyte is address space and not memory.
        unsafe directory = .allocate(capacity: Self.maximumChunks)
    }

    deinit {
        for index in 0..<chunkCount { unsafe directory[index]?.deallocate() }
        unsafe directory.deallocate()
    }

    /// Keeps a name and returns its offset, or nil where the arena is full.
    mutating func append(_ name: Span<UInt8>) -> UInt32? {
        let needed = name.count + 2
        if used + needed > Self.chunkBytes {
            guard chunkCount < Self.maximumChunks else { return nil }
            unsafe (directory + chunkCount).initialize(to: .allocate(capacity: Self.chunkBytes))
            chunkCount += 1
            used = 0
        }
        guard let chunk = unsafe directory[chunkCount - 1] else { return nil }
        unsafe chunk[used] = UInt8(truncatingIfNeeded: name.count)
        unsafe chunk[used + 1] = UInt8(truncatingIfNeeded: name.count >> 8)
        for index in 0..<name.count { unsafe chunk[used + 2 + index] = name[index] }
        let offset = UInt32((chunkCount - 1) << 16 | used)
        used += needed
        return offset
    }

    /// Hands over the name at an offset.
    borrowing func withName<Result>(
        at offset: UInt32,
        _ body: (Span<UInt8>) -> Result
    ) -> Result {
        guard let chunk = unsafe directory[Int(offset >> 16)] else {
            fatalError("no chunk holds the name at \(offset)")
        }
        let start = unsafe chunk + Int(offset & 0xFFFF)
        let count = unsafe Int(start[0]) | Int(start[1]) << 8
        let bytes = unsafe UnsafeBufferPointer(start: start + 2, count: count)
        return unsafe body(bytes.span)
    }
}
