import Glibc
import LinuxSystem
import Testing

struct SystemTests {
    @Test func `The clocks go on and agree on their units`() {
        let milliseconds = SystemClock.monotonicMilliseconds()
        let nanoseconds = SystemClock.monotonicNanoseconds()
        #expect(nanoseconds / 1_000_000 >= milliseconds)
        #expect(SystemClock.monotonicNanoseconds() >= nanoseconds)
        // 2020 to 2100: seconds or microseconds would be outside.
        #expect((1_577_836_800_000..<4_102_444_800_000).contains(SystemClock.wallMilliseconds()))
    }

    @Test func `The process knows its memory and time`() {
        let before = ProcessUsage.now()
        #expect(before.residentBytes > 1_000_000)
        let ballast = [UInt8](repeating: 1, count: 64 << 20)
        let after = ProcessUsage.now()
        // Not compared with before: other tests give memory back meanwhile.
        #expect(after.residentBytes > 64 << 20)
        #expect(after.processorMicroseconds >= before.processorMicroseconds)
        #expect(ballast.last == 1)
    }

    @Test func `An error number has its name and its words`() {
        let code = SystemErrorCode(rawValue: ENOSPC)
        #expect(code.description == "No space left on device (ENOSPC)")
        #expect(SystemErrorCode(rawValue: 99_999).description == "unknown error (E?)")
    }

    @Test func `A write to a closed pipe is an error and no death once the signal is ignored`()
        async
    {
        await #expect(processExitsWith: .exitCode(EPIPE)) {
            ignoreSignal(SIGPIPE)
            var ends: [Int32] = [0, 0]
            guard unsafe pipe(&ends) == 0 else { exit(1) }
            close(ends[0])
            let written = unsafe write(ends[1], "x", 1)
            exit(written < 0 ? errno : 0)
        }
    }
}
