import Synchronization

/// Two words for every sensor that was heard of, replaced together.
///
/// **Shape.** Sensors are numbered in the order in which they were first heard of; both words are 0 at first.
///
/// **Threads.** Any, without waiting; only a sensor's first message takes ``NameTable``'s lock.
struct SensorTable: ~Copyable {
    let names: NameTable
    private let words: Chunks<Atomic<WordPair>>

    /// A table for at most so many sensors.
    init(capacity: Int) {
        names = NameTable(capacity: capacity)
        words = Chunks(capacity: capacity)
    }

    /// The number of the sensor of this name, or nil where nothing was heard of it.
    func find(_ name: Span<UInt8>, scope: Int) -> Int? { names.find(name, scope: UInt32(scope)) }

    /// The number of the sensor of this name, which is made if it is new; nil where the table is full.
    func insert(_ name: Span<UInt8>, scope: Int) -> Int? {
        names.insert(name, scope: UInt32(scope)) {
            words.prepare($0) { Atomic(WordPair(first: 0, second: 0)) }
        }
    }

    /// The words of a sensor.
    func load(_ sensor: Int) -> WordPair { words[sensor].load(ordering: .acquiring) }

    /// Replaces the words of a sensor whatever they were.
    func store(_ pair: WordPair, _ sensor: Int) { words[sensor].store(pair, ordering: .releasing) }

    /// Replaces the words of a sensor by what `next` makes of them.
    ///
    /// - Parameter next: To the new words and a result; nil leaves the words alone. Called again where another thread
    ///   came between: it must have no effect of its own.
    /// - Returns: The result of the call of `next` that counted.
    func update<Result>(
        _ sensor: Int,
        _ next: (WordPair) -> (words: WordPair?, result: Result)
    ) -> Result {
        var current = load(sensor)
        while true {
            let (pair, result) = next(current)
            guard let pair else { return result }
            let (exchanged, original) = words[sensor].compareExchange(
                expected: current,
                desired: pair,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return result }
            current = original
        }
    }
}
