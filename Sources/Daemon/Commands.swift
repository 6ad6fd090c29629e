import Glibc

/// What each subcommand does: everything but its arguments.
public enum Commands {}

/// Lines for the person at the terminal.
enum Console {
    /// Writes a line to standard error.
    static func error(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes {
                unsafe write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
            guard written > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(0, written))
        }
    }

    /// A text from the network, fit for a terminal: control characters and broken UTF-8 are escaped.
    static func visible(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar -> String in
                let isBidirectional =
                    (0x202A...0x202E).contains(scalar.value)
                    || (0x2066...0x2069).contains(scalar.value)
                let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                return isControl || isBidirectional
                    ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }.joined()
        )
    }
}
