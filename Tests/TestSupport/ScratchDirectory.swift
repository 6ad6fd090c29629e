public import Glibc

/// A directory of one test, removed with everything in it.
public final class ScratchDirectory: Sendable {
    /// Where it is.
    public let path: String

    /// A new, empty directory.
    public init() {
        var template = Array("/tmp/carparkd-test-XXXXXX".utf8CString)
        let isMade = unsafe mkdtemp(&template) != nil
        precondition(isMade, "no directory can be made in /tmp")
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { Self.remove(path) }

    /// The path of something in it.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, in place of what it was.
    public func write(_ bytes: [UInt8], to name: String) {
        let file = unsafe open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        precondition(file >= 0, "\(path(name)) can't be opened")
        defer { close(file) }
        let written = unsafe Glibc.write(file, bytes, bytes.count)
        precondition(written == bytes.count, "\(path(name)) can't be written")
    }

    /// The content of a file; nil where there is none.
    public func read(_ name: String) -> [UInt8]? { Files.read(path(name)) }

    /// What the file system knows of a file; nil where there is none.
    public func status(_ name: String) -> stat? {
        var status = stat()
        return unsafe lstat(path(name), &status) == 0 ? status : nil
    }

    /// The names in a folder of it, sorted.
    public func names(in folder: String = ".") -> [String] { Files.names(in: path(folder)) }

    private static func remove(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in Files.names(in: path) { remove("\(path)/\(name)") }
            unsafe _ = rmdir(path)
        } else {
            unsafe _ = unlink(path)
        }
    }
}
