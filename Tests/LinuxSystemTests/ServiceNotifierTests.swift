import Glibc
import TestSupport
import Testing

@testable import LinuxSystem

/// The protocol of sd_notify(3), against sockets of our own.
struct ServiceNotifierTests {
    /// A datagram socket as a service manager has it.
    private func listen(_ address: String) throws -> Int32 {
        let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(socket >= 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(address.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(socket, $0, length)
            }
        }
        try #require(bound == 0)
        return socket
    }

    private func receive(_ socket: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count < 0 ? "" : String(decoding: buffer[..<count], as: UTF8.self)
    }

    @Test func `Messages go to a socket by its path, in one datagram`() throws {
        let scratch = ScratchDirectory()
        let address = "\(scratch.path)/notify"
        let socket = try listen(address)
        defer { close(socket) }
        let notifier = ServiceNotifier { $0 == "NOTIFY_SOCKET" ? address : nil }
        try notifier.send([.ready, .status("2 brokers\nFORGED=1")])
        #expect(receive(socket) == "READY=1\nSTATUS=2 brokers FORGED=1")
        try notifier.send(.watchdog)
        #expect(receive(socket) == "WATCHDOG=1")
    }

    @Test func `Messages go to an abstract socket`() throws {
        let address = "@carparkd-test-\(getpid())"
        let socket = try listen(address)
        defer { close(socket) }
        let notifier = ServiceNotifier { $0 == "NOTIFY_SOCKET" ? address : nil }
        try notifier.send(.stopping)
        #expect(receive(socket) == "STOPPING=1")
    }

    @Test func `A reload carries the time that the manager compares`() throws {
        let before = SystemClock.serviceNanoseconds() / 1000
        let parts = ServiceNotifier.text([.reloading]).split(separator: "\n")
        #expect(parts[0] == "RELOADING=1")
        let time = try #require(Int64(parts[1].dropFirst("MONOTONIC_USEC=".count)))
        #expect(time >= before && time <= SystemClock.serviceNanoseconds() / 1000)
    }

    @Test func `Without a service manager nothing is sent and nothing fails`() throws {
        try ServiceNotifier { _ in nil }.send([.ready])
        try ServiceNotifier { _ in "" }.send([.ready])
    }

    @Test(arguments: ["relative/path", "vsock:2:1", "@", "/" + String(repeating: "x", count: 107)])
    func `An address that is none is an error with the address`(address: String) {
        let notifier = ServiceNotifier { $0 == "NOTIFY_SOCKET" ? address : nil }
        #expect(throws: ServiceNotifier.Problem.unusableAddress(address)) {
            try notifier.send(.ready)
        }
    }

    @Test func `A manager that is gone is an error with the address`() {
        let notifier = ServiceNotifier { $0 == "NOTIFY_SOCKET" ? "/nowhere/notify" : nil }
        let code = SystemErrorCode(rawValue: ENOENT)
        #expect(throws: ServiceNotifier.Problem.system(address: "/nowhere/notify", code)) {
            try notifier.send(.ready)
        }
    }

    @Test(
        arguments: [
            (["WATCHDOG_USEC": "30000000"], Duration.seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(getpid())"], .seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"], nil),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "x"], nil),
            (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "-5"], nil),
            (["WATCHDOG_USEC": "soon"], nil), ([:], nil),
        ] as [([String: String], Duration?)]
    )
    func `The watchdog wants a sign in half its time`(
        environment: [String: String],
        interval: Duration?
    ) {
        #expect(ServiceNotifier { environment[$0] }.watchdogInterval == interval)
    }
}
