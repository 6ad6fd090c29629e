import Testing

/// What the formatter does not check.
@Suite struct `Sources` {
    /// Words that are in no comment and no string either.
    private static let bannedAnywhere = ["FIXME", "TODO", "XXX", "not implemented"]
    private static let bannedInCode = ["try!", "as!", "Date()"]

    @Test func `have no banned word`() throws {
        for path in Repository.files(below: "Sources") {
            let text = try #require(Repository.text(path))
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                let found = Self.bannedAnywhere.filter { line.contains($0) }
                #expect(found.isEmpty, "\(path):\(index + 1): \(found)")
            }
        }
        for file in try SwiftFile.all(below: "Sources") {
            for (index, line) in file.code.enumerated() {
                let found = Self.bannedInCode.filter { line.contains($0) }
                #expect(found.isEmpty, "\(file.path):\(index + 1): \(found)")
            }
        }
    }

    @Test func `argue every unchecked conformance to Sendable outside Occupancy`() throws {
        for file in try SwiftFile.all(below: "Sources") where file.target != "Occupancy" {
            for line in Self.unarguedConformances(file) {
                Issue.record("\(file.path):\(line): @unchecked Sendable without a 'Threads:' line")
            }
        }
    }

    /// The lines, from 1, of unchecked conformances whose declaration has no `Threads:` line in its comment.
    static func unarguedConformances(_ file: SwiftFile) -> [Int] {
        file.code.indices.filter { index in
            guard file.code[index].contains("@unchecked Sendable") else { return false }
            var comment = index - 1
            var isArgued = false
            let keywords = ["class ", "struct ", "enum ", "actor ", "extension "]
            var isBelowDeclaration = !keywords.contains { file.code[index].contains($0) }
            while comment >= 0 {
                let line = file.lines[comment].drop { $0 == " " }
                if isBelowDeclaration {
                    isBelowDeclaration = !keywords.contains { line.contains($0) }
                } else if line.hasPrefix("///") {
                    isArgued = isArgued || line.contains("Threads:")
                } else if !line.hasPrefix("@") {
                    break
                }
                comment -= 1
            }
            return !isArgued
        }.map { $0 + 1 }
    }

    @Test func `have functions of at most 70 lines`() throws {
        for file in try SwiftFile.all(below: "Sources") + SwiftFile.all(below: "Tests") {
            for function in Self.functions(file) {
                let count = function.last - function.first + 1
                #expect(count <= 70, "\(file.path):\(function.first): \(count) lines")
            }
        }
    }

    /// The first and last line, from 1, of each function and initialiser with a body.
    ///
    /// A function begins at `func`, `init` or `deinit` as a word of its own, and its body is the first brace after
    /// that which no parenthesis holds. One without a body (in a protocol) ends where the next declaration begins.
    static func functions(_ file: SwiftFile) -> [(first: Int, last: Int)] {
        var found: [(first: Int, last: Int)] = []
        var open: [(line: Int, depth: Int)] = []
        var waiting: Int?
        var depth = 0
        var parentheses = 0
        for (index, line) in file.code.enumerated() {
            let words = line.split { !($0.isLetter || $0.isNumber || "_.`@".contains($0)) }
            if parentheses == 0 {
                if words.contains("func") || words.contains("deinit") || words.contains("init") {
                    waiting = index + 1
                } else if words.contains(where: { ["var", "let", "case"].contains($0) }) {
                    waiting = nil
                }
            }
            for character in line {
                switch character {
                case "(", "[": parentheses += 1
                case ")", "]": parentheses -= 1
                case "{":
                    depth += 1
                    if parentheses == 0, let first = waiting {
                        open.append((first, depth))
                        waiting = nil
                    }
                case "}":
                    if let last = open.last, last.depth == depth {
                        found.append((last.line, index + 1))
                        open.removeLast()
                    }
                    depth -= 1
                    if parentheses == 0 { waiting = nil }
                default: break
                }
            }
        }
        return found
    }

    @Test func `end with one newline and have no tab or trailing space`() throws {
        for file in try SwiftFile.all(below: "Sources") + SwiftFile.all(below: "Tests") {
            #expect(file.text.hasSuffix("\n"), "\(file.path) doesn't end with a newline")
            #expect(!file.text.hasSuffix("\n\n"), "\(file.path) ends with an empty line")
            for (index, line) in file.lines.enumerated() {
                let isClean = !line.contains("\t") && line.last != " " && line.last != "\r"
                #expect(isClean, "\(file.path):\(index + 1) has a tab or a trailing space")
            }
        }
    }

    @Test func `have a page for every library`() throws {
        let targets = Set(try SwiftFile.all(below: "Sources").map(\.target))
        for target in targets.subtracting(["carparkd"]).sorted() {
            let path = "Sources/\(target)/\(target).docc/\(target).md"
            let page = Repository.text(path) ?? ""
            #expect(page.contains("## Topics"), "\(path) is missing or has no '## Topics'")
        }
    }

    // MARK: The scanners themselves

    @Test(arguments: [
        ("a // b", "a     "),
        ("a /* b /* c */ d */ e", "a                   e"),
        (#"x("a{b}")"#, #"x(      )"#),
        (#"x("\(f("}"))") }"#, #"x(           ) }"#),
        (##"x(#"""#) }"##, "x(     ) }"),
        ("\"\"\"\n{\"\n\"\"\" }", "   \n  \n    }"),
        (#""\"{" }"#, "      }"),
    ]) func `are read without comments and strings`(text: String, code: String) {
        #expect(SwiftFile.blanked(text) == code)
    }

    @Test func `have their functions measured from the first line to the last`() {
        let file = SwiftFile(
            path: "Sources/A/A.swift",
            text: """
                protocol P {
                    func none()
                    var x: Int { get }
                }
                struct S {
                    init(
                        a: () -> Void = {},
                        b: Int
                    ) where Int: P {
                        func inner() { "}" }
                    }
                    var f: Int { 1 }
                }
                """
        )
        let functions = Self.functions(file).map { [$0.first, $0.last] }
        #expect(functions == [[10, 10], [6, 11]])
    }

    @Test(arguments: [
        ("/// Threads: one.\nfinal class A: @unchecked Sendable {", []),
        ("/// Threads: one.\n@safe\nfinal class A: @unchecked Sendable {", []),
        ("/// Threads: one.\nfinal class A:\n    B, @unchecked Sendable\n{", []),
        ("/// Says nothing.\nfinal class A: @unchecked Sendable {", [2]),
        ("/// Threads: of B.\nclass B {}\nfinal class A: @unchecked Sendable {", [3]),
        ("// Threads: no doc comment.\nfinal class A: @unchecked Sendable {", [2]),
        ("/// Not code: @unchecked Sendable\nclass A {}", []),
    ]) func `have the arguments of unchecked conformances found`(text: String, lines: [Int]) {
        let file = SwiftFile(path: "Sources/A/A.swift", text: text)
        #expect(Self.unarguedConformances(file) == lines)
    }
}
