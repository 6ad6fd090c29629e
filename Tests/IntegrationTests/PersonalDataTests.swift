import Glibc
import TestSupport
import Testing

/// Number plates and tags in every field that no rule names, in every kind of message: the messages count, and what is personal
/// in them is in no file that the daemon writes, nor in its log.
@Suite struct `Personal data` {
    private let directory = ScratchDirectory()

    /// A plate and a tag, in the forms in which sensors and cameras send them.
    private static let personal = ["AB12 CDE", "AB12CDE", "E28011606000020", "4111111111111111"]

    /// Every place of a message that a rule does not name: before, behind and beneath what it names.
    private static func fields(_ named: String) -> String {
        let all = personal.enumerated().map { #""plate\#($0)": "\#($1)""# }.joined(separator: ", ")
        return
            #"{\#(all), \#(named), "tag_id": \#(personal[3]), "AB12CDE": {"text": ["AB12 CDE"]}}"#
    }

    @Test func `is in neither the journal, the log nor the feed`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.sections = "history: {span: 1m, step: 1s, trend_window: 1s}"
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        let messages = [
            // These count.
            ("park/bays/bay/known-bay", Self.fields(#""occupied": true"#)),
            ("park/gate/gate/in", Self.fields(#""in": 1"#)),
            ("park/counted/count", Self.fields(#""in": 3, "out": 1"#)),
            ("park/level/level", Self.fields(#""count": 7"#)),
            // These are refused, each for another reason.
            ("park/bays/bay/b", "AB12 CDE"),
            ("park/bays/bay/b", Self.fields(#""occupied": "AB12 CDE""#)),
            ("park/bays/bay/b", Self.fields(#""occupied": {"plate": "AB12 CDE"}"#)),
            ("park/counted/count", Self.fields(#""in": "AB12 CDE""#)),
            ("park/level/level", Self.fields(#""count": 4111111111111111"#)),
            ("park/signed/state", "AB12 CDE"),
            ("park/nowhere/level", Self.fields(#""count": 1"#)),
        ]
        for (topic, payload) in messages {
            try await broker.publish(topic, payload, ["--qos", "1"])
        }
        try await town.shows(["bays": 1, "gate": 1, "counted": 0, "level": 7])
        try await daemon.says("messages refused")
        // Without a farewell: the journal holds the readings one by one.
        daemon.send(SIGKILL)
        _ = try await daemon.exit()
        let written = Self.files(below: town.state) + Self.files(below: town.feed)
        #expect(written.count >= 6)
        let state = Self.files(below: town.state).compactMap { Files.read($0) }
        let isKept = state.contains { $0.contains(Array("known-bay".utf8)) }
        #expect(isKept, "the bay's name should be in the journal: is it another file by now?")
        for word in Self.personal {
            #expect(!daemon.errors.contains(word), "\(word) is in the log")
            for path in written {
                let bytes = try #require(Files.read(path))
                #expect(!bytes.contains(Array(word.utf8)), "\(word) is in \(path)")
            }
        }
    }

    /// The paths of the files below a directory.
    private static func files(below path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var found: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            guard name != ".", name != ".." else { continue }
            let isDirectory = unsafe entry.pointee.d_type == UInt8(DT_DIR)
            found += isDirectory ? files(below: "\(path)/\(name)") : ["\(path)/\(name)"]
        }
        return found.sorted()
    }
}
