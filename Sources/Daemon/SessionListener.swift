import Ingest
import LinuxSystem
import Logging
import Logs
import MQTT
import Parking

/// What a session's thread does with what it hears: messages to the ingest, changes to the log.
///
/// **Threads.** The session's alone.
final class SessionListener: SessionHandler {
    private let ingest: Ingest
    private let status: BrokerStatus
    private let logger: Logger
    private let forget: ([String]) -> Void
    private var now: Moment?
    private var isExpected: Bool
    private var lastFailure: ConnectionFailure?
    /// The former filters of which it was said that they are gone.
    private var unsubscribed: Set<String> = []
    /// Of what is said for each filter: there may be thousands, and a broker that refuses one refuses most.
    private var filterRate = LogRate(eventsPerMinute: 30, burst: 15)

    /// A listener to one session.
    ///
    /// - Parameters:
    ///   - isExpected: Whether the broker should know our session.
    ///   - forget: Called with topic filters that the broker no longer has of us.
    init(
        ingest: Ingest,
        status: BrokerStatus,
        isExpected: Bool = false,
        forget: @escaping ([String]) -> Void = { _ in },
        logger: Logger
    ) {
        self.ingest = ingest
        self.status = status
        self.isExpected = isExpected
        self.forget = forget
        var logger = logger
        logger[metadataKey: "broker"] = .string(status.name)
        self.logger = logger
    }

    func receive(topic: Span<UInt8>, payload: Span<UInt8>, delivery: Delivery) {
        // One look at the clocks a batch: its messages lay in the socket together.
        let now = self.now ?? .now()
        self.now = now
        let promise =
            delivery.qos == .atMostOnce
            ? nil
            : Promise(
                packetIdentifier: delivery.packetIdentifier,
                mayBeRedelivery: delivery.mayBeRedelivery
            )
        ingest.receive(
            topic: topic,
            payload: payload,
            promise: promise,
            isRetained: delivery.isRetained,
            at: now
        )
    }

    func commit() {
        now = nil
        ingest.commit()
    }

    func comesRound(within duration: Duration) { status.comesRound(within: duration, at: .now()) }

    func sessionChanged(_ event: SessionEvent) {
        switch event {
        case .connecting(let endpoint, let version):
            logger.debug("connecting", metadata: ["url": "\(endpoint)", "protocol": "\(version)"])
        case .connected(let endpoint, let version, let sessionPresent):
            connected(endpoint, version, sessionPresent: sessionPresent)
        case .connectFailed(let endpoint, let failure):
            failed(endpoint, failure)
        case .disconnected(let endpoint, let failure):
            lastFailure = failure
            status.change(to: .away(failure))
            logger.warning(
                "connection lost; connecting again",
                metadata: Self.metadata(endpoint, failure)
            )
        case .subscribed(let granted):
            var metadata: Logger.Metadata = ["filters": "\(granted)"]
            let suppressed = filterRate.takeSuppressed()
            if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
            logger.info("subscribed", metadata: metadata)
        case .subscriptionRefused(let filter, let reason):
            say(
                .error,
                "subscription refused: its messages will not come; allow it in the broker's access control list",
                of: filter,
                reason
            )
        case .subscriptionDowngraded(let filter):
            say(
                .warning,
                "subscription granted at QoS 0 only: its messages may be lost",
                of: filter
            )
        case .unsubscribed(let filters):
            forget(filters)
            // Each connection asks for it again.
            let news = filters.count { unsubscribed.insert($0).inserted }
            guard news > 0 else { return }
            logger.info("former filters unsubscribed", metadata: ["filters": "\(news)"])
        case .unsubscriptionRefused(let filter, let reason):
            say(
                .warning,
                "unsubscription refused: messages of a former filter still come; allow it in the broker's access control list",
                of: filter,
                reason
            )
        case .statusRefused(let topic, let reason):
            logger.warning(
                "status message refused; allow it in the broker's access control list",
                metadata: ["topic": "\(topic)", "reason": "\(reason)"]
            )
        case .willRetry(let pause):
            if status.phase == .starting { status.change(to: .away(lastFailure)) }
            logger.debug("next attempt", metadata: ["in": "\(pause)"])
        case .stopped(let gracefully):
            guard case .connected = status.phase else { return }
            logger.info("disconnected", metadata: ["clean": "\(gracefully)"])
        }
    }

    /// Logs what became of a filter, at a bounded rate.
    private func say(
        _ level: Logger.Level,
        _ message: Logger.Message,
        of filter: String,
        _ reason: ReasonCode? = nil
    ) {
        let now = Moment.now().monotonicMilliseconds
        guard case .log(let suppressed) = filterRate.admit(at: now) else { return }
        var metadata: Logger.Metadata = ["filter": "\(filter)"]
        if let reason { metadata["reason"] = "\(reason)" }
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.log(level: level, message, metadata: metadata)
    }

    private func connected(
        _ endpoint: Endpoint,
        _ version: ProtocolVersion,
        sessionPresent: Bool
    ) {
        lastFailure = nil
        ingest.connected(sessionPresent: sessionPresent, isOrdered: version == .version5)
        status.change(to: .connected(endpoint))
        logger.info(
            "connected",
            metadata: [
                "url": "\(endpoint)", "protocol": "\(version)",
                "session": sessionPresent ? "resumed" : "new",
            ]
        )
        if isExpected, !sessionPresent {
            logger.warning(
                "the broker had forgotten our session: what was published meanwhile is lost; see persistence in its configuration"
            )
        }
        isExpected = true
    }

    /// Logs a failure once, and again when the reason changes: the attempts in between are no news.
    private func failed(_ endpoint: Endpoint, _ failure: ConnectionFailure) {
        let isNews = failure != lastFailure
        lastFailure = failure
        // Before the first of all attempts has ended it is not known to be away.
        if status.phase != .starting { status.change(to: .away(failure)) }
        logger.log(
            level: isNews ? .warning : .debug,
            "cannot connect; trying again",
            metadata: Self.metadata(endpoint, failure)
        )
    }

    private static func metadata(
        _ endpoint: Endpoint,
        _ failure: ConnectionFailure
    ) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["url": "\(endpoint)", "reason": "\(failure)"]
        if let advice = failure.advice { metadata["advice"] = "\(advice)" }
        return metadata
    }
}
