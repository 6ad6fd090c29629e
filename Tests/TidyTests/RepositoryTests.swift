import Testing

@Suite struct `The repository` {
    private static let topLevel: Set = [
        ".ci", ".gitignore", ".swift-format", "CHANGELOG.md", "Config", "LICENSE", "Makefile",
        "Package.swift", "README.md", "Sources", "Tests", "systemd",
    ]

    @Test func `has nothing else on its top level`() throws {
        let found = Set(try Repository.tracked().compactMap { $0.split(separator: "/").first })
        let odd = found.map(String.init).filter { !Self.topLevel.contains($0) }
        #expect(odd.isEmpty, "\(odd.sorted())")
    }

    @Test(arguments: ["make demo", "make test"])
    func `says in its README how to begin`(command: String) throws {
        let readme = try #require(Repository.text("README.md"), "README.md is missing")
        #expect(readme.contains(command))
    }
}
