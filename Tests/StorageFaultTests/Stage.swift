import Glibc
import Testing

/// What is done to one system call of the probe.
enum Fault {
    /// It isn't done, and returns this error.
    case error(String)
    /// It isn't done, and the process is killed with SIGKILL.
    ///
    /// strace(1) sends the signal as the call is entered, and Linux skips the call of a process that has to die.
    case kill

    fileprivate var injection: String {
        switch self {
        case .error(let name): "error=\(name)"
        case .kill: "signal=KILL"
        }
    }
}

/// The scenes, and what happens in them when a call fails.
final class Stage: Sendable {
    /// That of the running test.
    @TaskLocal static var current: Stage?

    /// Whether processes can be traced here: containers often forbid it.
    static let isPossible: Bool = {
        guard let process = try? Command.start(["strace", "-o", "/dev/null", "true"]) else {
            return false
        }
        var status: Int32 = 0
        return unsafe waitpid(process, &status, 0) == process && status == 0
    }()

    /// The first life, which begins with nothing; and the second, which begins with what a kill in the middle of a publication left:
    /// a batch that isn't folded, a log of SQLite's, temporary files, half of the feed.
    let scenes: [Scene]

    private let workplace: Workplace

    private init(in workplace: Workplace) async throws {
        self.workplace = workplace
        let first = "\(workplace.path)/first"
        try #require(unsafe mkdir(first, 0o755) == 0)
        let beginning = try await Scene(template: first, life: 1, in: workplace.path)
        let renames = beginning.calls.filter { $0.name == "renameat" }
        try #require(renames.count > 2)
        let second = "\(workplace.path)/second"
        _ = try await Self.run(beginning, .kill, renames[1], at: second)
        let going = try await Scene(template: second, life: 2, in: workplace.path)
        scenes = [beginning, going]
    }

    /// Sets the stage up for all tests of a suite, and clears it away after the last.
    struct Trait: SuiteTrait, TestScoping {
        func provideScope(
            for test: Test,
            testCase: Test.Case?,
            performing function: @Sendable () async throws -> Void
        ) async throws {
            let workplace = try Workplace()
            do {
                let stage = try await Stage(in: workplace)
                try await Stage.$current.withValue(stage) { try await function() }
            } catch {
                try await Workplace.remove(workplace.path)
                throw error
            }
            try await Workplace.remove(workplace.path)
        }
    }

    /// Lets a scene happen with a fault, and then once more without; what is wrong afterwards.
    func wrongs(_ scene: Scene, _ fault: Fault, _ call: Call) async throws -> [String] {
        let place = "\(workplace.path)/\(scene.life)-\(call.name)-\(call.number)-\(fault.injection)"
        let before = Spoken(in: scene.template)
        var wrongs = try await Self.run(scene, fault, call, at: place)
        let spoken = Spoken(in: place)
        wrongs += spoken.wrongs.map { "it said: \($0)" }
        wrongs += Feed(in: place).wrongs(
            batches: (spoken.published ?? 1)...max(spoken.published ?? 1, spoken.counted),
            isWhole: false
        )
        if spoken.published != nil, !Feed(in: place).isServed { wrongs.append("no feed is served") }
        if case .error = fault, !spoken.isEnded, !spoken.isRefused {
            wrongs.append("it neither ended nor refused to begin")
        }
        // Whether the batch that was under way is in the journal or not: both are right.
        let mayHold =
            spoken.isEnded
            ? spoken.counted...spoken.counted : spoken.promised...spoken.counted + 1
        let life = scene.life + 1
        let status = try await Command.run(
            [try Probe.executable(), place, "\(life)"],
            output: "\(place)/\(Spoken.name)"
        )
        let afterwards = Spoken(in: place).since(spoken)
        if status != 0 || !afterwards.isEnded || !afterwards.troubles.isEmpty {
            wrongs.append("afterwards it ended with \(status)")
        }
        wrongs += afterwards.wrongs.map { "afterwards it said: \($0)" }
        if !mayHold.contains(afterwards.held ?? -1) {
            wrongs.append("afterwards the journal does not hold \(mayHold) batches")
        }
        wrongs += Feed(in: place).wrongs(batches: life + 1...life + 1, isWhole: true)
        let left = Files.names(in: "\(place)/feed.tmp") + Files.names(in: "\(place)/state")
        if left != ["journal.lock", "journal.sqlite"] { wrongs.append("\(left) are left") }
        if !wrongs.isEmpty {
            wrongs.append("said: \(spoken.since(before).lines), afterwards: \(afterwards.lines)")
        }
        try await Workplace.remove(place)
        return wrongs
    }

    /// Lets a scene happen with a fault, in a copy of its template; what is wrong with how it ended.
    private static func run(
        _ scene: Scene,
        _ fault: Fault,
        _ call: Call,
        at place: String
    ) async throws -> [String] {
        _ = try await Command.run(["cp", "-a", scene.template, place])
        let trace = "\(place)/trace"
        // The thread that does all the work, and no other: strace counts the calls of each by itself. Without
        // --seccomp-bpf, under which strace 6.1 sends no signals.
        _ = try await Command.run(
            [
                "strace", "-o", trace, "-e", "trace=\(call.name)", "-e",
                "inject=\(call.name):\(fault.injection):when=\(call.number)",
                try Probe.executable(), place, "\(scene.life)",
            ],
            output: "\(place)/\(Spoken.name)"
        )
        let lines = Files.lines(trace)
        let end = lines.last ?? "it was not traced"
        switch fault {
        case .error:
            let isStruck = lines.count { $0.hasSuffix("(INJECTED)") } == 1
            return (isStruck ? [] : ["the fault did not strike"])
                + (end == "+++ exited with 0 +++" ? [] : ["its end: \(end)"])
        case .kill:
            return end == "+++ killed by SIGKILL +++" ? [] : ["its end: \(end)"]
        }
    }
}
