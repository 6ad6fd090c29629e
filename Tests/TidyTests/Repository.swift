import Glibc
import Testing

/// The files of the project, read without a library that the project keeps out.
enum Repository {
    /// The directory of `Package.swift`.
    static let root: String = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// The names in a directory below the root, in order; empty where there is none.
    static func entries(of directory: String) -> [String] {
        guard let stream = unsafe opendir("\(root)/\(directory)") else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The paths of all files below a directory, relative to the root, in order.
    static func files(below directory: String) -> [String] {
        entries(of: directory).filter { !$0.hasPrefix(".build") }.flatMap { name -> [String] in
            let path = "\(directory)/\(name)"
            return isDirectory(path) ? files(below: path) : [path]
        }
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat("\(root)/\(path)", &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The text of a file; nil where there is none.
    static func text(_ path: String) -> String? {
        guard let file = unsafe fopen("\(root)/\(path)", "r") else { return nil }
        defer { unsafe fclose(file) }
        return unsafe read(file)
    }

    /// The paths that git keeps.
    static func tracked() throws -> [String] {
        let command = "git -C '\(root)' ls-files"
        guard let pipe = unsafe popen(command, "r") else {
            Issue.record("no process for '\(command)': errno \(errno)")
            return []
        }
        let output = unsafe read(pipe)
        let status = unsafe pclose(pipe)
        try #require(status == 0, "'\(command)' failed")
        return output.split(separator: "\n").map(String.init)
    }

    private static func read(_ file: UnsafeMutablePointer<FILE>) -> String {
        var bytes: [UInt8] = []
        while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A Swift file of the project.
struct SwiftFile {
    let path: String
    let text: String

    /// The folder below `Sources` or `Tests` in which it lies.
    var target: String { String(path.split(separator: "/")[1]) }

    /// The code, line by line, with comments and the contents of string literals blanked.
    let code: [Substring]

    /// The text, line by line.
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = Self.blanked(text).split(separator: "\n", omittingEmptySubsequences: false)
    }

    static func all(below directory: String) throws -> [SwiftFile] {
        let paths = Repository.files(below: directory).filter { $0.hasSuffix(".swift") }
        try #require(!paths.isEmpty, "\(directory) has no Swift file")
        return try paths.map { path in
            SwiftFile(path: path, text: try #require(Repository.text(path)))
        }
    }

    /// The text with a space for each character of a comment or inside a string literal.
    ///
    /// Knows `//`, nested `/* */`, `"…"`, `"""…"""` and their raw forms; what an interpolation holds is blanked too.
    static func blanked(_ text: String) -> String {
        var scanner = Scanner(Array(text.utf8))
        scanner.run()
        return String(decoding: scanner.output, as: UTF8.self)
    }

    private struct Scanner {
        private let input: [UInt8]
        private var index = 0
        private(set) var output: [UInt8] = []

        init(_ input: [UInt8]) { self.input = input }

        mutating func run() {
            while index < input.count {
                if has("//") {
                    while index < input.count, input[index] != UInt8(ascii: "\n") { blank(1) }
                } else if has("/*") {
                    comment()
                } else if let hashes = literalHashes() {
                    literal(hashes: hashes)
                } else {
                    output.append(input[index])
                    index += 1
                }
            }
        }

        private func has(_ text: String, at offset: Int = 0) -> Bool {
            input[min(index + offset, input.count)...].starts(with: text.utf8)
        }

        private mutating func blank(_ count: Int) {
            for _ in 0..<min(count, input.count - index) {
                let isNewline = input[index] == UInt8(ascii: "\n")
                output.append(isNewline ? input[index] : UInt8(ascii: " "))
                index += 1
            }
        }

        private mutating func comment() {
            var depth = 0
            repeat {
                if has("/*") {
                    depth += 1
                    blank(2)
                } else if has("*/") {
                    depth -= 1
                    blank(2)
                } else {
                    blank(1)
                }
            } while depth > 0 && index < input.count
        }

        /// The number of `#` before the quote of a literal that begins here; nil where none does.
        private func literalHashes() -> Int? {
            var hashes = 0
            while has("#", at: hashes) { hashes += 1 }
            return has("\"", at: hashes) ? hashes : nil
        }

        private mutating func literal(hashes: Int) {
            let fence = String(repeating: "#", count: hashes)
            blank(hashes)
            let quotes = has("\"\"\"\n") ? "\"\"\"" : "\""
            blank(quotes.utf8.count)
            while index < input.count, !has(quotes + fence) {
                if has("\\\(fence)(") {
                    blank(1 + hashes)
                    interpolation()
                } else {
                    blank(has("\\\(fence)") ? 2 + hashes : 1)
                }
            }
            blank(quotes.utf8.count + hashes)
        }

        private mutating func interpolation() {
            var depth = 0
            repeat {
                if let hashes = literalHashes() {
                    literal(hashes: hashes)
                    continue
                }
                if has("(") { depth += 1 }
                if has(")") { depth -= 1 }
                blank(1)
            } while depth > 0 && index < input.count
        }
    }
}
