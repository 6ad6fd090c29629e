import Glibc

/// What this process uses of the machine.
public struct ProcessUsage: Equatable, Sendable {
    /// The memory that is in use now (`VmRSS`), in bytes; 0 where the kernel doesn't say.
    public let residentBytes: Int

    /// The processor time that was used so far by all threads, in user mode and in the kernel, in microseconds.
    public let processorMicroseconds: Int64

    /// Reads the usage of this moment.
    public static func now() -> ProcessUsage {
        var usage = rusage()
        let result = unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        precondition(result == 0)
        return ProcessUsage(
            residentBytes: residentPages() * Int(sysconf(Int32(_SC_PAGESIZE))),
            processorMicroseconds: microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
        )
    }

    private static func microseconds(_ time: timeval) -> Int64 {
        Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec)
    }

    /// The second number of `/proc/self/statm` (proc(5)).
    private static func residentPages() -> Int {
        guard let descriptor = try? FileDescriptor(opening: "/proc/self/statm", flags: O_RDONLY),
            let bytes = try? descriptor.read(limit: 256)
        else { return 0 }
        let fields = bytes.split(separator: UInt8(ascii: " "))
        guard fields.count > 1 else { return 0 }
        return Int(String(decoding: fields[1], as: UTF8.self)) ?? 0
    }
}

/// Lets a signal pass without effect; for `SIGPIPE`, whose news comes as `EPIPE` as well.
public func ignoreSignal(_ signal: Int32) {
    _ = Glibc.signal(signal, SIG_IGN)
}
