import Testing

@testable import MQTT

/// Values and their words.
struct Values {
    private static func problem(
        _ change: (inout SessionConfiguration) -> Void
    ) -> SessionConfiguration.Problem? {
        var configuration = configuration(ports: 1883)
        change(&configuration)
        do throws(SessionConfiguration.Problem) {
            try configuration.check()
            return nil
        } catch {
            return error
        }
    }

    @Test func `The defaults are sound`() {
        #expect(Self.problem { _ in } == nil)
    }

    @Test func `Each thing that can't be sent is refused with its name`() {
        #expect(Self.problem { $0.endpoints = [] } == .noEndpoint)
        #expect(Self.problem { $0.password = [1] } == .passwordWithoutUserName)
        #expect(Self.problem { $0.tls.certificate = "c" } == .incompleteCertificate)
        #expect(Self.problem { $0.topicFilters = ["a#"] } == .invalidFilter("a#"))
        #expect(Self.problem { $0.topicFilters = ["a/+b"] } == .invalidFilter("a/+b"))
        #expect(Self.problem { $0.formerTopicFilters = ["a#"] } == .invalidFilter("a#"))
        #expect(
            Self.problem { $0.formerTopicFilters = ["old/#", "test/#"] }
                == .contradictoryFilter("test/#")
        )
        #expect(Self.problem { $0.statusTopic = "a/#" } == .invalidStatusTopic("a/#"))
        for (field, change) in Self.unrepresentable {
            #expect(Self.problem(change) == .unrepresentable(field: field))
        }
    }

    private static let unrepresentable: [(String, @Sendable (inout SessionConfiguration) -> Void)] =
        [
            ("client identifier", { $0.clientIdentifier = "" }),
            ("client identifier", { $0.clientIdentifier = "a\u{0}b" }),
            ("user name", { $0.userName = String(repeating: "x", count: 65_536) }),
            ("a topic filter", { $0.topicFilters = [""] }),
            ("a topic filter", { $0.formerTopicFilters = ["a\u{0}b"] }),
            ("a broker's host", { $0.endpoints[0].host = "" }),
            (
                "password",
                {
                    $0.userName = "user"
                    $0.password = [1, 0]
                }
            ),
        ]

    @Test(arguments: [(4, false), (5, true), (65_535, true), (65_536, false)])
    func `The keep alive has a range`(seconds: Int, isSound: Bool) {
        let problem = Self.problem { $0.keepAlive = .seconds(seconds) }
        #expect((problem == nil) == isSound)
    }

    @Test(
        arguments: [
            (Endpoint(scheme: .mqtt, host: "broker.example"), "mqtt://broker.example:1883"),
            (Endpoint(scheme: .mqtts, host: "broker.example"), "mqtts://broker.example:8883"),
            (Endpoint(scheme: .mqtt, host: "::1", port: 7), "mqtt://[::1]:7"),
        ]
    )
    func `An endpoint reads as its URL`(endpoint: Endpoint, url: String) {
        #expect(endpoint.description == url)
    }

    @Test(
        arguments: [
            (UInt8(0x87), "0x87 Not authorized"), (0x00, "0x00 Success"),
            (0x8E, "0x8E Session taken over"),
            (0x42, "0x42 Unknown"),
        ]
    )
    func `A reason code reads as its number and name`(code: UInt8, text: String) {
        #expect(ReasonCode(rawValue: code).description == text)
    }

    @Test func `A result code reads as its C name and libmosquitto's words`() {
        #expect(
            ResultCode.connectionLost.description == "MOSQ_ERR_CONN_LOST: The connection was lost."
        )
        #expect(ResultCode(rawValue: 4_711).name == "mosq_err_t(4711)")
    }

    @Test(
        arguments: [
            (QoS.atMostOnce, Int32(0x38), false), (.atMostOnce, -1, false),
            (.atLeastOnce, 0x32, false), (.atLeastOnce, 0x33, false), (.atLeastOnce, 0x3A, true),
            (.atLeastOnce, -1, true),
            (.exactlyOnce, 0x62, false), (.exactlyOnce, -1, false),
        ]
    )
    func `A redelivery is possible at QoS 1 with DUP, or where DUP is unknown`(
        qos: QoS,
        firstByte: Int32,
        isPossible: Bool
    ) {
        let mayBe = Delivery.mayBeRedelivery(qos: qos.rawValue, firstByte: firstByte)
        #expect(mayBe == isPossible)
    }

    @Test(
        arguments: [
            (
                [0, 1, 0, 0x00, 0x87] as [UInt8]?, ProtocolVersion.version5,
                [0x00, 0x87] as [UInt8]?
            ),
            ([0, 1, 3, 0x1F, 0, 0, 0x11, 0x00], .version5, [0x11, 0x00]),
            (
                [0, 1, 0x80, 0x01] + Array(repeating: 9, count: 128) + [0x11, 0x80], .version5,
                [0x11, 0x80]
            ),
            ([0, 1, 0, 0x11], .version5, [0x11, 0x80]),
            ([0, 1, 0, 0x11, 0x11, 0x11], .version5, [0x11, 0x11]),
            ([0, 1], .version5, [0x80, 0x80]),
            ([0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .version5, [0x80, 0x80]),
            ([], .version5, [0x80, 0x80]),
            (nil, .version5, nil),
            ([0, 1], .version311, [0x00, 0x00]),
            (nil, .version311, [0x00, 0x00]),
        ]
    )
    func `An UNSUBACK for two filters has a reason for each`(
        bytes: [UInt8]?,
        version: ProtocolVersion,
        expected: [UInt8]?
    ) {
        let reasons = UnsubackReasons.read(bytes, version, filters: 2)
        #expect(reasons?.map(\.rawValue) == expected)
    }

    @Test(
        arguments: [
            (Duration.zero, Int32(0)), (.nanoseconds(1), 1), (.milliseconds(5), 5),
            (.microseconds(5_001), 6), (.seconds(-3), 0), (.seconds(1 << 40), 2_000_000_000),
        ]
    )
    func `A duration is never rounded down for poll`(duration: Duration, milliseconds: Int32) {
        #expect(duration.pollMilliseconds == milliseconds)
    }
}
