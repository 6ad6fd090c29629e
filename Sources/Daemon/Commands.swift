import Glibc
import Logs

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

    /// A text from the network, fit for a terminal: what steers it, is invisible or turns the direction of text is escaped.
    static func visible(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            scalar.isVisible ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }.joined()
    }
}
