public import Parking
import Synchronization

/// Devices that send messages and are not in the registry, for the person who forgot to enter them.
///
/// **Shape.** At most ``capacity`` devices. A new one takes the place of that which was not heard longest, whose messages are counted as
/// ``others`` from then on: invented names give way to a device that speaks today.
///
/// **Cost.** The same for each message, however many devices there are: a table of names, and a list by the time of the last message.
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
    public let capacity: Int

    private let state = Mutex(State())

    /// A device between those that were heard before and after it.
    private struct Row {
        var device: Device
        var older: Int?
        var newer: Int?
    }

    private struct State {
        var rows: [Row] = []
        var numbers: [[UInt8]: Int] = [:]
        var oldest: Int?
        var newest: Int?
        var others = 0

        mutating func unlink(_ number: Int) {
            let row = rows[number]
            if let older = row.older { rows[older].newer = row.newer } else { oldest = row.newer }
            if let newer = row.newer { rows[newer].older = row.older } else { newest = row.older }
        }

        mutating func append(_ number: Int) {
            rows[number].older = newest
            rows[number].newer = nil
            if let newest { rows[newest].newer = number } else { oldest = number }
            newest = number
        }

        /// The row of a new device: one more, or that of the device that was not heard longest.
        mutating func insert(_ device: Device, capacity: Int) -> Int {
            guard rows.count == capacity, let oldest else {
                rows.append(Row(device: device))
                return rows.count - 1
            }
            unlink(oldest)
            others += rows[oldest].device.messages
            numbers[rows[oldest].device.name] = nil
            rows[oldest].device = device
            return oldest
        }
    }

    /// A table for at most so many devices.
    public init(capacity: Int = 1000) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    /// Takes note of a message of a device that the registry does not have.
    public func record(
        _ device: Span<UInt8>,
        rule: Int,
        topic: Span<UInt8>,
        at now: Moment
    ) {
        let name = device.indices.prefix(Self.maximumNameBytes + 1).map { device[$0] }
        state.withLock { state in
            guard name.count <= Self.maximumNameBytes else {
                state.others += 1
                return
            }
            let number: Int
            if let known = state.numbers[name] {
                number = known
                state.unlink(number)
            } else {
                let device = Device(
                    name: name,
                    rule: rule,
                    topic: [],
                    messages: 0,
                    heardMilliseconds: 0
                )
                number = state.insert(device, capacity: capacity)
                state.numbers[name] = number
            }
            state.append(number)
            state.rows[number].device.rule = rule
            state.rows[number].device.messages += 1
            state.rows[number].device.heardMilliseconds = now.wallMilliseconds
            state.rows[number].device.topic.removeAll(keepingCapacity: true)
            for index in 0..<min(topic.count, IncidentLog.topicBytes) {
                state.rows[number].device.topic.append(topic[index])
            }
        }
    }

    /// The devices, the last that was heard first.
    public var devices: [Device] {
        state.withLock { state in
            var devices: [Device] = []
            var next = state.newest
            while let number = next {
                devices.append(state.rows[number].device)
                next = state.rows[number].older
            }
            return devices
        }
    }

    /// How many messages came from devices that gave way to others, or whose names are too long.
    public var others: Int { state.withLock { $0.others } }
}
