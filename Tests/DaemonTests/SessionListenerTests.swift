import Ingest
import MQTT
import Occupancy
import Parking
import Testing

@testable import Daemon

@Suite struct `What the log says of a connection` {
    private let lines = Lines()
    private let status = BrokerStatus(name: "council")
    private let endpoint = Endpoint(scheme: .mqtt, host: "broker.example")

    private func listener() -> SessionListener {
        let plan = IngestPlan(facilities: [], rules: [])
        let live = LiveOccupancy(
            facilityCount: 0,
            bayLimit: 1,
            sensorLimit: 1,
            history: HistoryShape(stepMilliseconds: 1000, stepCount: 10)
        )
        let ingest = Ingest(plan: plan, occupancy: live, incidents: IncidentLog())
        return SessionListener(ingest: ingest, status: status, logger: lines.logger)
    }

    @Test func `a broker that stays away is said once, and again when the reason changes`() {
        let listener = listener()
        for _ in 0..<100 {
            listener.sessionChanged(.connectFailed(endpoint, .unreachable("Connection refused")))
            listener.sessionChanged(.willRetry(after: .seconds(1)))
        }
        listener.sessionChanged(.connectFailed(endpoint, .timedOut(.connecting)))
        let said = lines.take()
        #expect(said.count == 2)
        #expect(said.first?.contains("reason=\"Connection refused\"") == true)
        #expect(said.first?.contains("advice=\"check that the broker runs") == true)
        #expect(status.isSettled)
        #expect(status.line == "council away")
    }

    @Test func `after a connection the same reason is news again`() {
        let listener = listener()
        let failure = ConnectionFailure.unreachable("Connection refused")
        listener.sessionChanged(.connectFailed(endpoint, failure))
        listener.sessionChanged(.connected(endpoint, .version5, sessionPresent: true))
        #expect(status.line == "council connected")
        listener.sessionChanged(.disconnected(endpoint, .closed))
        listener.sessionChanged(.connectFailed(endpoint, failure))
        #expect(lines.take().count == 4)
        #expect(status.line == "council away")
    }

    @Test func `the status has the last reason of an outage, and its beginning`() {
        let listener = listener()
        listener.sessionChanged(.connected(endpoint, .version5, sessionPresent: true))
        listener.sessionChanged(.disconnected(endpoint, .closed))
        let since = status.record.since
        listener.sessionChanged(.connectFailed(endpoint, .unreachable("Connection refused")))
        listener.sessionChanged(.willRetry(after: .seconds(1)))
        #expect(status.record.lastFailure == .unreachable("Connection refused"))
        listener.sessionChanged(.connectFailed(endpoint, .refused(.notAuthorized)))
        listener.sessionChanged(.willRetry(after: .seconds(1)))
        #expect(status.record.lastFailure == .refused(.notAuthorized))
        #expect(status.record.since == since)
    }

    @Test func `a session that the broker forgot is said, but not at the first connection`() {
        let listener = listener()
        let isWarning: (String) -> Bool = { $0.contains("forgotten our session") }
        listener.sessionChanged(.connected(endpoint, .version5, sessionPresent: false))
        #expect(!lines.take().contains(where: isWarning))
        listener.sessionChanged(.disconnected(endpoint, .closed))
        listener.sessionChanged(.connected(endpoint, .version5, sessionPresent: false))
        #expect(lines.take().contains(where: isWarning))
        listener.sessionChanged(.connected(endpoint, .version5, sessionPresent: true))
        #expect(!lines.take().contains(where: isWarning))
    }

    @Test func `former filters that are gone are counted, one that stays is named`() {
        let listener = listener()
        listener.sessionChanged(
            .unsubscriptionRefused(filter: "old/+/level", ReasonCode(rawValue: 0x87))
        )
        listener.sessionChanged(.unsubscribed(filters: ["old/a", "old/b"]))
        let said = lines.take()
        #expect(said.count == 2)
        #expect(said.first?.hasPrefix("<4>unsubscription refused") == true)
        #expect(said.first?.contains("filter=old/+/level") == true)
        #expect(said.last?.contains("filters=2") == true)
        listener.sessionChanged(.unsubscribed(filters: ["old/a", "old/b"]))
        #expect(lines.take().isEmpty)
        listener.sessionChanged(.unsubscribed(filters: ["old/a", "old/c"]))
        #expect(lines.take().last?.contains("filters=1") == true)
    }

    @Test func `a refused subscription says which and what to do`() {
        let listener = listener()
        listener.sessionChanged(
            .subscriptionRefused(filter: "bath/+/level", ReasonCode(rawValue: 0x87))
        )
        let said = lines.take().first ?? ""
        #expect(said.hasPrefix("<3>subscription refused"))
        #expect(said.contains("filter=bath/+/level"))
        #expect(said.contains("access control list"))
    }

    @Test func `a thousand refused subscriptions are a few lines and a number`() {
        let listener = listener()
        let count = 1000
        for index in 0..<count {
            let filter = "bath/\(index)/level"
            listener.sessionChanged(.subscriptionRefused(filter: filter, .notAuthorized))
        }
        let said = lines.take()
        #expect((1...30).contains(said.count))
        listener.sessionChanged(.subscribed(granted: 0))
        let rest = lines.take()
        #expect(rest.first?.contains("suppressed=\(count - said.count)") == true, "\(rest)")
    }
}
