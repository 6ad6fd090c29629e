import Synchronization

/// Whether the service manager was told that an application is ready.
///
/// **Threads.** Any.
final class Readiness: Sendable {
    private let isReached = Atomic(false)

    /// Whether it was told.
    var wasTold: Bool { isReached.load(ordering: .relaxed) }

    /// It is told now.
    func tell() { isReached.store(true, ordering: .relaxed) }
}
