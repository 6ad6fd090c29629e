/// A fixed number of elements, each on cache lines of its own.
///
/// **Shape.** A stride of a multiple of 128 bytes: two processors that write neighbouring elements do not take
/// each other's lines (128, since processors fetch lines of 64 bytes in pairs).
///
/// **Threads.** As the elements': the array itself never changes.
@safe struct PaddedArray<Element: ~Copyable>: ~Copyable {
    let count: Int
    private let memory: UnsafeMutableRawPointer

    private static var stride: Int { (MemoryLayout<Element>.size + 127) & ~127 }

    init(count: Int, _ make: () -> Element) {
        self.count = count
        unsafe memory = .allocate(byteCount: max(1, count) * Self.stride, alignment: 128)
        for index in 0..<count {
            unsafe (memory + index * Self.stride).initializeMemory(as: Element.self, to: make())
        }
    }

    deinit {
        for index in 0..<count { unsafe pointer(index).deinitialize(count: 1) }
        unsafe memory.deallocate()
    }

    subscript(index: Int) -> Element {
        _read { yield unsafe pointer(index).pointee }
    }

    private func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
        precondition(index >= 0 && index < count)
        return unsafe (memory + index * Self.stride).assumingMemoryBound(to: Element.self)
    }
}
