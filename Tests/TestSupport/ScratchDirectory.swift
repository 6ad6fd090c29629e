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

    deinit {
        if let device = Files.status(path)?.st_dev { Self.remove(path, on: device) }
    }

    /// The path of something in it.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, in place of what it was, and returns its path.
    @discardableResult public func write(_ bytes: [UInt8], to name: String) -> String {
        let file = unsafe open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        precondition(file >= 0, "\(path(name)) can't be opened")
        defer { close(file) }
        let written = unsafe Glibc.write(file, bytes, bytes.count)
        precondition(written == bytes.count, "\(path(name)) can't be written")
        return path(name)
    }

    /// Writes a text, in place of what the file was, and returns its path.
    @discardableResult public func write(_ text: String, to name: String) -> String {
        write(Array(text.utf8), to: name)
    }

    /// The content of a file; nil where there is none.
    public func read(_ name: String) -> [UInt8]? { Files.read(path(name)) }

    /// The text of a file; nil where there is none.
    public func text(_ name: String) -> String? {
        read(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What the file system knows of a file; nil where there is none.
    public func status(_ name: String) -> stat? { Files.status(path(name)) }

    /// When a file was last modified, in seconds since 1970; nil where there is none.
    public func modificationSeconds(_ name: String) -> Int? { status(name)?.st_mtim.tv_sec }

    /// The names in a folder of it, sorted.
    public func names(in folder: String = ".") -> [String] { Files.names(in: path(folder)) }

    /// Removes what lies on the test's own file system, and not what is mounted there.
    private static func remove(_ path: String, on device: dev_t) {
        guard let status = Files.status(path), status.st_dev == device else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in Files.names(in: path) { remove("\(path)/\(name)", on: device) }
            unsafe _ = rmdir(path)
        } else {
            unsafe _ = unlink(path)
        }
    }
}
