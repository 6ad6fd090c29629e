import Synchronization

/// Small numbers for names: the n-th name that was inserted is number n.
///
/// **Shape.** An open-addressing table of 32-bit slots (8 bits of the hash, 24 bits of number + 1) over
/// chunks of entries and of bytes that never move. A table that fills up is doubled; the smaller ones live on
/// until the end, since a reader may still be in one (together they are no larger than the newest).
/// About 17 bytes a name for slots and 8 for the entry, plus the name and its length.
///
/// **Scope.** The same bytes under two scopes are two names: bay 1 of one facility is not bay 1 of another.
///
/// **Threads.** `find` from any thread, without waiting: a slot is published with a release store after all that it
/// leads to is written. `insert` takes a lock: a name is new only once, and two threads that meet
/// a new name at the same time must get the same number. Nothing is ever removed.
///
/// **Hostile names.** The hash is keyed with random bits, so that nobody can choose names that collide.
@safe public final class NameTable: @unchecked Sendable {
    /// The most names that fit: 24 bits, less the one that means "empty".
    public static let maximumCapacity = (1 << 24) - 1

    /// The longest name, in bytes; a longer one is neither found nor inserted.
    public static let maximumNameBytes = 4096

    /// The number of names after which `insert` refuses.
    public let capacity: Int

    private let key: UInt64
    private let newest: Atomic<UnsafeRawPointer>
    private let entries: Chunks<Entry>
    private let state: Mutex<State>
    /// Loaded first and stored last under the lock, so that it also hands the state from one inserting thread
    /// to the next where a sanitizer can see it: the lock's own futex is out of its sight.
    private let published = Atomic<Int>(0)
    private let names = ByteArena()

    private struct Entry: BitwiseCopyable {
        var scope: UInt32
        var nameOffset: UInt32
    }

    /// What only the inserting thread touches.
    @safe private struct State {
        var end = ByteArena.End()
        var tables: [UnsafeMutablePointer<Table>]
    }

    /// One generation of slots.
    @safe private struct Table {
        let mask: Int
        let slots: UnsafeMutablePointer<Atomic<UInt32>>

        init(slotCount: Int) {
            mask = slotCount - 1
            unsafe slots = .allocate(capacity: slotCount)
            for index in 0..<slotCount { unsafe (slots + index).initialize(to: Atomic(0)) }
        }

        func deallocate() {
            unsafe slots.deinitialize(count: mask + 1)
            unsafe slots.deallocate()
        }
    }

    /// An empty table for at most so many names.
    public init(capacity: Int) {
        precondition((0...Self.maximumCapacity).contains(capacity))
        self.capacity = capacity
        key = UInt64.random(in: .min ... .max)
        entries = Chunks(capacity: capacity)
        let table = unsafe Self.makeTable(slotCount: 64)
        unsafe newest = Atomic(UnsafeRawPointer(table))
        unsafe state = Mutex(State(tables: [table]))
    }

    deinit {
        state.withLock { state in
            while let table = unsafe state.tables.popLast() {
                unsafe table.pointee.deallocate()
                unsafe table.deallocate()
            }
        }
    }

    /// The number of names.
    public var count: Int { published.load(ordering: .acquiring) }

    /// The number of a name, or nil where it was never inserted.
    public func find(_ name: Span<UInt8>, scope: UInt32 = 0) -> Int? {
        let hash = hash(name, scope: scope)
        let table = unsafe newest.load(ordering: .acquiring).assumingMemoryBound(to: Table.self)
        return unsafe find(name, scope: scope, hash: hash, in: table.pointee)
    }

    /// The number of a name, which is inserted if it is new.
    ///
    /// - Parameter prepare: Called for a new number before any other thread can find it: the place to
    ///   make room for what belongs to it. Runs under the lock.
    /// - Returns: nil where the table is full or the name too long.
    public func insert(
        _ name: Span<UInt8>,
        scope: UInt32 = 0,
        prepare: (Int) -> Void = { _ in }
    ) -> Int? {
        if let number = find(name, scope: scope) { return number }
        guard name.count <= Self.maximumNameBytes else { return nil }
        let hash = hash(name, scope: scope)
        return state.withLock { state in
            let number = published.load(ordering: .acquiring)
            // Another thread may have inserted it since.
            if let known = find(name, scope: scope) { return known }
            guard number < capacity, let offset = names.append(name, at: &state.end)
            else { return nil }
            entries.prepare(number) { Entry(scope: 0, nameOffset: 0) }
            entries[number] = Entry(scope: scope, nameOffset: offset)
            prepare(number)
            publish(number, hash: hash, in: &state)
            published.store(number + 1, ordering: .releasing)
            return number
        }
    }

