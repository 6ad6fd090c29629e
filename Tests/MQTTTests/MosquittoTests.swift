import Glibc
import Testing

@testable import MQTT

/// A session against a real mosquitto.
struct `Session with mosquitto` {
    @Test func `Our transport is in use in this program`() {
        #expect(Session.isTransportInterposed)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `A message arrives as it was sent`(qos: QoS) throws {
        let broker = try Mosquitto()
        let running = try RunningSession(configuration(ports: broker.port))
        try running.recorder.expectSubscribed()
        try broker.publish("test/a", "hello", qos: Int(qos.rawValue))
        try eventually("the message") { !running.recorder.messages.isEmpty }
        let message = try #require(running.recorder.messages.first)
        #expect(message.topic == "test/a")
        #expect(message.text == "hello")
        #expect(message.qos == qos)
        #expect(!message.isRetained)
        #expect((message.packetIdentifier == 0) == (qos == .atMostOnce))
    }
}
