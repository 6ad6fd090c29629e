import Glibc
import LinuxSystem
import Synchronization
import Testing

/// The name that the kernel has for the calling thread.
private func kernelName() -> String {
    let file = unsafe open("/proc/thread-self/comm", O_RDONLY)
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = unsafe read(file, &buffer, buffer.count)
    return String(decoding: buffer[..<max(0, count - 1)], as: UTF8.self)
}

private func isBlocked(_ signal: Int32) -> Bool {
    var mask = sigset_t()
    unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
    return unsafe sigismember(&mask, signal) == 1
}

struct ThreadTests {
    @Test(arguments: [
        ("feeds", "feeds"), ("a-name-that-is-too-long", "a-name-that-is-"),
        ("ümläüts-ünd-so", "ümläüts-ünd"),
    ])
    func `A thread has its name, as far as the kernel takes it`(name: String, kept: String) throws {
        let found = Mutex("")
        let hasName = Atomic(false)
        let thread = try NamedThread(name: name) {
            // The creator names the thread, so it may run before it is named.
            while kernelName() != kept, !hasName.load(ordering: .relaxed) { sched_yield() }
            found.withLock { $0 = kernelName() }
        }
        #expect(thread.name == kept)
        hasName.store(true, ordering: .relaxed)
        thread.join()
        thread.join()
        #expect(found.withLock { $0 } == kept)
    }

    @Test func `Signals are blocked on our threads and stay as they were on the creator's`() throws
    {
        let blocked = Mutex<[Bool]>([])
        let before = isBlocked(SIGTERM)
        let thread = try NamedThread(name: "signals") {
            blocked.withLock { $0 = [isBlocked(SIGTERM), isBlocked(SIGHUP)] }
        }
        thread.join()
        #expect(blocked.withLock { $0 } == [true, true])
        #expect(isBlocked(SIGTERM) == before)
    }
}

/// An actor as the feeds are one.
private actor Worker {
    private let executor: ThreadExecutor
    private var numbers: [Int] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(_ executor: ThreadExecutor) {
        self.executor = executor
    }

    func append(_ number: Int) {
        numbers.append(number)
    }

    func result() -> (numbers: [Int], thread: String) {
        preconditionIsolated()
        return (numbers, kernelName())
    }
}

struct ThreadExecutorTests {
    @Test func `An actor runs on its thread, in order, and the thread ends when it is stopped`()
        async throws
    {
        let executor = try ThreadExecutor(name: "feeds")
        let worker = Worker(executor)
        for number in 0..<1000 { await worker.append(number) }
        let result = await worker.result()
        #expect(result.numbers == Array(0..<1000))
        #expect(result.thread == "feeds")
        executor.stop()
    }

    @Test func `Calls of many tasks at once are all run`() async throws {
        let executor = try ThreadExecutor(name: "feeds")
        let worker = Worker(executor)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<500 { await worker.append(task * 500 + number) }
                }
            }
        }
        let result = await worker.result()
        #expect(result.numbers.sorted() == Array(0..<4000))
        executor.stop()
    }
}
