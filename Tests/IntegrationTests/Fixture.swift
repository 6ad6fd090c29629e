import Glibc
import JSONDocument
import TestSupport
import Testing

/// Where the package lies.
let packageRoot = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

/// Starts the built `carparkd`.
///
/// - Parameter launcher: Commands that prepare its process and then become it.
func carparkd(
    _ arguments: [String],
    environment: [String] = [],
    launcher: [String] = []
) throws -> ChildProcess {
    // What this process was started by must not hear of it.
    let words = ["-u", "NOTIFY_SOCKET", "-u", "WATCHDOG_USEC", "-u", "CREDENTIALS_DIRECTORY"]
    return try ChildProcess(
        "env",
        words + environment + launcher + [builtExecutable()] + arguments
    )
}

/// The executable beside the one of the tests.
func builtExecutable() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
    let own = String(
        decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)),
        as: UTF8.self
    )
    let path = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/carparkd"
    let isBuilt = unsafe access(path, X_OK) == 0
    try #require(isBuilt, "\(path) is not built")
    return path
}

extension ChildProcess {
    /// The lines of its standard error that contain a text.
    func lines(_ text: String) -> [Substring] {
        errors.split(separator: "\n").filter { $0.contains(text) }
    }

    /// Waits until it wrote a text to its standard error; a failure shows what it wrote instead.
    func says(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let isSaid = try await eventually { self.errors.contains(text) }
        try #require(isSaid, "'\(text)' is not in\n\(errors)", sourceLocation: sourceLocation)
    }
}

/// A configuration for tests: a facility for each kind of reading.
struct Town {
    let directory: ScratchDirectory
    var port: UInt16
    var brokerKeys = ""
    var feed: String
    var interval = "1s"
    var heartbeat = "60s"
    var sections = ""
    var facilities = ["bays", "gate", "counted", "level", "signed", "silent"]
    var facilityKeys = ""
    var capacity = 500
    var capacities: [String: Int] = [:]
    var state: String
    /// Nil leaves it to the service manager.
    var runtime: String?
    var rules = [
        #"{topic: "park/{facility}/bay/{bay}", reading: bay, occupied: /occupied}"#,
        #"{topic: "park/{facility}/gate/in", format: text, reading: movement, in: 1}"#,
        #"{topic: "park/{facility}/gate/out", format: text, reading: movement, out: 1}"#,
        #"{topic: "park/{facility}/count", reading: counter, in: /in, out: /out}"#,
        #"{topic: "park/{facility}/level", reading: level, occupied: /count}"#,
        #"{topic: "park/{facility}/state", format: text, reading: state, state: ""}"#,
    ]

    init(_ directory: ScratchDirectory, port: UInt16) {
        self.directory = directory
        self.port = port
        feed = directory.path("feed")
        state = directory.path("state")
        runtime = directory.path("run")
    }

    var text: String {
        """
        brokers:
          - urls: ["mqtt://127.0.0.1:\(port)"]
            name: council
        \(brokerKeys.indented(by: 4))
        state_directory: \(state)
        \(runtime.map { "runtime_directory: \($0)" } ?? "")
        feed:
          directory: \(feed)
          interval: \(interval)
          heartbeat: \(heartbeat)
          publisher: {name: Test}
        \(sections)
        facilities:
        \(facilities.map(facility).joined(separator: "\n"))
        rules:
        \(rules.map { "  - \($0)" }.joined(separator: "\n"))

        """
    }

    /// Writes it and returns the arguments that name it.
    func write() throws -> [String] {
        directory.write(text, to: "carparkd.yaml")
        return ["--config", directory.path("carparkd.yaml")]
    }

    /// The feed as it stands in its directory now.
    var published: Feed? { Feed(at: feed + "/parking.json") }

    /// What the feed says of the journal; nil where there is no feed.
    var isDurable: Bool? {
        let document = JSONDocument(maximumBytes: 16 << 20, maximumDepth: 16)
        guard let bytes = Files.read(feed + "/parking.json"),
            (try? document.parse(bytes.span)) != nil
        else { return nil }
        return document.kind("/durable") == .boolean(true)
    }

    /// Waits until the feed shows what is expected of it; a failure shows both.
    func shows(
        _ expected: [String: Int],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let isShown = try await eventually {
            guard let facilities = published?.facilities else { return false }
            return expected.allSatisfy { facilities[$0.key]?.occupied == $0.value }
        }
        try #require(
            isShown,
            "\(expected) is not in \(String(describing: published))",
            sourceLocation: sourceLocation
        )
    }

    private func facility(_ identifier: String) -> String {
        """
          - id: \(identifier)
            name: \(identifier)
            capacity: \(capacities[identifier] ?? capacity)
        \(facilityKeys.indented(by: 4))
        """
    }
}

extension String {
    fileprivate func indented(by count: Int) -> String {
        split(separator: "\n").map { String(repeating: " ", count: count) + $0 }
            .joined(separator: "\n")
    }
}

/// What stands in a `parking.json`.
struct Feed: Equatable {
    struct Facility: Equatable {
        var occupied: Int?
        var free: Int?
        var state: String?
        var trend: String?
        var observedAt: String?
        var isStale: Bool
    }

    var generatedAt: String
    var facilities: [String: Facility] = [:]

    /// Reads a file; nil where there is none, or no whole one.
    init?(at path: String) {
        let document = JSONDocument(maximumBytes: 16 << 20, maximumDepth: 16)
        guard let bytes = Files.read(path), (try? document.parse(bytes.span)) != nil,
            let generatedAt = document.text("/generated_at")
        else { return nil }
        self.generatedAt = generatedAt
        var index = 0
        while let identifier = document.text("/facilities/\(index)/id") {
            let base = "/facilities/\(index)"
            facilities[identifier] = Facility(
                occupied: document.integer(base + "/occupied"),
                free: document.integer(base + "/free"),
                state: document.text(base + "/state"),
                trend: document.text(base + "/trend"),
                observedAt: document.text(base + "/observed_at"),
                isStale: document.kind(base + "/stale") == .boolean(true)
            )
            index += 1
        }
    }
}

extension JSONDocument {
    func kind(_ pointer: String) -> JSONKind {
        guard let pointer = JSONPointer(pointer) else { return .absent }
        return withValue(at: pointer) { kind, _ in kind }
    }

    func integer(_ pointer: String) -> Int? {
        if case .integer(let number) = kind(pointer) { Int(number) } else { nil }
    }

    func text(_ pointer: String) -> String? {
        guard let pointer = JSONPointer(pointer) else { return nil }
        return withValue(at: pointer) { kind, text in
            guard kind == .string else { return nil }
            return String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
        }
    }
}
