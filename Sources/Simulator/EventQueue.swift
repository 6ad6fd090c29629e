/// What happens next in the simulation.
struct Event {
    /// What it is about.
    enum Action {
        /// A vehicle may enter or leave the site.
        case traffic(site: Int)
        /// The bay's sensor repeats its state.
        case heartbeat(bay: Int)
        /// The site's counters, gates or level are due.
        case report(site: Int)
        /// The site's operating state is due.
        case operating(site: Int)
        /// A message that was held back is let go.
        case release(slot: Int)
    }

    let time: Int64
    fileprivate let order: UInt64
    let action: Action

    fileprivate static func precedes(_ left: Event, _ right: Event) -> Bool {
        left.time != right.time ? left.time < right.time : left.order < right.order
    }
}

/// Events in the order of their times; those of one time in the order in which they were added.
///
/// Shape: a binary heap in an array.
struct EventQueue {
    private var heap: [Event] = []
    private var order: UInt64 = 0

    mutating func add(_ action: Event.Action, at time: Int64) {
        let event = Event(time: time, order: order, action: action)
        order += 1
        var index = heap.count
        heap.append(event)
        while index > 0 {
            let parent = (index - 1) / 2
            guard Event.precedes(event, heap[parent]) else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = event
    }

    mutating func next() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return first }
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, Event.precedes(heap[child + 1], heap[child]) { child += 1 }
            guard Event.precedes(heap[child], last) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
        return first
    }
}
