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
    /// There are `limits.sensors` counting sensors already.
    case tooManySensors = "too many counting sensors"
    /// A movement was retained: nobody knows how often it was counted.
    case retainedMovement = "retained movement ignored"
    /// The sensor's number of this message was there before: a network delivered it twice.
    case repeatedMessage = "message repeated by its sensor or network"

    // Noted: the message counts, but something about it is wrong.

    /// The sensor's clock is more than five minutes ahead; the time of reception was taken.
    case futureClock = "sensor clock ahead"
    /// The sensor's clock was never set (before the year 2000); the time of reception was taken.
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

    /// Whether the message changed nothing.
    public var isRefusal: Bool {
        switch self {
        case .futureClock, .unsetClock, .unreadableTime, .counterReset, .counterJump,
            .missingMessages, .sequenceReset:
            false
        default: true
        }
    }
}
