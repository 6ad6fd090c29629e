import JSONDocument
import Parking

/// The fields of an envelope that are read for their own sake, as compiled pointers.
///
/// Only these are read of an envelope: who sent it is known from the topic, and where the gateways stand is nobody's business.
///
/// Source: The Things Stack documentation, "Data formats"; ChirpStack v4 documentation, "Event types".
struct EnvelopePointers: Sendable {
    /// The object that makes the message an uplink; nil where everything is one.
    let uplink: JSONPointer?
    /// Set where a person tried something out in the server's console.
    let simulated: JSONPointer?
    /// The sensor's frame counter: 32 bits, 0 left out.
    let frameCounter: JSONPointer
    /// What tells a frame counter from the same one of another message.
    let message: JSONPointer
    /// What stays the same for all messages of a session, and is another after the sensor joined anew.
    let session: JSONPointer
    /// When the message was received, by the clock to be trusted most; the first that is there.
    let times: [JSONPointer]
    /// What the sensor sent, as it sent it; left out or empty where that was nothing but an answer to its network.
    let payload: JSONPointer
    /// What the sensor's decoder made of the payload.
    let contents: JSONPointer

    static let theThingsStack = EnvelopePointers(
        uplink: "/uplink_message",
        simulated: "/simulated",
        frameCounter: "/uplink_message/f_cnt",
        message: "/uplink_message/received_at",
        session: "/uplink_message/session_key_id",
        // The network server's clock before the application server's: it is nearer. A gateway's clock is anybody's.
        times: ["/uplink_message/received_at", "/received_at"],
        payload: "/uplink_message/frm_payload",
        contents: Rule.Envelope.theThingsStack.contents
    )

    static let chirpStack = EnvelopePointers(
        uplink: nil,
        simulated: nil,
        frameCounter: "/fCnt",
        message: "/deduplicationId",
        session: "/devAddr",
        times: ["/time"],
        payload: "/data",
        contents: Rule.Envelope.chirpStack.contents
    )

    /// The battery in percent, as ChirpStack's `status` event says it.
    static let batteryLevel = pointer("/batteryLevel")
    /// Each of them true where that battery says nothing.
    static let batteryAbsent = ["/externalPowerSource", "/batteryLevelUnavailable"].map(pointer)
    /// What happened, as ChirpStack's `log` event says it.
    static let logCode = pointer("/code")

    private init(
        uplink: String?,
        simulated: String?,
        frameCounter: String,
        message: String,
        session: String,
        times: [String],
        payload: String,
        contents: String
    ) {
        self.uplink = uplink.map(Self.pointer)
        self.simulated = simulated.map(Self.pointer)
        self.frameCounter = Self.pointer(frameCounter)
        self.message = Self.pointer(message)
        self.session = Self.pointer(session)
        self.times = times.map(Self.pointer)
        self.payload = Self.pointer(payload)
        self.contents = Self.pointer(contents)
    }

    private static func pointer(_ text: String) -> JSONPointer {
        guard let pointer = JSONPointer(text) else { fatalError("\(text) is no JSON Pointer") }
        return pointer
    }
}

/// What happened, by the last level of a ChirpStack topic.
enum ChirpStackEvent: String {
    /// A message of the sensor; also of topics that were renamed on the way.
    case up
    /// What the sensor says of its battery and radio.
    case status
    /// Something went wrong in the network server.
    case log
    /// Nothing about parking.
    case join, ack, txack, location, integration

    init(_ level: Span<UInt8>) {
        self = .up
        guard level.count <= 11 else { return }
        var text = ""
        for index in 0..<level.count { text.unicodeScalars.append(Unicode.Scalar(level[index])) }
        self = ChirpStackEvent(rawValue: text) ?? .up
    }
}
