import CLinux
import Glibc
import Synchronization

/// A thread of our own with a name that `top -H` shows.
///
/// Every signal is blocked on it: signals are for the threads that wait for them.
///
/// Threads: any may join it, except itself.
public final class NamedThread: Sendable {
    /// The name.
    public let name: String

    /// The pthread, until it was joined.
    ///
    /// The lock is held while joining, so that a second one waits as well.
    private let identifier: Mutex<UInt?>

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes are kept, the kernel's limit.
    ///   - body: Runs on the new thread, which ends with it.
    /// - Throws: ``ThreadError``: the limit of threads is reached; give up.
    public init(
        name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        self.name = Self.shortened(name)
        var identifier: UInt = 0
        let box = unsafe Unmanaged.passRetained(ThreadBody(body))
        let code = unsafe clinux_start_thread(&identifier, self.name, runThread, box.toOpaque())
        guard code == 0 else {
            unsafe box.release()
            throw ThreadError(name: name, code: SystemErrorCode(rawValue: code))
        }
        self.identifier = Mutex(identifier)
    }

    /// Waits until the thread has ended.
    public func join() {
        identifier.withLock { identifier in
            guard let thread = identifier else { return }
            let code = clinux_join_thread(thread)
            guard code == 0 else { fatalError("join of thread '\(name)': error \(code)") }
            identifier = nil
        }
    }

    /// The longest beginning of whole characters that the kernel takes.
    private static func shortened(_ name: String) -> String {
        var short = name
        while short.utf8.count > 15 { short.removeLast() }
        return short
    }
}

/// Why a thread could not be started.
public struct ThreadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The thread's name.
    public let name: String

    /// What the kernel said.
    public let code: SystemErrorCode

    /// One line: what is wrong, and what to do.
    public var description: String {
        "cannot start the thread '\(name)': \(code); raise TasksMax= of the unit"
    }
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}

private func runThread(_ context: UnsafeMutableRawPointer) {
    unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().body()
}
