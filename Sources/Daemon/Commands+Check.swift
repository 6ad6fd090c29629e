import Configuration

extension Commands {
    /// Checks a configuration and prints every complaint to standard error, or a summary to standard output.
    public static func check(configurationPath: String) -> ExitStatus {
        guard let configuration = load(configurationPath) else { return .configuration }
        print(configuration.summary)
        return .success
    }

    /// The configuration, or nil after every complaint was printed.
    ///
    /// - Parameter consequence: What becomes of us without it.
    static func load(
        _ path: String,
        consequence: String = "nothing was started"
    ) -> Configuration? {
        do { return try read(path, consequence: consequence) } catch { return nil }
    }

    /// The configuration.
    ///
    /// - Throws: All complaints, after they were printed.
    static func read(
        _ path: String,
        consequence: String
    ) throws(ConfigurationError) -> Configuration {
        do {
            return try Configuration.load(path: path)
        } catch {
            for complaint in error.complaints { Console.error("\(complaint)") }
            let count = error.complaints.count
            Console.error("\(count) \(count == 1 ? "mistake" : "mistakes"); \(consequence)")
            throw error
        }
    }
}
