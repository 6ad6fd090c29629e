internal import CMosquitto
internal import CTransport

/// What libmosquitto's callbacks carry as their user data.
///
/// The callbacks store; the connection looks when the call into libmosquitto has returned. Only
/// what must not wait (a message's bytes, and the CONNACK before the messages that follow it) goes
/// on to the sink at once.
@safe final class ConnectionBox {
    unowned let sink: any ConnectionSink
    /// What knows the packet that led to a callback.
    let transport: OpaquePointer
    /// The messages since the batch began.
    var messages = 0
    /// Those of them whose sender waits for an acknowledgement.
    var promises = 0
    /// Why the broker refused us.
    var refusal: ReasonCode?
    /// Why the broker ended the connection.
    var dismissal: ReasonCode?

    init(_ sink: any ConnectionSink, _ transport: OpaquePointer) {
        self.sink = sink
        unsafe self.transport = transport
    }
}

// File-scope functions: a closure literal in an isolated context would check its isolation here.
// libmosquitto holds its callback mutex while they run: they must not set callbacks.

private func box(_ userData: UnsafeMutableRawPointer?) -> ConnectionBox? {
    guard let userData = unsafe userData else { return nil }
    return unsafe Unmanaged<ConnectionBox>.fromOpaque(userData).takeUnretainedValue()
}

func connackReceived(
    client: OpaquePointer?,
    userData: UnsafeMutableRawPointer?,
    code: Int32,
    flags: Int32,
    properties: OpaquePointer?
) {
    guard let box = unsafe box(userData) else { return }
    // Below 0x80 a refusal is a return code of MQTT 3.1.1; MQTT 5.0 has none there.
    let reason =
        code < 0x80
        ? ReasonCode.version311(connack: code)
        : ReasonCode(rawValue: UInt8(truncatingIfNeeded: code))
    if reason != .success { box.refusal = reason }
    box.sink.connackReceived(reason, sessionPresent: flags & 1 != 0)
}

func messageReceived(
    client: OpaquePointer?,
    userData: UnsafeMutableRawPointer?,
    message: UnsafePointer<mosquitto_message>?
) {
    guard let box = unsafe box(userData), let message = unsafe message else { return }
    box.messages += 1
    if unsafe message.pointee.qos > 0 { box.promises += 1 }
    if unsafe message.pointee.qos == QoS.exactlyOnce.rawValue {
        unsafe transport_release(box.transport)
    }
    let mayBeRedelivery = unsafe Delivery.mayBeRedelivery(
        qos: message.pointee.qos,
        firstByte: transport_first_byte(box.transport)
    )
    unsafe box.sink.received(message.pointee, mayBeRedelivery: mayBeRedelivery)
}

extension Delivery {
    /// Whether a message may have been handed over before, from the first byte of the packet in
    /// hand; negative where that is unknown.
    ///
    /// At QoS 2 libmosquitto hands a message over when the PUBREL comes, after which the broker must
    /// not send it again (MQTT 5.0, section 4.3.3).
    static func mayBeRedelivery(qos: Int32, firstByte: Int32) -> Bool {
        guard qos == QoS.atLeastOnce.rawValue else { return false }
        return firstByte < 0 || firstByte & 0x08 != 0
    }
}

func subackReceived(
    client: OpaquePointer?,
    userData: UnsafeMutableRawPointer?,
    packetIdentifier: Int32,
    count: Int32,
    grants: UnsafePointer<Int32>?
) {
    guard let box = unsafe box(userData) else { return }
    let grants = unsafe UnsafeBufferPointer(start: grants, count: grants == nil ? 0 : Int(count))
    box.sink.subackReceived(packetIdentifier, unsafe Array(grants))
}

func unsubackReceived(
    client: OpaquePointer?,
    userData: UnsafeMutableRawPointer?,
    packetIdentifier: Int32
) {
    guard let box = unsafe box(userData) else { return }
    var count = 0
    let answer = unsafe transport_answer(box.transport, &count)
    let bytes = unsafe answer.map { unsafe Array(UnsafeBufferPointer(start: $0, count: count)) }
    box.sink.unsubackReceived(packetIdentifier, bytes)
}

func publicationAcknowledged(
    client: OpaquePointer?,
    userData: UnsafeMutableRawPointer?,
    packetIdentifier: Int32,
    code: Int32,
    properties: OpaquePointer?
) {
    guard let box = unsafe box(userData) else { return }
    let reason = ReasonCode(rawValue: UInt8(truncatingIfNeeded: code))
    box.sink.acknowledged(packetIdentifier, reason)
}

func disconnected(
    client: OpaquePointer?,
    userData: UnsafeMutableRawPointer?,
    code: Int32,
    properties: OpaquePointer?
) {
    guard let box = unsafe box(userData) else { return }
    // Meaningful only where the call that led here returned success; otherwise it is a result code.
    box.dismissal = ReasonCode(rawValue: UInt8(truncatingIfNeeded: code))
}
