/// One fact that a message told: the decoder's result and the ledger's input.
///
/// The bay or the counter that it is about travels beside it as bytes, since a name costs an allocation.
public enum Reading: Equatable, Sendable, BitwiseCopyable {
    /// A bay is occupied or vacant.
    case bay(occupied: Bool)
    /// A bay is still what it was; where nothing is known of it, this, or still nothing.
    case hold(otherwise: Bool?)
    /// The sensor lives, and says nothing of vehicles.
    case alive
    /// So many vehicles came in and went out since the last message.
    case movement(arrivals: Int, departures: Int)
    /// Totals since the sensor was born; a direction that it does not count is nil.
    case counter(arrivals: Int?, departures: Int?)
    /// So many bays are occupied now; may be negative as sent.
    case occupied(Int)
    /// So many bays are vacant now; may be negative or above the capacity as sent.
    case vacant(Int)
    /// The facility is open, closed or at fault.
    case state(OperatingState)

    /// Whether it gives what it is about a count of its own, which is worth more than the sum of bays.
    public var isCount: Bool {
        switch self {
        case .movement, .counter, .occupied, .vacant: true
        case .bay, .hold, .alive, .state: false
        }
    }
}
