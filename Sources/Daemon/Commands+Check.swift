import Configuration

extension Commands {
    /// Checks a configuration and prints every complaint to standard error, or a summary to standard output.
    public static func check(configurationPath: String) -> ExitStatus {
        do {
            let configuration = try Configuration.load(path: configurationPath)
            print(configuration.summary)
            return .success
        } catch {
            return refuse(error)
        }
    }

    static func refuse(_ error: ConfigurationError) -> ExitStatus {
        for complaint in error.complaints { Console.error("\(complaint)") }
        let count = error.complaints.count
        Console.error("\(count) \(count == 1 ? "mistake" : "mistakes"); nothing was started")
        return .configuration
    }
}
