import Glibc

/// A file that a reader has open: it stays the same one when its name is given to another.
struct OpenFile: ~Copyable {
    struct Missing: Error {
        let path: String
    }

    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { throw Missing(path: path) }
    }

    deinit {
        close(descriptor)
    }

    func modificationSeconds() -> Int {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? status.st_mtim.tv_sec : 0
    }

    func content() -> [UInt8] {
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe read(descriptor, &buffer, buffer.count), count > 0 {
            content.append(contentsOf: buffer[..<count])
        }
        return content
    }
}
