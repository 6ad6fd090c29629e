import Parking
import Testing

@testable import Feeds

struct HistoryQueueTests {
    private func queue(_ count: Int, limit: Int = 4) -> HistoryQueue {
        HistoryQueue(count: count, step: .seconds(60), limit: limit)
    }

    private func flush(_ queue: inout HistoryQueue, second: Int64, isPublished: Bool = true)
        -> [Int]
    {
        let due = queue.due(at: moment(second * 1000))
        queue.tried(due, isPublished: isPublished, at: moment(second * 1000))
        return due.map(\.index)
    }

    @Test func `What didn't change isn't written`() {
        var queue = queue(10)
        queue.mark(3)
        let flushes = [flush(&queue, second: 0), flush(&queue, second: 100)]
        #expect(flushes == [[3], []])
    }

    @Test func `A file is written once a step`() {
        var queue = queue(1)
        var written: [Int64] = []
        for second: Int64 in 0..<200 {
            queue.mark(0)
            if !flush(&queue, second: second).isEmpty { written.append(second) }
        }
        #expect(written == [0, 60, 120, 180])
    }

    @Test func `A flush writes a bounded number, and the round reaches all`() {
        var queue = queue(10)
        for index in 0..<10 { queue.mark(index) }
        let flushes = (0..<4).map { flush(&queue, second: $0) }
        #expect(flushes == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []])
    }

    @Test func `Changes at the front don't starve the back`() {
        var queue = HistoryQueue(count: 10, step: .zero, limit: 2)
        var counts = Array(repeating: 0, count: 10)
        for second: Int64 in 0..<50 {
            for index in 0..<10 { queue.mark(index) }
            for index in flush(&queue, second: second) { counts[index] += 1 }
        }
        #expect(counts == Array(repeating: 10, count: 10))
    }

    @Test func `A file that can't be written holds up nobody but itself`() {
        var queue = queue(12)
        for index in 0..<12 { queue.mark(index) }
        var written: Set<Int> = []
        for second: Int64 in 0..<20 {
            let due = queue.due(at: moment(second * 1000))
            let isPublished = !due.contains { $0.index == 2 }
            queue.tried(due, isPublished: isPublished, at: moment(second * 1000))
            if isPublished { written.formUnion(due.map(\.index)) }
        }
        #expect(written == Set(0..<12).subtracting([2]))
        #expect(flush(&queue, second: 60) == [2])
    }

    @Test func `After a loss what was written is written again, and nothing else`() {
        var queue = queue(4)
        queue.mark(1)
        _ = flush(&queue, second: 0)
        queue.lose()
        let again = flush(&queue, second: 1)
        #expect(again == [1])
    }
}
