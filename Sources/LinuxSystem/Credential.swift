import Glibc

/// Where a secret is read from: never the secret itself.
public enum Credential: Hashable, Sendable {
    /// A name in `$CREDENTIALS_DIRECTORY` (`LoadCredential=` of the unit).
    case named(String)
    /// A file by its path.
    case file(String)

    /// The longest secret that is read.
    public static let maximumBytes = 65_536

    /// The file that holds it.
    ///
    /// - Throws: ``CredentialError/directoryNotSet(name:)`` or ``CredentialError/unusableName(_:)``;
    ///   tell the operator.
    public func path(
        environment: (String) -> String? = Environment.value
    ) throws(CredentialError) -> String {
        switch self {
        case .file(let path): return path
        case .named(let name):
            guard !name.isEmpty, name != ".", name != "..",
                name.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 != 0 })
            else { throw .unusableName(name) }
            guard let directory = environment("CREDENTIALS_DIRECTORY"), !directory.isEmpty else {
                throw .directoryNotSet(name: name)
            }
            return "\(directory)/\(name)"
        }
    }

    /// Reads the secret, without the line end that an editor left behind it.
    ///
    /// - Throws: A ``CredentialError``; tell the operator.
    public func read(
        environment: (String) -> String? = Environment.value
    ) throws(CredentialError) -> [UInt8] {
        let path = try path(environment: environment)
        var bytes: [UInt8]
        do throws(FileError) {
            // Without O_NONBLOCK a FIFO in the place of the file would hold the start up for ever.
            let file = try FileDescriptor(opening: path, flags: O_RDONLY | O_NONBLOCK)
            bytes = try Self.content(of: file, path: path)
        } catch {
            guard case .system(let code) = error.reason else { throw .missing(path: path) }
            throw code.rawValue == ENOENT
                ? .missing(path: path) : .unreadable(path: path, code)
        }
        guard bytes.count <= Self.maximumBytes else { throw .tooLarge(path: path) }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty else { throw .empty(path: path) }
        // C libraries take a secret as a string that ends at the first NUL: a shorter secret than was meant.
        guard !bytes.contains(0) else { throw .containsNUL(path: path) }
        return bytes
    }

    private static func content(
        of file: FileDescriptor,
        path: String
    ) throws(FileError) -> [UInt8] {
        do throws(SystemFailure) {
            return try file.read(limit: maximumBytes + 1)
        } catch {
            throw FileError(path: path, operation: .open, code: error.code)
        }
    }
}

/// Why a secret could not be read.
///
/// No message contains any of it.
public enum CredentialError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The configuration names a credential, but the service manager passed no directory of them.
    case directoryNotSet(name: String)
    /// This can't be the name of a file.
    case unusableName(String)
    /// There is no such file.
    case missing(path: String)
    /// The kernel refused to read it.
    case unreadable(path: String, SystemErrorCode)
    /// There is nothing in it.
    case empty(path: String)
    /// It is longer than ``Credential/maximumBytes``.
    case tooLarge(path: String)
    /// It contains a NUL byte.
    case containsNUL(path: String)

    /// One line: what is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .directoryNotSet(let name):
            "credential '\(name)': CREDENTIALS_DIRECTORY is not set; "
                + "add LoadCredential=\(name):PATH to the unit, or name a file: {file: PATH}"
        case .unusableName(let name):
            "credential '\(name)': this is no file name; name it as LoadCredential= does"
        case .missing(let path):
            "\(path): no such credential; add LoadCredential= to the unit, or create the file"
        case .unreadable(let path, let code):
            "\(path): cannot read the credential: \(code); let the service's user read it"
        case .empty(let path):
            "\(path): the credential is empty; write the secret into it"
        case .tooLarge(let path):
            "\(path): the credential is longer than \(Credential.maximumBytes) bytes; is it the right file?"
        case .containsNUL(let path):
            "\(path): the credential contains a NUL byte; write it as text"
        }
    }
}
