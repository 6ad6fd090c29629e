internal import Glibc

/// Reads a file that a configuration names: the bytes of `path`, and one more than `maximumBytes` at most.
public typealias FileReader = (
    _ path: String, _ maximumBytes: Int
) throws(UnreadableFile) -> [UInt8]

/// A file that could not be read.
public struct UnreadableFile: Error, Equatable, Sendable {
    /// Why, in the system's words.
    public let reason: String

    /// A file that could not be read for this reason.
    public init(reason: String) {
        self.reason = reason
    }
}

extension Configuration {
    /// Reads and checks the configuration in a file.
    ///
    /// - Throws: Everything that is wrong with it. The daemon ends with status 78, or keeps the configuration it has.
    public static func load(path: String) throws(ConfigurationError) -> Configuration {
        let bytes: [UInt8]
        do {
            bytes = try content(path, maximumBytes: YAMLDocument.maximumBytes)
        } catch {
            throw ConfigurationError([
                Complaint(
                    file: path,
                    line: 0,
                    column: 0,
                    path: "",
                    message: "the file cannot be read: \(error.reason)"
                )
            ])
        }
        return try parse(bytes, file: path, read: content)
    }

    /// Checks a configuration that was read from `file`.
    ///
    /// - Parameter read: Reads the files that it names; by default there are none.
    /// - Throws: Everything that is wrong with it.
    public static func parse(
        _ text: String,
        file: String,
        read: @escaping FileReader = noFile
    ) throws(ConfigurationError) -> Configuration {
        try parse(Array(text.utf8), file: file, read: read)
    }

    /// Checks the bytes of a configuration that was read from `file`.
    ///
    /// - Parameter read: Reads the files that it names; by default there are none.
    /// - Throws: Everything that is wrong with it.
    public static func parse(
        _ bytes: [UInt8],
        file: String,
        read: @escaping FileReader = noFile
    ) throws(ConfigurationError) -> Configuration {
        let document = try YAMLDocument(bytes, file: file)
        let list = ComplaintList(file: file)
        let root = Element(node: document.root, path: "", list: list)
        let configuration = ConfigurationReader(read: read).configuration(root)
        guard list.complaints.isEmpty else { throw ConfigurationError(list.complaints) }
        guard let configuration else {
            fatalError("\(file) was refused without a complaint")
        }
        return configuration
    }

    /// A reader for a text that stands alone.
    ///
    /// - Throws: ``UnreadableFile``, always.
    public static func noFile(
        _ path: String,
        maximumBytes: Int
    ) throws(UnreadableFile) -> [UInt8] {
        throw UnreadableFile(reason: "only the text of the configuration is at hand")
    }

    /// The bytes of a file of the system, one more than allowed at most.
    ///
    /// - Throws: ``UnreadableFile`` with the system's reason.
    public static func content(
        _ path: String,
        maximumBytes: Int
    ) throws(UnreadableFile) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while result.count <= maximumBytes {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw unreadable(code)
            }
            if count == 0 { break }
            result.append(contentsOf: buffer[..<count])
        }
        return result
    }

    private static func unreadable(_ code: Int32) -> UnreadableFile {
        UnreadableFile(reason: unsafe String(cString: strerror(code)))
    }
}
