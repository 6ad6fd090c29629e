extension Simulator {
    /// How the simulated sensors behave, and how often they misbehave.
    ///
    /// Units: probabilities are 0 to 1 and drawn for each message; rates "per day" are drawn for each sensor
    /// and refer to a simulated day.
    public struct Options: Equatable, Sendable {
        /// The quality of service of every message: 0 or 1.
        public var qualityOfService: UInt8 = 1

        /// The messages a second that are wanted on average, above 0; nil is real time.
        ///
        /// The simulated day is made to pass faster or slower until its average rate is near this one: twice the
        /// rate is half a day in the time of a whole one. Due and observed times stay in the caller's time,
        /// so whoever publishes each message when it is due sends this rate with current observation times.
        /// Whoever wants all that the machine can do asks for more than it can do: the observed times then lag
        /// behind the clock, and are never ahead of it. Delays of late messages and duplicates are not scaled.
        public var rate: Double?

        /// How many minutes the local clock, which the day's curve follows, is ahead of UTC.
        public var minutesAheadOfUTC = 0

        /// How often a bay repeats its state, and a facility its operating state, give or take a tenth.
        public var heartbeatInterval: Duration = .seconds(600)

        /// How often a counter, a level or an interval of movements is sent, give or take a tenth.
        public var reportInterval: Duration = .seconds(60)

        /// How likely a message is sent a second time, unchanged, within two seconds.
        public var duplicateProbability = 0.005

        /// How likely a message is held back for ``lateDelay`` and sent with its old observation time.
        ///
        /// Only where the rule reads an observation time: without one nobody could tell that it is late.
        public var lateProbability = 0.005

        /// How long a late message is held back.
        public var lateDelay: ClosedRange<Duration> = .seconds(5) ... .seconds(300)

        /// How often a day a sensor dies: it says nothing for ``silence``.
        ///
        /// A counter goes on counting meanwhile, a gate forgets what passed, a bay then tells its state.
        public var deathsPerDay = 0.01

        /// How long a dead sensor says nothing.
        public var silence: ClosedRange<Duration> = .seconds(3600) ... .seconds(8 * 3600)

        /// How often a day a counter starts again at 0.
        public var resetsPerDay = 0.05

        /// How often a day a facility with a state sensor closes, or reports a fault (one time in five).
        public var closuresPerDay = 0.2

        /// Whether state messages are retained, as signs that must know the state at once would have it.
        public var retainsState = true

        /// How the facilities that could be sensed in several ways are shared among those ways.
        public var shares = Shares()

        /// The weights of the ways in which a facility can be sensed; only their ratios count.
        public struct Shares: Equatable, Sendable {
            /// A sensor in every bay.
            public var bays = 0.4
            /// Counters at the entrances whose totals never end.
            public var counters = 0.25
            /// Gates that tell each movement, or those of an interval.
            public var gates = 0.2
            /// A system that tells the number of vehicles.
            public var levels = 0.15

            /// The usual weights.
            public init() {}
        }

        /// The usual behaviour.
        public init() {}

        /// Sensors without a fault: no duplicate, nothing late, no death, no reset, no closure.
        public static var faultless: Options {
            var options = Options()
            options.duplicateProbability = 0
            options.lateProbability = 0
            options.deathsPerDay = 0
            options.resetsPerDay = 0
            options.closuresPerDay = 0
            return options
        }
    }
}
