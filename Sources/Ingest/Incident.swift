/// Something wrong with a message.
///
/// The raw value is what the log and the status say.
public enum Incident: String, Error, Sendable, CaseIterable {
    // Refused: the message changed nothing.

    /// No rule reads this topic, though a filter of ours matches it.
    case noRule = "no rule for this topic"
    /// The topic is longer than `limits.topic_bytes`.
    case topicTooLong = "topic too long"
    /// The payload is longer than `limits.payload_bytes`.
    case payloadTooLarge = "payload too large"
    /// The payload has more levels than `limits.json_depth`.
    case payloadTooDeep = "payload nested too deeply"
    /// The payload is not JSON.
    case notJSON = "payload is not JSON"
    /// The payload, or a string in it, is not UTF-8.
    case notUTF8 = "payload is not UTF-8"
    /// Memory was short while the payload was read.
    case noMemory = "out of memory"
    /// The message names a facility that the configuration does not have.
    case unknownFacility = "unknown facility"
    /// A field that the rule names is absent or null.
    case fieldMissing = "field missing"
    /// A field has another type than the reading needs.
    case fieldHasWrongType = "field has the wrong type"
    /// A field has a word that the rule gives no meaning.
    case unknownWord = "word without a meaning"
    /// A number is outside the range of its reading.
    case outOfRange = "number out of range"
    /// A bay's name is empty or longer than 255 bytes.
    case badBayName = "bay name empty or too long"
    /// The facility has `limits.bays` bays already.
    case tooManyBays = "too many bays"
    /// There are `limits.sensors` sensors that count, or that number their messages, already; or `limits.bays` in this facility.
    case tooManySensors = "too many counting or numbering sensors"
    /// A movement was retained: nobody knows how often it was counted.
    case retainedMovement = "retained movement ignored"
    /// The sensor's number of this message was there before: a network delivered it twice.
    case repeatedMessage = "message repeated by its sensor or network"

    /// The message names a device that the registry does not have.
    case unknownDevice = "unknown device"
    /// A device's name is empty or longer than 255 bytes.
    case badDeviceName = "device name empty or too long"
    /// The message names a zone that the facility does not have.
    case unknownZone = "unknown zone"
    /// An array has more elements than are read of one.
    case tooManyElements = "too many elements in an array"
    /// A total in a list has no time, or none that can be: whether it is older than another one nobody can tell.
    case untimedTotal = "total in a list without a usable time"
    /// The part of the facility has no capacity of its own: what is free of it, or how many a percentage is, nobody can tell.
    case noCapacity = "free or percent of what has no capacity"
    /// The network server has no decoder for the sensor, so that its payload is bytes that nobody reads.
    case notDecoded = "payload not decoded by the network server"

    // Ignored: the message is as it should be, and is not about parking.

    /// The topic is that of a rule, but no rule's conditions hold.
    case noCondition = "no rule's conditions hold"
    /// The device watches a bay, and what it counts besides is no count of the car park around it.
    case countOfBay = "count of a device that watches a bay"
    /// The network server tells of something else than a message of the sensor.
    case notAnUplink = "event of the network server, no uplink"
    /// Somebody tried something out in the network server's console.
    case simulated = "simulated by the network server"
    /// The number is a code by which the sensor says that it began anew.
    case resetCode = "sensor began anew, no count"
    /// The network server saw the sensor's frame counter begin anew.
    case frameCounterReset = "network server saw a frame counter reset"
    /// The network server dropped a message that it had already.
    case retransmission = "network server dropped a retransmission"
    /// The network server wrote something else into its log of the device.
    case networkServerTrouble = "trouble in the network server's log"

    // Noted: the message counts, but something about it is wrong.

    /// The sensor's clock is more than five minutes ahead; the time of reception was taken.
    case futureClock = "sensor clock ahead"
    /// The sensor's clock was never set (before the year 2000, or more than a year ago); the time of reception was taken.
    case unsetClock = "sensor clock not set"
    /// The time is there but unreadable; the time of reception was taken.
    case unreadableTime = "time unreadable"
    /// A counter began anew; what it missed is unknown and counts nothing.
    case counterReset = "counter reset"
    /// A counter jumped further than vehicles can drive; the difference counts nothing.
    case counterJump = "counter jumped"
    /// Numbers were skipped: so many messages of the sensor were lost on the way, or are late.
    case missingMessages = "messages missing between two numbers"
    /// The sensor began to number its messages anew.
    case sequenceReset = "message numbers began anew"

    /// What became of the message.
    public enum Outcome: Sendable {
        /// It changed nothing, and somebody should look why.
        case refused
        /// It changed nothing, and was not meant to.
        case ignored
        /// It counts.
        case counted
    }

    /// What became of the message.
    public var outcome: Outcome {
        switch self {
        case .futureClock, .unsetClock, .unreadableTime, .counterReset, .counterJump,
            .missingMessages, .sequenceReset:
            .counted
        case .noCondition, .countOfBay, .notAnUplink, .simulated, .resetCode, .frameCounterReset,
            .retransmission, .networkServerTrouble:
            .ignored
        default: .refused
        }
    }

    /// Whether the message changed nothing, and somebody should look why.
    public var isRefusal: Bool { outcome == .refused }
}
