import Glibc
import LinuxSystem
import Parking
import TestSupport
import Testing

@testable import Feeds

/// The feed on a disk that is full or read-only.
///
/// It takes a mount, which takes root.
@Suite(.serialized, .enabled(if: SmallDisk.isPossible, "needs root and mount(8)"))
struct DiskTests {
    let disk: SmallDisk

    init() throws {
        disk = try SmallDisk()
    }

    private func publisher() throws -> FeedPublisher {
        FeedPublisher(
            settings: FeedSettings(
                directory: "\(disk.path)/feed",
                publisher: samplePublisher,
                historyStep: nil
            ),
            facilities: try (0..<100).map { try facility("f-\($0)") }
        )
    }

    @Test func `A full disk is reported, the former feed stays, and the next flush catches up`()
        throws
    {
        var publisher = try publisher()
        let first = publisher.flush(at: moment(0))
        #expect(first.problems == [])
        let former = try #require(disk.scratch.text("disk/feed/parking.json"))
        // dd fills what is left and fails at the end.
        #expect(!Command.run(["dd", "if=/dev/zero", "of=\(disk.path)/ballast", "bs=4096"]))
        publisher.update(0, status: status(42))
        let failed = publisher.flush(at: moment(1000))
        #expect(failed.problems.map(\.reason) == [.system(SystemErrorCode(rawValue: ENOSPC))])
        #expect(disk.scratch.text("disk/feed/parking.json") == former)
        try #require(unsafe unlink("\(disk.path)/ballast") == 0)
        let report = publisher.flush(at: moment(2000))
        #expect(report.isFeedPublished)
        #expect(disk.scratch.text("disk/feed/parking.json")?.contains(#""occupied":42"#) == true)
    }

    @Test func `A read-only disk is reported, and the next flush after it catches up`() throws {
        var publisher = try publisher()
        _ = publisher.flush(at: moment(0))
        publisher.update(0, status: status(42))
        try #require(Command.run(["mount", "-o", "remount,ro", disk.path]))
        let failed = publisher.flush(at: moment(1000))
        #expect(failed.problems.map(\.reason) == [.system(SystemErrorCode(rawValue: EROFS))])
        try #require(Command.run(["mount", "-o", "remount,rw", disk.path]))
        let report = publisher.flush(at: moment(2000))
        #expect(report.isFeedPublished)
    }
}

/// A small file system in memory, unmounted at the end.
final class SmallDisk {
    let scratch: ScratchDirectory
    var path: String { "\(scratch.path)/disk" }

    static let isPossible = geteuid() == 0 && (try? SmallDisk()) != nil

    init() throws {
        scratch = ScratchDirectory()
        try #require(unsafe mkdir("\(scratch.path)/disk", 0o755) == 0)
        guard Command.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", path]) else {
            throw Impossible()
        }
    }

    deinit {
        _ = Command.run(["umount", "-l", path])
    }

    struct Impossible: Error {}
}
