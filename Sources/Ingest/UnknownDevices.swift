import Occupancy
public import Parking
import Synchronization

/// Devices that send messages and are not in the registry, for the person who forgot to enter them.
///
/// **Shape.** At most ``capacity`` devices, the first that came; messages of those beyond are counted as ``others``. Millions of names
/// are an attack or a fault, and no list of them helps anybody.
///
/// **Threads.** Any. A mutex: such a message is refused, and a refusal is not the stream.
public final class UnknownDevices: Sendable {
    /// A device that the registry does not have.
    public struct Device: Equatable, Sendable {
        /// Its name, as bytes from the network.
        public var name: [UInt8]
        /// The number of the rule that read its last message.
        public var rule: Int
        /// The topic of its last message, as bytes from the network; cut to ``IncidentLog/topicBytes``.
        public var topic: [UInt8]
        /// How many messages it sent.
        public var messages: Int
        /// When it last did, in milliseconds since 1970 (UTC).
        public var heardMilliseconds: Int64
    }

    /// The longest name, in bytes; one with a longer name is among the others.
    public static let maximumNameBytes = 255

    /// The most devices that are kept.
    public var capacity: Int { names.capacity }

    private let names: NameTable
    private let state = Mutex(State())

    private struct State {
        /// By the numbers that ``names`` gave.
        var devices: [Device] = []
        var others = 0
    }

    /// A table for at most so many devices.
    public init(capacity: Int = 1000) {
        names = NameTable(capacity: min(capacity, NameTable.maximumCapacity))
    }

    /// Takes note of a message of a device that the registry does not have.
    public func record(
        _ device: Span<UInt8>,
        rule: Int,
        topic: Span<UInt8>,
        at now: Moment
    ) {
        state.withLock { state in
            guard device.count <= Self.maximumNameBytes, let number = names.insert(device) else {
                state.others += 1
                return
            }
            // Numbers are given in order, and nobody inserts but here, under the lock.
            if number == state.devices.count {
                state.devices.append(
                    Device(
                        name: device.indices.map { device[$0] },
                        rule: rule,
                        topic: [],
                        messages: 0,
                        heardMilliseconds: 0
                    )
                )
            }
            state.devices[number].rule = rule
            state.devices[number].messages += 1
            state.devices[number].heardMilliseconds = now.wallMilliseconds
            state.devices[number].topic.removeAll(keepingCapacity: true)
            for index in 0..<min(topic.count, IncidentLog.topicBytes) {
                state.devices[number].topic.append(topic[index])
            }
        }
    }

    /// The devices, in the order in which they were first heard.
    public var devices: [Device] { state.withLock { $0.devices } }

    /// How many messages came from devices beyond the capacity.
    public var others: Int { state.withLock { $0.others } }
}
