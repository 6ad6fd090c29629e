import Glibc

/// The variables that the service manager hands to the process.
public enum Environment {
    /// The value of a variable, or nil where it is not set.
    ///
    /// Threads: any, as long as nobody calls `setenv`; nobody here does.
    public static func value(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
