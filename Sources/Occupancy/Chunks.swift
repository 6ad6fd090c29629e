/// A growing array whose elements never move, so that readers need no lock while it grows.
///
/// **Shape.** A directory of pointers, fixed for the whole capacity, to chunks of 4,096 elements each, made when
/// the first element of a chunk is prepared.
///
/// **Threads.** `prepare` from one thread at a time (the holder of a ``NameTable``'s lock). Elements from any thread,
/// but only those whose number was published with a release store after `prepare` returned.
@safe struct Chunks<Element: ~Copyable>: ~Copyable {
    private static var shift: Int { 12 }
    private let directory: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>
    private let chunkCount: Int

    init(capacity: Int) {
        chunkCount = (capacity >> Self.shift) + 1
        unsafe directory = .allocate(capacity: chunkCount)
        unsafe directory.initialize(repeating: nil, count: chunkCount)
    }

    deinit {
        for index in 0..<chunkCount {
            guard let chunk = unsafe directory[index] else { continue }
            unsafe chunk.deinitialize(count: 1 << Self.shift)
            unsafe chunk.deallocate()
        }
        unsafe directory.deallocate()
    }

    /// Makes room for this element; every element of a new chunk is made by `make`.
    func prepare(_ number: Int, _ make: () -> Element) {
        let index = number >> Self.shift
        guard unsafe directory[index] == nil else { return }
        let chunk = UnsafeMutablePointer<Element>.allocate(capacity: 1 << Self.shift)
        for element in 0..<1 << Self.shift { unsafe (chunk + element).initialize(to: make()) }
        unsafe directory[index] = chunk
    }

    /// A prepared element, in its place.
    subscript(number: Int) -> Element {
        _read { yield unsafe pointer(number).pointee }
        nonmutating _modify { yield unsafe &pointer(number).pointee }
    }

    private func pointer(_ number: Int) -> UnsafeMutablePointer<Element> {
        let index = number >> Self.shift
        guard index >= 0, index < chunkCount, let chunk = unsafe directory[index] else {
            fatalError("element \(number) was never prepared")
        }
        return unsafe chunk + (number & ((1 << Self.shift) - 1))
    }
}