    /// Hands over a name and its scope by its number.
    public func withName<Result>(
        _ number: Int,
        _ body: (_ name: Span<UInt8>, _ scope: UInt32) -> Result
    ) -> Result {
        let entry = entries[number]
        return names.withName(at: entry.nameOffset) { body($0, entry.scope) }
    }

    private static func makeTable(slotCount: Int) -> UnsafeMutablePointer<Table> {
        let table = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        unsafe table.initialize(to: Table(slotCount: slotCount))
        return unsafe table
    }

    private func find(_ name: Span<UInt8>, scope: UInt32, hash: UInt64, in table: Table) -> Int? {
        let tag = UInt32(truncatingIfNeeded: hash >> 56) << 24
        var index = Int(truncatingIfNeeded: hash) & table.mask
        // Ends: at most three quarters of the slots are taken.
        while true {
            let slot = unsafe table.slots[index].load(ordering: .acquiring)
            if slot == 0 { return nil }
            if slot & 0xFF00_0000 == tag {
                let number = Int(slot & 0x00FF_FFFF) - 1
                if withName(number, { $1 == scope && Self.isEqual($0, name) }) { return number }
            }
            index = (index + 1) & table.mask
        }
    }

    private func publish(_ number: Int, hash: UInt64, in state: inout State) {
        let table = unsafe state.tables[state.tables.count - 1]
        if unsafe (number + 1) * 4 > (table.pointee.mask + 1) * 3 {
            unsafe grow(to: (table.pointee.mask + 1) * 2, count: number, in: &state)
        }
        unsafe Self.place(number, hash: hash, in: state.tables[state.tables.count - 1].pointee)
    }

    /// Makes room for so many names at once, where many are known to come.
    func reserve(_ count: Int) {
        state.withLock { state in
            var slotCount = unsafe state.tables[state.tables.count - 1].pointee.mask + 1
            let before = slotCount
            while min(count, capacity) * 4 > slotCount * 3 { slotCount *= 2 }
            let known = published.load(ordering: .acquiring)
            if slotCount > before { grow(to: slotCount, count: known, in: &state) }
        }
    }

    /// Publishes a larger table of the first so many names.
    private func grow(to slotCount: Int, count: Int, in state: inout State) {
        let larger = unsafe Self.makeTable(slotCount: slotCount)
        for number in 0..<count {
            let hash = withName(number) { self.hash($0, scope: $1) }
            unsafe Self.place(number, hash: hash, in: larger.pointee)
        }
        unsafe state.tables.append(larger)
        unsafe newest.store(UnsafeRawPointer(larger), ordering: .releasing)
    }

    private static func place(_ number: Int, hash: UInt64, in table: Table) {
        var index = Int(truncatingIfNeeded: hash) & table.mask
        while unsafe table.slots[index].load(ordering: .relaxed) != 0 {
            index = (index + 1) & table.mask
        }
        let tag = UInt32(truncatingIfNeeded: hash >> 56) << 24
        unsafe table.slots[index].store(tag | UInt32(number + 1), ordering: .releasing)
    }

    /// A keyed hash that folds eight bytes a step by a 64 × 64 → 128 bit product.
    private func hash(_ name: Span<UInt8>, scope: UInt32) -> UInt64 {
        var state = key ^ (UInt64(scope) << 32 | UInt64(truncatingIfNeeded: name.count))
        let bytes = unsafe name.bytes
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state = Self.fold(state ^ word, 0x9E37_79B9_7F4A_7C15)
            offset += 8
        }
        let tail = Self.tail(bytes, from: offset)
        state = Self.fold(state ^ tail, 0xD6E8_FEB8_6659_FD93)
        return Self.fold(state, key | 1)
    }

    /// The last bytes of a name, fewer than eight, in one word: another one for any other bytes of that number.
    @inline(__always)
    private static func tail(_ bytes: RawSpan, from offset: Int) -> UInt64 {
        let (count, rest) = (bytes.byteCount, bytes.byteCount - offset)
        guard rest > 0 else { return 0 }
        // In two words that overlap, or in three bytes of which some may be the same.
        if rest >= 4 {
            let (first, last) = unsafe (
                bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self),
                bytes.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            )
            return UInt64(first) << 32 | UInt64(last)
        }
        func byte(_ place: Int) -> UInt64 {
            UInt64(unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self))
        }
        return byte(offset) << 16 | byte(offset + rest / 2) << 8 | byte(count - 1)
    }

    private static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        let (left, right) = unsafe (left.bytes, right.bytes)
        var offset = 0
        while offset + 8 <= left.byteCount {
            let (one, other) = unsafe (
                left.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self),
                right.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            )
            guard one == other else { return false }
            offset += 8
        }
        return tail(left, from: offset) == tail(right, from: offset)
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
