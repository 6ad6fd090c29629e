import Glibc
import TestSupport
import Testing

/// The scenes, and what happens in them when a call fails.
final class Stage: Sendable {
    /// That of the running test.
    @TaskLocal static var current: Stage?

    /// Whether processes can be traced here: containers often forbid it.
    static let isPossible: Bool = {
        guard let process = Command.start(["strace", "-o", "/dev/null", "true"]) else {
            return false
        }
        var status: Int32 = 0
        return unsafe waitpid(process, &status, 0) == process && status == 0
    }()

    /// The first life, which begins with nothing; and the second, which begins with what a kill in the middle of a publication left:
    /// a batch that isn't folded, a log of SQLite's, temporary files, half of the feed.
    let scenes: [Scene]

    private let directory: WorkDirectory

    private init(in directory: WorkDirectory) async throws {
        self.directory = directory
        let first = "\(directory.path)/first"
        try #require(unsafe mkdir(first, 0o755) == 0)
        let beginning = try await Scene(template: first, life: 1, in: directory.path)
        let renames = beginning.calls.filter { $0.name == "renameat" }
        try #require(renames.count > 2)
        let second = "\(directory.path)/second"
        _ = try await Self.run(
            Trial(scene: beginning, strikes: [Strike(fault: .kill, call: renames[1])]),
            at: second
        )
        let going = try await Scene(template: second, life: 2, in: directory.path)
        scenes = [beginning, going]
    }

    /// Sets the stage up for all tests of a suite, and clears it away after the last.
    struct Trait: SuiteTrait, TestScoping {
        func provideScope(
            for test: Test,
            testCase: Test.Case?,
            performing function: @Sendable () async throws -> Void
        ) async throws {
            let directory = try WorkDirectory()
            do {
                let stage = try await Stage(in: directory)
                try await Stage.$current.withValue(stage) { try await function() }
            } catch {
                try await WorkDirectory.remove(directory.path)
                throw error
            }
            try await WorkDirectory.remove(directory.path)
        }
    }

    /// Lets a scene happen with its faults, and then the next life without any; what is wrong afterwards.
    func wrongs(_ trial: Trial) async throws -> [String] {
        let place = "\(directory.path)/\(trial.name)"
        let before = Spoken(in: trial.scene.template)
        var wrongs = try await Self.run(trial, at: place)
        let spoken = Spoken(in: place)
        wrongs += spoken.wrongs.map { "it said: \($0)" }
        wrongs += Feed(in: place).wrongs(
            batches: (spoken.published ?? 1)...max(spoken.published ?? 1, spoken.counted),
            isWhole: false
        )
        if spoken.published != nil, !Feed(in: place).isServed { wrongs.append("no feed is served") }
        if spoken.isEnded, !Files.names(in: "\(place)/feed.tmp").isEmpty {
            wrongs.append("temporary files are left")
        }
        // Whether the batch that was under way is in the journal or not: both are right.
        let mayHold =
            spoken.isEnded
            ? spoken.counted...spoken.counted : spoken.promised...spoken.counted + 1
        let life = trial.scene.life + 1
        let status = try await Command.status(
            of: [try Probe.executable(), place, "\(life)"],
            output: "\(place)/\(Spoken.name)"
        )
        let afterwards = Spoken(in: place).since(spoken)
        if status != 0 || !afterwards.isEnded || !afterwards.troubles.isEmpty {
            wrongs.append("afterwards it ended with \(status)")
        }
        wrongs += afterwards.wrongs.map { "afterwards it said: \($0)" }
        if !mayHold.contains(afterwards.began ?? -1) {
            wrongs.append("afterwards the journal does not hold \(mayHold) batches")
        }
        wrongs += Feed(in: place).wrongs(batches: life + 1...life + 1, isWhole: true)
        let left = Files.names(in: "\(place)/feed.tmp") + Files.names(in: "\(place)/state")
        if left != ["journal.lock", "journal.sqlite"] { wrongs.append("\(left) are left") }
        if !wrongs.isEmpty {
            wrongs.append("said: \(spoken.since(before).lines), afterwards: \(afterwards.lines)")
        }
        try await WorkDirectory.remove(place)
        return wrongs
    }

    /// Lets a scene happen with its faults, in a copy of its template; what is wrong with how it ended.
    private static func run(_ trial: Trial, at place: String) async throws -> [String] {
        _ = try await Command.status(of: ["cp", "-a", trial.scene.template, place])
        let trace = "\(place)/trace"
        // The thread that does all the work, and no other: strace counts the calls of each by itself. Without
        // --seccomp-bpf, under which strace 6.1 sends no signals.
        _ = try await Command.status(
            of: ["strace", "-o", trace] + trial.injections
                + [try Probe.executable(), place, "\(trial.scene.life)"],
            output: "\(place)/\(Spoken.name)"
        )
        let lines = Files.lines(trace)
        let spoken = Spoken(in: place)
        var wrongs: [String] = []
        if lines.count(where: { $0.hasSuffix("(INJECTED)") }) != trial.errors.count {
            wrongs.append("the fault did not strike")
        }
        switch lines.last {
        case "+++ killed by SIGKILL +++" where trial.isKilled: break
        case "+++ exited with 0 +++" where spoken.isRefused: break
        case "+++ exited with 0 +++" where spoken.isEnded && !trial.isKilled: break
        case let end: wrongs.append("its end: \(end ?? "not traced")")
        }
        return wrongs
    }
}
