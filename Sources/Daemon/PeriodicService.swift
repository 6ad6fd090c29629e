import ServiceLifecycle

/// Does something again and again while the other services run, and something else when all that began after it have ended.
struct PeriodicService: Service, CustomStringConvertible {
    let description: String
    let interval: Duration
    let tick: @Sendable () async -> Void
    let end: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await tick()
                // Cancelled is the end of the wait, not a failure.
                try? await Task.sleep(for: interval)
            }
        }
        await end()
    }
}
