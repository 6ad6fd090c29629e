import Parking
import ServiceLifecycle

/// Keeps `health.json` up to date while the other services run, and removes it when all of them have ended.
struct HealthService: Service, CustomStringConvertible {
    let room: HealthRoom

    var description: String { "health" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await room.tick()
                // Cancelled is the end of the wait, not a failure.
                try? await Task.sleep(for: HealthRoom.interval)
            }
        }
        await room.end()
    }
}
