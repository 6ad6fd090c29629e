/// Names, one behind the other, that never move and are never freed before the arena is.
///
/// **Shape.** Chunks of 64 KiB; a name is two bytes of length and its bytes, within one chunk. An offset is the
/// chunk's number and the place in it: 32 bits reach 4 GiB.
///
/// **Threads.** `append` from one thread at a time: the one that has the ``End``. A name from any thread, once its
/// offset was published with a release store. The arena itself never changes, only what it points to.
@safe struct ByteArena: ~Copyable {
    /// Where the next name goes: the part that changes, kept where the lock is.
    struct End {
        fileprivate var chunkCount = 0
        fileprivate var used = ByteArena.chunkBytes
    }

    fileprivate static var chunkBytes: Int { 65_536 }
    private static var maximumChunks: Int { 65_536 }
    private let directory: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>

    init() {
        // Touched only as far as chunks are made, so the half megabyte is address space and not memory.
        unsafe directory = .allocate(capacity: Self.maximumChunks + 1)
        unsafe directory.initialize(to: nil)
    }

    deinit {
        // The place behind the last chunk always holds nil.
        var index = 0
        while let chunk = unsafe directory[index] {
            unsafe chunk.deallocate()
            index += 1
        }
        unsafe directory.deallocate()
    }

    /// Keeps a name and returns its offset, or nil where the arena is full.
    func append(_ name: Span<UInt8>, at end: inout End) -> UInt32? {
        let needed = name.count + 2
        if end.used + needed > Self.chunkBytes {
            guard end.chunkCount < Self.maximumChunks else { return nil }
            unsafe (directory + end.chunkCount + 1).initialize(to: nil)
            unsafe directory[end.chunkCount] = .allocate(capacity: Self.chunkBytes)
            end.chunkCount += 1
            end.used = 0
        }
        guard let chunk = unsafe directory[end.chunkCount - 1] else { return nil }
        unsafe chunk[end.used] = UInt8(truncatingIfNeeded: name.count)
        unsafe chunk[end.used + 1] = UInt8(truncatingIfNeeded: name.count >> 8)
        for index in 0..<name.count { unsafe chunk[end.used + 2 + index] = name[index] }
        let offset = UInt32((end.chunkCount - 1) << 16 | end.used)
        end.used += needed
        return offset
    }

    /// Hands over the name at an offset.
    func withName<Result>(
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
