import Glibc

/// The lines of a file or of standard input, one at a time, within a bound.
struct LineReader: ~Copyable {
    /// A line, or what is left of one that is too long.
    enum Line: Equatable {
        case text([UInt8])
        case tooLong
    }

    /// Why the input can't be read.
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32

        var description: String {
            "\(path): \(unsafe String(cString: strerror(code))); name a readable file, or - for standard input"
        }
    }

    private let path: String
    private let descriptor: Int32
    private let maximumBytes: Int
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var isSkipping = false

    /// Opens a file; `-` is standard input.
    init(path: String, maximumBytes: Int) throws(Failure) {
        self.path = path
        self.maximumBytes = maximumBytes
        descriptor = path == "-" ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw Failure(path: path, code: errno) }
    }

    deinit {
        if descriptor != STDIN_FILENO { close(descriptor) }
    }

    /// The next line without its end; nil at the end of the input.
    mutating func next() throws(Failure) -> Line? {
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[start..<end])
                start = end + 1
                if isSkipping {
                    isSkipping = false
                    return .tooLong
                }
                return .text(line)
            }
            if isAtEnd {
                guard start < buffer.count || isSkipping else { return nil }
                let line = Array(buffer[start...])
                start = buffer.count
                defer { isSkipping = false }
                return isSkipping ? .tooLong : .text(line)
            }
            try fill()
        }
    }

    private mutating func fill() throws(Failure) {
        buffer.removeSubrange(..<start)
        start = 0
        if buffer.count > maximumBytes {
            isSkipping = true
            buffer.removeAll(keepingCapacity: true)
        }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe chunk.withUnsafeMutableBytes {
            unsafe read(descriptor, $0.baseAddress, $0.count)
        }
        if count < 0, errno == EINTR { return }
        guard count >= 0 else { throw Failure(path: path, code: errno) }
        if count == 0 { isAtEnd = true }
        buffer.append(contentsOf: chunk[..<count])
    }
}
