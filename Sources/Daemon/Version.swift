/// The version of carparkd.
public enum Version {
    /// The number, as in `CHANGELOG.md`.
    public static let current = "0.1.0"
}
