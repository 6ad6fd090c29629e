internal import Glibc

extension Configuration {
    /// Reads and checks the configuration in a file.
    ///
    /// - Throws: Everything that is wrong with it. The daemon ends with status 78, or keeps the configuration it has.
    public static func load(path: String) throws(ConfigurationError) -> Configuration {
        try parse(bytes(of: path), file: path)
    }

    /// Checks a configuration that was read from `file`.
    ///
    /// - Throws: Everything that is wrong with it.
    public static func parse(
        _ text: String,
        file: String
    ) throws(ConfigurationError) -> Configuration {
        try parse(Array(text.utf8), file: file)
    }

    /// Checks the bytes of a configuration that was read from `file`.
    ///
    /// - Throws: Everything that is wrong with it.
    public static func parse(
        _ bytes: [UInt8],
        file: String
    ) throws(ConfigurationError) -> Configuration {
        let document = try YAMLDocument(bytes, file: file)
        let list = ComplaintList(file: file)
        let root = Element(node: document.root, path: "", list: list)
        let configuration = ConfigurationReader().configuration(root)
        guard list.complaints.isEmpty else { throw ConfigurationError(list.complaints) }
        guard let configuration else {
            fatalError("\(file) was refused without a complaint")
        }
        return configuration
    }

    /// The bytes of a file, one more than allowed at most.
    private static func bytes(of path: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw unreadable(path, errno) }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while result.count <= YAMLDocument.maximumBytes {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw unreadable(path, code)
            }
            if count == 0 { break }
            result.append(contentsOf: buffer[..<count])
        }
        return result
    }

    private static func unreadable(_ path: String, _ code: Int32) -> ConfigurationError {
        let reason = unsafe String(cString: strerror(code))
        return ConfigurationError([
            Complaint(
                file: path,
                line: 0,
                column: 0,
                path: "",
                message: "the file cannot be read: \(reason)"
            )
        ])
    }
}
