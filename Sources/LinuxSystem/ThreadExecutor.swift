import CLinux
import Glibc
import Synchronization

/// Runs the jobs of an actor on one thread of its own, in the order in which they come.
///
/// For work that blocks (fsync), which has no place in the cooperative pool. An actor keeps its executor and
/// returns it as `unownedExecutor`.
///
/// The queue has no bound of its own and needs none: a job is a reference to a task that waits for the actor,
/// so there are never more than the program has tasks, and none may be dropped.
///
/// Threads: `enqueue` and `stop` from any, except `stop` from its own thread. It must be stopped after the last use:
/// a job that comes later could never run, so it ends the program instead.
public final class ThreadExecutor: SerialExecutor {
    private struct Queue {
        var jobs: [UnownedJob] = []
        var isStopping = false
        var hasEnded = false
    }

    /// A lock, since jobs come seldom (once a flush) and `Mutex` costs an atomic exchange when nobody waits.
    private let queue = Mutex(Queue())

    /// Wakes the thread: an eventfd counts, so a wake-up before the wait isn't lost.
    private let wakeUp: FileDescriptor

    /// The thread; set once in `init`, before anybody else can know the executor.
    private let thread = Mutex<NamedThread?>(nil)

    /// The pthread that runs jobs, 0 before it starts.
    private let runner = Atomic<UInt>(0)

    /// An executor on a new thread of this name.
    ///
    /// - Throws: ``ThreadError``: there are too many threads or open files; give up.
    public init(name: String) throws(ThreadError) {
        var number: Int32 = -1
        let code = unsafe clinux_create_event(&number)
        guard code == 0 else {
            throw ThreadError(name: name, code: SystemErrorCode(rawValue: code))
        }
        wakeUp = FileDescriptor(adopting: number)
        let started = try NamedThread(name: name) { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Takes a job; for the Swift runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wasEmpty = queue.withLock { queue in
            guard !queue.hasEnded else { fatalError("a job came after its executor had ended") }
            queue.jobs.append(job)
            return queue.jobs.count == 1
        }
        if wasEmpty { wake() }
    }

    /// Whether the caller runs on this executor's thread; for the Swift runtime.
    public func isIsolatingCurrentContext() -> Bool? {
        runner.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Runs what was queued before, and ends the thread.
    public func stop() {
        queue.withLock { $0.isStopping = true }
        wake()
        thread.withLock { $0 }?.join()
    }

    private func wake() {
        clinux_signal_event(wakeUp.number)
    }

    private func run() {
        runner.store(UInt(pthread_self()), ordering: .relaxed)
        while true {
            clinux_wait_event(wakeUp.number)
            let (jobs, isStopping) = queue.withLock { queue in
                let jobs = queue.jobs
                queue.jobs.removeAll(keepingCapacity: true)
                queue.hasEnded = queue.isStopping && jobs.isEmpty
                return (jobs, queue.isStopping)
            }
            for job in jobs { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
            if isStopping, jobs.isEmpty { return }
            // What these jobs queued in turn comes first.
            if isStopping { wake() }
        }
    }
}
