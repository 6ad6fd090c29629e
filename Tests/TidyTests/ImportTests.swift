import Testing

/// The floors: who may import whom (the table of `Package.swift`), and nobody else.
@Suite struct `Imports` {
    /// What each target may import beside what every target may.
    private static let table: [String: Set<String>] = [
        "CLinux": [],
        "CMosquitto": [],
        "CSimdjson": [],
        "CTransport": [],
        "CZlib": [],
        "ByteCoding": [],
        "Parking": [],
        "Configuration": ["Foundation", "Parking", "Yams"],
        "JSONDocument": ["CSimdjson"],
        "Journal": ["ByteCoding", "Foundation", "GRDB"],
        "LinuxSystem": ["CLinux", "CZlib"],
        "Logs": ["Logging"],
        "MQTT": ["CMosquitto", "CTransport"],
        "Occupancy": ["Parking"],
        "Control": ["LinuxSystem", "Occupancy", "Parking"],
        "Feeds": ["LinuxSystem", "Occupancy", "Parking"],
        "Ingest": ["ByteCoding", "JSONDocument", "Occupancy", "Parking"],
        "Persistence": ["ByteCoding", "Ingest", "Journal", "Occupancy", "Parking"],
        "Simulator": ["Parking"],
        "Daemon": [
            "Configuration", "Control", "Feeds", "Ingest", "JSONDocument", "Journal",
            "LinuxSystem", "Logging", "Logs", "MQTT", "Occupancy", "Parking", "Persistence",
            "ServiceLifecycle", "Simulator", "UnixSignals",
        ],
        "carparkd": ["ArgumentParser", "Daemon"],
    ]

    private static let everywhere: Set = ["Glibc", "Synchronization"]

    /// The module that a line of code imports, whatever stands before and between: `public import struct A.B` is A.
    static func module(importedBy line: Substring) -> String? {
        let words = line.prefix { $0 != ";" }.split { $0 == " " }
        guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
            words[..<place].allSatisfy({ isModifier($0) })
        else { return nil }
        let kinds = ["class", "enum", "func", "let", "protocol", "struct", "typealias", "var"]
        let rest = words[(place + 1)...].drop { kinds.contains(String($0)) }
        return rest.first?.split(separator: ".").first.map(String.init)
    }

    private static func isModifier(_ word: Substring) -> Bool {
        let levels = ["public", "package", "internal", "fileprivate", "private"]
        return word.hasPrefix("@") || levels.contains(String(word))
    }

    @Test(arguments: [
        ("import Parking", "Parking"),
        ("public import Parking", "Parking"),
        ("internal import Parking", "Parking"),
        ("@testable import Parking", "Parking"),
        ("@preconcurrency private import Parking", "Parking"),
        ("import struct Parking.Facility", "Parking"),
        ("    import Parking.Deep", "Parking"),
        ("let important = imports", nil),
        ("// import Parking", nil),
        ("", nil),
    ]) func `are recognised in all their forms`(line: String, module: String?) {
        #expect(Self.module(importedBy: Substring(line)) == module)
    }

    @Test func `of every target are in the table`() throws {
        for target in Repository.entries(of: "Sources") {
            #expect(Self.table[target] != nil, "Sources/\(target) is not in the table of floors")
        }
        for file in try SwiftFile.all(below: "Sources") {
            let allowed = Self.table[file.target, default: []].union(Self.everywhere)
            for (index, line) in file.code.enumerated() {
                guard let module = Self.module(importedBy: line) else { continue }
                #expect(
                    allowed.contains(module),
                    "\(file.path):\(index + 1): \(file.target) may not import \(module)"
                )
            }
        }
    }

    @Test func `of tests leave Foundation out`() throws {
        for file in try SwiftFile.all(below: "Tests") {
            for (index, line) in file.code.enumerated() {
                let module = Self.module(importedBy: line)
                #expect(module != "Foundation", "\(file.path):\(index + 1) imports Foundation")
            }
        }
    }
}
