internal import CMosquitto
internal import CTransport
internal import Glibc

/// Takes what libmosquitto's callbacks say.
protocol ConnectionSink: AnyObject {
    func connackReceived(_ reason: ReasonCode, sessionPresent: Bool)
    func received(_ message: borrowing mosquitto_message, mayBeRedelivery: Bool)
    func subackReceived(_ packetIdentifier: Int32, _ grants: [Int32])
    /// `bytes` follow the fixed header; nil where they are unknown.
    func unsubackReceived(_ packetIdentifier: Int32, _ bytes: [UInt8]?)
    func acknowledged(_ packetIdentifier: Int32, _ reason: ReasonCode)
}

/// What a connection needs to know beyond its endpoint.
struct ConnectionOptions {
    var clientIdentifier: String?
    var startsClean = false
    var userName: String?
    var password: [UInt8]?
    var tls = TLSFiles()
    var keepAliveSeconds: Int32 = 30
    var sessionExpirySeconds: UInt32?
    var receiveMaximum: UInt16 = 20
    var sendMaximum: UInt16 = 20
    var maximumPacketBytes: UInt32?
    var will: (topic: String, payload: String)?
}

/// One connection to a broker: a libmosquitto client that connects once, and the transport under
/// it.
///
/// A client is never reconnected: what the last connection left behind in it (half an incoming
/// packet, the broker's limits, queued acknowledgements of messages that will be delivered anew)
/// ends with it.
///
/// Threads: one, from the beginning to the end.
@safe final class Connection {
    /// Which of a broker's limits and promises hold.
    let version: ProtocolVersion

    private let client: OpaquePointer
    private let transport: OpaquePointer
    private let box: Unmanaged<ConnectionBox>
    private let usesTLS: Bool
    private let wakeUp: WakeUp

    /// Connects within ten seconds for each address; the TLS handshake and MQTT's greeting follow
    /// in ``read()`` and ``write()``.
    init(
        to endpoint: Endpoint,
        version: ProtocolVersion,
        options: ConnectionOptions,
        sink: any ConnectionSink,
        wakeUp: WakeUp
    ) throws(ConnectionFailure) {
        guard Self.libraryResult == .success else { throw .library(Self.libraryResult) }
        guard let transport = unsafe transport_create(wakeUp.descriptor) else {
            throw .library(.noMemory)
        }
        unsafe transport_enter(transport)
        let box = unsafe Unmanaged.passRetained(ConnectionBox(sink, transport))
        unsafe transport_refuse_socket_pair(transport, true)
        let client = unsafe mosquitto_new(
            options.clientIdentifier,
            options.startsClean,
            box.toOpaque()
        )
        unsafe transport_refuse_socket_pair(transport, false)
        guard let client = unsafe client else {
            unsafe box.release()
            transport_enter(nil)
            unsafe transport_destroy(transport)
            throw .library(.noMemory)
        }
        unsafe self.client = client
        unsafe self.transport = transport
        unsafe self.box = box
        self.version = version
        self.wakeUp = wakeUp
        usesTLS = endpoint.scheme == .mqtts
        try prepare(endpoint, options)
        try connect(endpoint, options)
        unsafe transport_attach(
            transport,
            mosquitto_socket(client),
            ssl,
            options.keepAliveSeconds * 3 / 2,
            Self.bounds(options, version)
        )
    }

    deinit {
        unsafe transport_enter(transport)
        // What is still gathered belongs to messages that will come again.
        unsafe transport_detach(transport)
        unsafe mosquitto_destroy(client)
        transport_enter(nil)
        unsafe transport_destroy(transport)
        unsafe box.release()
    }

    /// What is worth its memory.
    ///
    /// An MQTT 5.0 broker knows our limit and has broken it. To one of 3.1.1 we couldn't tell it:
    /// ending the connection for any larger message would make it come again for ever. For the
    /// same reason the fixed header is not counted, though it should be: mosquitto 2.0.11 counts it
    /// a byte too short.
    ///
    /// We never ask for QoS 2. A broker may still have such messages from a former program with our
    /// name; for those what we say in MQTT 5.0 holds in both versions.
    private static func bounds(
        _ options: ConnectionOptions,
        _ version: ProtocolVersion
    ) -> transport_bounds {
        let limit = Int(options.maximumPacketBytes ?? 0)
        let isAgreed = version == .version5 || limit == 0
        return transport_bounds(
            largest_rest: isAgreed ? limit : max(limit, 16 * 1024 * 1024),
            largest_held: limit,
            most_held: UInt32(options.receiveMaximum)
        )
    }

