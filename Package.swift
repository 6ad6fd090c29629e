// swift-tools-version: 6.2
import PackageDescription

/// What the compiler is told where the fuzzers are built, which `Tests/Fuzz/run` does.
let fuzzing = Context.environment["CARPARKD_FUZZ"]?.split(separator: " ").map(String.init)

// The floors of the house, lowest first. A target may import what it names here and nothing else:
// `swift build --explicit-target-dependency-import-check error` and `TidyTests` hold it to that.

let strict: [SwiftSetting] =
    [
        .treatAllWarnings(as: .error),
        .strictMemorySafety(),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (fuzzing.map { [.unsafeFlags($0)] } ?? [])

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

func library(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    resources: [Resource] = []
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        resources: resources,
        swiftSettings: strict
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// `Tests/Fuzz` as the program `Fuzz`, or as the tests `FuzzTests`.
func fuzz(_ dependencies: [Target.Dependency]) -> Target {
    let inputs = ["Dictionaries", "Findings", "Rules", "Seeds", "run"]
    guard fuzzing != nil else {
        return .testTarget(
            name: "FuzzTests",
            dependencies: dependencies,
            path: "Tests/Fuzz",
            exclude: inputs + ["main.swift"],
            swiftSettings: strict
        )
    }
    return .executableTarget(
        name: "Fuzz",
        dependencies: dependencies + ["CFuzzer"],
        path: "Tests/Fuzz",
        exclude: inputs + ["InputTests.swift"],
        swiftSettings: strict
    )
}

let package = Package(
    name: "carparkd",
    products: [.executable(name: "carparkd", targets: ["carparkd"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Floor 0: C at the edge, and the domain's values.
        .systemLibrary(
            name: "CMosquitto",
            pkgConfig: "libmosquitto",
            providers: [.apt(["libmosquitto-dev"])]
        ),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "CTransport",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
        ),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CLinux"),
        library("ByteCoding"),
        library("Parking"),

        // Floor 1: one responsibility each, none knows another.
        library("Configuration", ["Parking", "Yams"]),
        library("JSONDocument", ["CSimdjson"]),
        library("Journal", ["ByteCoding", .product(name: "GRDB", package: "GRDB.swift")]),
        library("LinuxSystem", ["CLinux", "CZlib"]),
        library("Logs", [logging]),
        library("MQTT", ["CMosquitto", "CTransport"]),
        library("Occupancy", ["Parking"]),

        // Floor 2: readings in, documents out, and sensors that are not there.
        library(
            "Feeds",
            ["Parking", "Occupancy", "LinuxSystem"],
            resources: [
                .embedInCode("Resources/history.schema.json"),
                .embedInCode("Resources/index.html"),
                .embedInCode("Resources/parking.schema.json"),
            ]
        ),
        library("Ingest", ["ByteCoding", "Parking", "Occupancy", "JSONDocument"]),
        library(
            "Persistence",
            ["ByteCoding", "Ingest", "Journal", "Occupancy", "Parking"]
        ),
        library("Simulator", ["Parking"]),

        // Floor 3: the composition root.
        library(
            "Daemon",
            [
                "Configuration", "Feeds", "Ingest", "JSONDocument", "Journal", "LinuxSystem",
                "Logs",
                "MQTT", "Occupancy", "Parking", "Persistence", "Simulator", logging,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),

        // Floor 4: the command.
        .executableTarget(
            name: "carparkd",
            dependencies: [
                "Daemon", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),

        // What several test targets share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),

        tests("ParkingTests", ["Parking"]),
        tests("ConfigurationTests", ["Configuration", "Parking", "TestSupport"]),
        tests("JSONDocumentTests", ["JSONDocument"]),
        tests("LinuxSystemTests", ["LinuxSystem", "TestSupport"]),
        tests("LogsTests", ["Logs", logging]),
        tests("MQTTTests", ["MQTT", "TestSupport"]),
        tests("OccupancyTests", ["Occupancy", "Parking"]),
        tests("FeedsTests", ["Feeds", "LinuxSystem", "Occupancy", "Parking", "TestSupport"]),
        tests("IngestTests", ["ByteCoding", "Ingest", "Occupancy", "Parking"]),
        tests("RuleTests", ["Configuration", "Daemon", "Ingest", "Occupancy", "Parking"]),
        tests(
            "DaemonTests",
            ["Daemon", "Ingest", "Logs", "MQTT", "Occupancy", "Parking", logging]
        ),
        tests(
            "SimulatorTests",
            ["Configuration", "Ingest", "Occupancy", "Parking", "Simulator", "TestSupport"]
        ),
        tests(
            "JournalTests",
            ["Journal", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")]
        ),
        tests(
            "PersistenceTests",
            ["Ingest", "Journal", "Occupancy", "Parking", "Persistence", "TestSupport"]
        ),
        tests(
            "SimulationTests",
            [
                "Feeds", "Ingest", "JSONDocument", "Journal", "Occupancy", "Parking",
                "Persistence", "SimulatedDisk", "TestSupport",
            ]
        ),
        tests(
            "StorageFaultTests",
            ["CZlib", "JSONDocument", "StorageProbe", "TestSupport"]
        ),
        tests("IntegrationTests", ["FaultProxy", "JSONDocument", "LinuxSystem", "TestSupport"]),
        tests("TidyTests", []),

        // A disk for SQLite that crashes and fails on purpose.
        .target(
            name: "SimulatedDisk",
            path: "Tests/SimulatedDisk",
            linkerSettings: [.linkedLibrary("sqlite3")]
        ),
        tests(
            "SimulatedDiskTests",
            ["SimulatedDisk", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")]
        ),

        // A network that fails on purpose.
        .target(
            name: "FaultProxy",
            dependencies: ["LinuxSystem"],
            path: "Tests/FaultProxy",
            swiftSettings: strict
        ),

        // What must hold whatever the bytes are: under libFuzzer, and as a test of what it found once.
        fuzz([
            "ByteCoding", "CMosquitto", "Configuration", "Daemon", "Feeds", "Ingest",
            "JSONDocument", "Logs", "Occupancy", "Parking", "Persistence", "TestSupport",
        ]),

        // What the daemon does with its disk, for StorageFaultTests to fail.
        .executableTarget(
            name: "StorageProbe",
            dependencies: [
                "Feeds", "Ingest", "Journal", "LinuxSystem", "Occupancy", "Parking", "Persistence",
            ],
            path: "Tests/StorageProbe",
            swiftSettings: strict
        ),

        // What Tests/Benchmarks/run measures inside a process.
        .executableTarget(
            name: "Measurements",
            dependencies: [
                "Feeds", "Ingest", "Journal", "LinuxSystem", "Occupancy", "Parking", "Persistence",
            ],
            path: "Tests/Benchmarks/Measurements",
            swiftSettings: strict
        ),
    ]
)

if fuzzing != nil {
    package.targets.append(.systemLibrary(name: "CFuzzer", path: "Tests/CFuzzer"))
}

// Under a sanitizer only what it is for is built: CARPARKD_TESTS names the test targets, and the rest of the house stays out.
if let names = Context.environment["CARPARKD_TESTS"] {
    var needed: Set<String> = []
    var open = names.split(separator: " ").map(String.init)
    while let name = open.popLast() {
        guard needed.insert(name).inserted,
            let target = package.targets.first(where: { $0.name == name })
        else { continue }
        for case .byNameItem(let name, _) in target.dependencies { open.append(name) }
    }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products = []
}
