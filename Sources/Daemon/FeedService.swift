import ServiceLifecycle

/// A flush every interval, and a last one at the end.
struct FeedService: Service, CustomStringConvertible {
    let room: FeedRoom
    let interval: Duration

    var description: String { "feed" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var next = ContinuousClock.now
            while !Task.isCancelled {
                _ = await room.flush()
                // What was missed is not made up for: one snapshot says it all.
                repeat { next += interval } while next <= .now
                // Cancelled is the end of the wait, not a failure.
                try? await Task.sleep(until: next)
            }
        }
        await finish()
    }

    /// Publishes what the sessions left.
    ///
    /// A file changes once a second at most, so that it may take a second.
    private func finish() async {
        guard let remainder = await room.flush().remainder else { return }
        try? await Task.sleep(for: remainder)
        _ = await room.flush()
    }
}