    private static let libraryResult = ResultCode(rawValue: mosquitto_lib_init())
    private static let connectMilliseconds: Int32 = 10_000

    // MARK: Making the connection

    private func prepare(_ endpoint: Endpoint, _ options: ConnectionOptions)
        throws(ConnectionFailure)
    {
        // Acknowledgements are queued, and leave when we write.
        try check(unsafe mosquitto_threaded_set(client, true))
        try set(MOSQ_OPT_PROTOCOL_VERSION, version.rawValue)
        try set(MOSQ_OPT_TCP_NODELAY, 1)
        try set(MOSQ_OPT_RECEIVE_MAXIMUM, Int32(options.receiveMaximum))
        try set(MOSQ_OPT_SEND_MAXIMUM, Int32(options.sendMaximum))
        if let userName = options.userName {
            let password = options.password.map { $0.map { CChar(bitPattern: $0) } + [0] }
            try check(unsafe mosquitto_username_pw_set(client, userName, password))
        }
        if let will = options.will {
            let length = Int32(will.payload.utf8.count)
            try check(unsafe mosquitto_will_set(client, will.topic, length, will.payload, 1, true))
        }
        if usesTLS { try prepareTLS(endpoint, options.tls) }
        unsafe mosquitto_connect_v5_callback_set(client, connackReceived)
        unsafe mosquitto_message_callback_set(client, messageReceived)
        unsafe mosquitto_subscribe_callback_set(client, subackReceived)
        unsafe mosquitto_unsubscribe_callback_set(client, unsubackReceived)
        unsafe mosquitto_publish_v5_callback_set(client, publicationAcknowledged)
        unsafe mosquitto_disconnect_v5_callback_set(client, disconnected)
    }

