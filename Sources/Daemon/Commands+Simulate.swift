/// How the simulated sensors publish.
public struct SimulationOptions: Sendable {
    /// A placeholder until the publisher is there.
    public init(
        seed: UInt64,
        rate: Double?,
        isFlood: Bool,
        count: Int?,
        qualityOfService: UInt8,
        username: String?,
        passwordFile: String?
    ) {}
}

extension Commands {
    /// Not yet.
    public static func simulate(configurationPath: String, options: SimulationOptions) async
        -> ExitStatus
    { .failure }
}
