import Testing

/// Every system call of a publication and of a commit fails once, and the process is killed before and after each.
///
/// What must be true then: every file of the feed is the former one or the new one, whole; the journal opens, and has every batch of which the
/// process said so; the daemon goes on. A fault while the process lives costs nothing at all.
///
/// Each case is a life of StorageProbe under strace(1), and one more without.
@Suite(
    .serialized,
    .enabled(if: Stage.isPossible, "processes can't be traced here"),
    Stage.Trait()
)
struct `Storage faults` {
    /// The calls by which SQLite and carparkd change the disk or open something, and the errors by which each fails.
    ///
    /// Several where they lead different ways: SQLite opens for reading what it can't open for writing, and knows a full disk from
    /// a broken one.
    private static let errors: [(call: String, errors: [String])] = [
        ("fchmod", ["EIO"]), ("fchown", ["EROFS"]), ("fdatasync", ["EIO"]), ("flock", ["ENOLCK"]),
        ("fsync", ["EIO"]), ("ftruncate", ["EIO"]), ("mkdir", ["ENOSPC"]), ("mkdirat", ["EROFS"]),
        ("openat", ["EMFILE", "ENOSPC", "EROFS"]), ("pwrite64", ["EIO", "ENOSPC"]),
        ("rename", ["EIO"]), ("renameat", ["EIO"]), ("unlink", ["EROFS"]), ("unlinkat", ["EIO"]),
        ("utimensat", ["EIO"]), ("write", ["EIO", "ENOSPC"]), ("writev", ["ENOSPC"]),
    ]
    private static let calls = errors.map(\.call)

    @Test func `strike every kind of call that changes the disk`() throws {
        let calls = try #require(Stage.current).scenes.flatMap(\.calls)
        #expect(Set(calls.map(\.name)).intersection(Probe.changing) == Set(Self.calls))
    }

    @Test(arguments: errors)
    func `cost nothing where a call fails`(name: String, errors: [String]) async throws {
        let stage = try #require(Stage.current)
        var trials: [Trial] = []
        for scene in stage.scenes {
            for call in scene.calls where call.name == name && !call.isSaying {
                trials += errors.map {
                    Trial(scene: scene, strikes: [Strike(fault: .error($0), call: call)])
                }
            }
        }
        try await Self.happen(trials, on: stage)
    }

    /// Killed before each call, and so after each: between one and the next nothing else reaches the disk.
    @Test(arguments: calls)
    func `leave nothing half where a process is killed`(name: String) async throws {
        let stage = try #require(Stage.current)
        var trials: [Trial] = []
        for scene in stage.scenes {
            trials += scene.calls.filter { $0.name == name }.map {
                Trial(scene: scene, strikes: [Strike(fault: .kill, call: $0)])
            }
        }
        try await Self.happen(trials, on: stage)
    }

    /// A process that lives on makes good what failed; one that is killed as soon as it has spoken can't.
    @Test func `make no promise of what a failed call took`() async throws {
        let stage = try #require(Stage.current)
        var trials: [Trial] = []
        for scene in stage.scenes {
            var said: [Call] = []
            var failing: [Call] = []
            for call in scene.calls {
                guard call.isSaying else {
                    if ["fdatasync", "pwrite64"].contains(call.name) { failing.append(call) }
                    continue
                }
                // What came of a batch was said before this.
                if said.last?.text.contains("committed") == true {
                    trials += failing.map {
                        let strikes = [
                            Strike(fault: .error("EIO"), call: $0),
                            Strike(fault: .kill, call: call),
                        ]
                        return Trial(scene: scene, strikes: strikes)
                    }
                    failing = []
                }
                said.append(call)
            }
        }
        try await Self.happen(trials, on: stage)
    }

    /// Tries all, a few at a time.
    private static func happen(_ trials: [Trial], on stage: Stage) async throws {
        try #require(!trials.isEmpty)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, trial) in trials.enumerated() {
                if index >= 3 { try await group.next() }
                group.addTask {
                    let wrongs = try await stage.wrongs(trial)
                    guard !wrongs.isEmpty else { return }
                    Issue.record("\((["\(trial)"] + wrongs).joined(separator: "\n"))")
                }
            }
            try await group.waitForAll()
        }
    }
}