    /// Gives libmosquitto a context of ours.
    ///
    /// Its own one could not say what is wrong with a certificate, and with the system's
    /// authorities would not reconnect.
    private func prepareTLS(_ endpoint: Endpoint, _ files: TLSFiles) throws(ConnectionFailure) {
        var problem = [CChar](repeating: 0, count: 512)
        let context = unsafe withOptionalCString(files.authorities) { authorities in
            unsafe withOptionalCString(files.certificate) { certificate in
                unsafe withOptionalCString(files.key) { key in
                    var files = unsafe transport_tls_files(
                        authorities: authorities,
                        certificate: certificate,
                        key: key
                    )
                    return unsafe transport_tls_create(
                        &files,
                        endpoint.host,
                        &problem,
                        problem.count
                    )
                }
            }
        }
        guard let context = unsafe context else {
            let text = problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw .tls(.file(String(decoding: text, as: UTF8.self)))
        }
        defer { unsafe transport_tls_release(context) }
        // Otherwise libmosquitto wants files of its own and changes the context.
        try set(MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0)
        try check(unsafe mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, context))
    }

    private func connect(_ endpoint: Endpoint, _ options: ConnectionOptions)
        throws(ConnectionFailure)
    {
        var properties: OpaquePointer?
        defer { unsafe mosquitto_property_free_all(&properties) }
        if version == .version5 {
            if let seconds = options.sessionExpirySeconds {
                let name = Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue)
                try check(unsafe mosquitto_property_add_int32(&properties, name, seconds))
            }
            if let bytes = options.maximumPacketBytes {
                let name = Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue)
                try check(unsafe mosquitto_property_add_int32(&properties, name, bytes))
            }
        }
        unsafe transport_bound_connecting(transport, Self.connectMilliseconds)
        let result = ResultCode(
            rawValue: unsafe mosquitto_connect_bind_v5(
                client,
                endpoint.host,
                Int32(endpoint.port),
                options.keepAliveSeconds,
                nil,
                properties
            )
        )
        let cause = errno
        unsafe transport_bound_connecting(transport, 0)
        guard result == .success else { throw connectFailure(result, cause, endpoint) }
    }

    private func connectFailure(
        _ result: ResultCode,
        _ cause: Int32,
        _ endpoint: Endpoint
    ) -> ConnectionFailure {
        switch result {
        case .nameResolution:
            // libmosquitto leaves getaddrinfo's result in errno.
            if wakeUp.isRaised { return .cancelled }
            return .unresolvable(host: endpoint.host, unsafe String(cString: gai_strerror(cause)))
        case .systemError:
            if cause == ECANCELED { return .cancelled }
            if cause == ETIMEDOUT { return .timedOut(.connecting) }
            return .unreachable(systemText(cause))
        case .tls:
            return .tls(tlsFailure ?? .handshake)
        default:
            return .library(result)
        }
    }

    private func set(_ option: mosq_opt_t, _ value: Int32) throws(ConnectionFailure) {
        try check(unsafe mosquitto_int_option(client, option, value))
    }

    private func check(_ result: Int32) throws(ConnectionFailure) {
        guard result == MOSQ_ERR_SUCCESS.result else {
            throw .library(ResultCode(rawValue: result))
        }
    }

    // MARK: Waiting

    /// What became possible while waiting.
    struct Readiness: OptionSet {
        let rawValue: Int32
        static let readable = Readiness(rawValue: Int32(TRANSPORT_READABLE))
        static let writable = Readiness(rawValue: Int32(TRANSPORT_WRITABLE))
    }

    /// Waits until there is something to do, no longer than this.
    func wait(atMost duration: Duration, wakeable: Bool) -> Readiness {
        if writeFailure != nil || (mayReadAtOnce && !isBlocked) { return .readable }
        var wanted: Readiness = .readable
        if unsafe isShakingHands && transport_tls_waits_to_write(ssl) { wanted.insert(.writable) }
        // Each message that is read leaves an acknowledgement to be written: whoever doesn't take
        // those isn't listened to, or they would fill the memory.
        if isBlocked { wanted = .writable }
        let events = unsafe transport_wait(
            transport,
            wanted.rawValue,
            wakeable,
            duration.pollMilliseconds
        )
        return Readiness(rawValue: events)
    }

    /// Whether more is there already that the last batch had no room for.
    private(set) var mayReadAtOnce = false
    private var isBlocked = false
    /// How writing ended, until what the broker had said before that is read.
    private var writeFailure: ConnectionFailure?

    private var ssl: UnsafeMutableRawPointer? { usesTLS ? unsafe mosquitto_ssl_get(client) : nil }

    /// Whether the TLS handshake still goes on.
    ///
    /// It is driven by ``read()`` alone, whatever it waits for.
    var isShakingHands: Bool { unsafe transport_tls_is_shaking_hands(ssl) }

    // MARK: Reading and writing

    /// The bounds of a batch: 1 MiB, or so many messages.
    private static let readsInBatch: Int32 = 16
    private static let messagesInBatch = 4_096

    /// What one batch of reading brought.
    struct Batch {
        /// The messages.
        var messages: Int
        /// Those of them whose sender waits for an acknowledgement.
        var promises: Int
        /// How the connection ended, if it did.
        var failure: ConnectionFailure?
    }

    /// Reads until nothing more is there or the batch is full.
    ///
    /// "Nothing more" is what the transport saw, not `errno`: libmosquitto sets that by other
    /// calls, too. The messages count even where the connection ended after them.
    func read() -> Batch {
        unsafe transport_enter(transport)
        let box = unsafe self.box.takeUnretainedValue()
        box.messages = 0
        box.promises = 0
        unsafe transport_begin_batch(transport, Self.readsInBatch)
        var failure: ConnectionFailure?
        var hasMore = true
        while hasMore {
            let result = ResultCode(
                rawValue: unsafe transport_shielded(transport, mosquitto_loop_read, client)
            )
            let cause = errno
            failure = self.failure(after: result, cause)
            hasMore = unsafe failure == nil && transport_has_more(transport)
            let isFull = unsafe !transport_may_read(transport)
            if isFull || box.messages >= Self.messagesInBatch { break }
        }
        // A mere end says less than how writing ended, such as that the broker took nothing for too long.
        if !hasMore, failure == nil || failure == .closed { failure = writeFailure ?? failure }
        mayReadAtOnce = failure == nil && hasMore
        return Batch(messages: box.messages, promises: box.promises, failure: failure)
    }

    /// Writes all that is queued, or as much as the system takes.
    ///
    /// Where that fails, the next ``read()`` tells: a broker that hangs up often says why, and what
    /// it said still waits in the socket (a TLS alert about our certificate, a DISCONNECT).
    func write() throws(ConnectionFailure) {
        unsafe transport_enter(transport)
        // Only here: what a TLS handshake writes while we read must leave at once.
        unsafe transport_gather(transport, true)
        defer { unsafe transport_gather(transport, false) }
        // libmosquitto goes on where it was when the transport has room again.
        repeat {
            let result = ResultCode(rawValue: unsafe mosquitto_loop_write(client, 1))
            let cause = errno
            if let failure = failure(after: result, cause) { throw failure }
            switch unsafe transport_flush(transport) {
            case 0: isBlocked = false
            case 1: isBlocked = true
            default: writeFailure = Self.ending(errno)
            }
        } while writeFailure == nil && !isBlocked && !isShakingHands && hasOutput
    }

    /// Whether something waits to be written.
    var hasOutput: Bool {
        unsafe writeFailure == nil && (isBlocked || mosquitto_want_write(client))
    }

    /// Sends a ping where it is time; to be called about once a second.
    func keepAlive() throws(ConnectionFailure) {
        unsafe transport_enter(transport)
        let result = ResultCode(rawValue: unsafe mosquitto_loop_misc(client))
        if let failure = failure(after: result, errno) { throw failure }
    }

    /// How the connection ended, if it did.
    ///
    /// A broker's DISCONNECT and an end before the TLS handshake return success.
    private func failure(after result: ResultCode, _ cause: Int32) -> ConnectionFailure? {
        let box = unsafe self.box.takeUnretainedValue()
        if result == .success, unsafe mosquitto_socket(client) >= 0 {
            // At the end of a handshake that will never be, libmosquitto goes on trying, at full
            // speed.
            guard usesTLS, isShakingHands, unsafe transport_has_ended(transport) else { return nil }
            return .tls(tlsFailure ?? .handshake)
        }
        let isAsserted = result.rawValue == Int32(TRANSPORT_ASSERTED)
        let refusal = unsafe transport_refusal(transport)
        // The socket is closed and its number may be somebody else's by now.
        unsafe transport_detach(transport)
        if let reason = box.refusal { return .refused(reason) }
        if refusal == Int32(TRANSPORT_OVERSIZED) { return .oversized }
        if refusal == Int32(TRANSPORT_EXCESSIVE) { return .excessive }
        if isAsserted || refusal == Int32(TRANSPORT_MALFORMED) {
            return .malformed(.malformedPacket)
        }
        if let failure = tlsFailure { return .tls(failure) }
        switch result {
        case .success: return .dismissed(box.dismissal ?? .unspecified)
        case .tls: return .tls(.handshake)
        case .connectionLost: return .closed
        case .systemError:
            return Self.ending(cause)
        case .protocolError, .malformedPacket, .malformedText, .payloadSize, .duplicateProperty:
            return .malformed(result)
        case .keepAlive: return .silent
        default: return .library(result)
        }
    }

    /// What an error number says; the end in the middle of a packet leaves none.
    private static func ending(_ cause: Int32) -> ConnectionFailure {
        [0, ECONNRESET, EPIPE].contains(cause) ? .closed : .unreachable(systemText(cause))
    }

    private var tlsFailure: TLSFailure? {
        guard usesTLS else { return nil }
        return TLSFailure(unsafe transport_tls_trouble(transport))
    }

    // MARK: Packets

    /// Queues a SUBSCRIBE and returns its packet identifier; nil where the broker's limit is
    /// smaller than that.
    ///
    /// Retained messages come with every subscription, not with new ones only: what a sensor
    /// published retained at QoS 0 while we were away stands in no queue, and after a restart our
    /// memory is empty though the broker kept the session. They only update, so that one too many
    /// does no harm; and MQTT 3.1.1 knows nothing else.
    func subscribe(_ filters: ArraySlice<String>) throws(ConnectionFailure) -> Int32? {
        var identifier: Int32 = 0
        let result = ResultCode(
            rawValue: unsafe withCStrings(filters) { filters in
                unsafe mosquitto_subscribe_multiple(
                    client,
                    &identifier,
                    Int32(filters.count),
                    filters.baseAddress,
                    QoS.atLeastOnce.rawValue,
                    0,
                    nil
                )
            }
        )
        if result == .oversizePacket { return nil }
        try check(result.rawValue)
        return identifier
    }

    /// Queues an UNSUBSCRIBE and returns its packet identifier; nil where the broker's limit is
    /// smaller than that.
    func unsubscribe(_ filters: ArraySlice<String>) throws(ConnectionFailure) -> Int32? {
        var identifier: Int32 = 0
        let result = ResultCode(
            rawValue: unsafe withCStrings(filters) { filters in
                unsafe mosquitto_unsubscribe_multiple(
                    client,
                    &identifier,
                    Int32(filters.count),
                    filters.baseAddress,
                    nil
                )
            }
        )
        if result == .oversizePacket { return nil }
        try check(result.rawValue)
        return identifier
    }

    /// Queues a PUBLISH and returns its packet identifier.
    func publish(
        topic: String,
        payload: UnsafeRawBufferPointer,
        qos: QoS,
        retain: Bool
    ) -> (identifier: Int32, result: ResultCode) {
        var identifier: Int32 = 0
        let result = unsafe mosquitto_publish(
            client,
            &identifier,
            topic,
            Int32(clamping: payload.count),
            payload.baseAddress,
            qos.rawValue,
            retain
        )
        return (identifier, ResultCode(rawValue: result))
    }

    /// Says goodbye, so that the broker drops the will and keeps the session; false where it could
    /// not be sent in time.
    func disconnect(atMost duration: Duration) -> Bool {
        unsafe transport_enter(transport)
        // libmosquitto closes the socket as soon as it has written: here nothing is gathered.
        guard unsafe mosquitto_disconnect_v5(client, 0, nil) == MOSQ_ERR_SUCCESS.result else {
            return false
        }
        let deadline = ContinuousClock.now + duration
        while unsafe mosquitto_loop_write(client, 1) == MOSQ_ERR_SUCCESS.result {
            if unsafe mosquitto_socket(client) < 0 { return true }
            let left = deadline - ContinuousClock.now
            guard left > .zero else { return false }
            _ = unsafe transport_wait(
                transport,
                Readiness([.readable, .writable]).rawValue,
                false,
                min(left, .milliseconds(50)).pollMilliseconds
            )
        }
        return false
    }
}

extension TLSFailure {
    /// What a transport noted, if it did.
    init?(_ trouble: transport_tls_trouble) {
        // X509_V_ERR_… of <openssl/x509_vfy.h> and the alerts of RFC 8446, section 6: for ever.
        switch trouble.verification {
        case 0: break
        case 62, 64: self = .wrongName; return
        case 10: self = .expired; return
        case 9: self = .notYetValid; return
        case 18: self = .selfSigned; return
        case 2, 19, 20, 21: self = .unknownIssuer; return
        default:
            let text = unsafe transport_tls_verification_text(trouble.verification)
            self = .certificate(unsafe text.map { unsafe String(cString: $0) } ?? "")
            return
        }
        if trouble.sent_alert == 70 || trouble.received_alert == 70 {
            self = .protocolVersion; return
        }
        guard trouble.received_alert >= 0 else { return nil }
        let text = unsafe transport_tls_alert_text(trouble.received_alert)
        let words = unsafe text.map { unsafe String(cString: $0) } ?? ""
        switch trouble.received_alert {
        case 41...46, 48, 116: self = .clientCertificate(words)
        default: self = .alert(words)
        }
    }
}

private func systemText(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
