import CLinux
import Glibc

/// An error number of the kernel, with its words.
///
/// Source: errno(3).
public struct SystemErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int32

    /// The error of this number.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The error of the last call on this thread; read it at once.
    static var last: SystemErrorCode { SystemErrorCode(rawValue: errno) }

    /// The C name: `ENOENT`.
    public var name: String {
        unsafe String(cString: clinux_error_name(rawValue))
    }

    /// Words and name: `No such file or directory (ENOENT)`.
    public var description: String {
        unsafe "\(String(cString: clinux_error_words(rawValue))) (\(name))"
    }
}
