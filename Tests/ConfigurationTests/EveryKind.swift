import Parking
import Testing

@testable import Configuration

/// A configuration with every kind of reading: the contract's, in other words.
let everyKind = """
    brokers:
      - name: council
        urls: ["mqtt://127.0.0.1:1883"]
        client_id: carparkd
        username: carparkd
        password: {credential: mqtt-password}
        tls: {ca: {file: /etc/ssl/certs/ca-certificates.crt}}
        keep_alive: 30s
        session_expiry: 7d
    state_directory: /var/lib/carparkd/state
    feed:
      directory: /var/lib/carparkd/feed
      interval: 1s
      heartbeat: 60s
      publisher:
        name: Bath & North East Somerset Council
        url: https://www.example.org/parking
        licence: OGL-UK-3.0
        attribution: >-
          Contains public sector information
          licensed under the Open Government Licence v3.0.
    history: {span: 24h, step: 1m}
    limits: {payload_bytes: 65536, json_depth: 64, topic_bytes: 1024}
    facilities:
      - id: charlotte-street
        name: Charlotte Street Car Park
        capacity: 1056
        location: {latitude: 51.3837, longitude: -2.3665}
        almost_full: {rising: 960, falling: 900}
        full: {rising: 1050, falling: 1030}
        stale_after: 15m
      - {id: podium, name: Podium Car Park, capacity: 521}
    rules:
      - topic: bath/{facility}/bay/{bay}
        format: json
        reading: bay
        occupied: /occupied
        observed: /time
      - {topic: "bath/{facility}/count", reading: counter, in: /total_in, out: /total_out, wraps_at: 65536}
      - {topic: "bath/{facility}/gate/in", format: text, reading: movement, in: 1}
      - {topic: "bath/{facility}/level", format: json, reading: level, occupied: /occupancy}
      - topic: pgs/{sign}/state
        format: text
        reading: bay
        facility: podium
        bay: "{sign}"
        occupied: ""
        values: {occupied: [OCCUPIED, "1"], vacant: [FREE, "0"]}
      - topic: bath/{facility}/state
        format: text
        reading: state
        state: ""
        values: {open: OPEN, closed: [SHUT]}

    """

/// What ``everyKind`` means.
func everyKindMeant() throws -> Configuration {
    Configuration(
        brokers: [
            Configuration.Broker(
                name: "council",
                urls: [Configuration.BrokerURL(scheme: .mqtt, host: "127.0.0.1", port: 1883)],
                clientIdentifier: "carparkd",
                username: "carparkd",
                password: .credential("mqtt-password"),
                tls: Configuration.TLS(
                    ca: .file("/etc/ssl/certs/ca-certificates.crt"),
                    certificate: nil,
                    key: nil
                ),
                keepAlive: .seconds(30),
                sessionExpiry: .seconds(604_800),
                receiveMaximum: 1000
            )
        ],
        stateDirectory: "/var/lib/carparkd/state",
        runtimeDirectory: nil,
        feed: Configuration.Feed(
            directory: "/var/lib/carparkd/feed",
            temporaryDirectory: "/var/lib/carparkd/feed.tmp",
            interval: .seconds(1),
            heartbeat: .seconds(60),
            publisher: Configuration.Publisher(
                name: "Bath & North East Somerset Council",
                url: "https://www.example.org/parking",
                licence: "OGL-UK-3.0",
                attribution: "Contains public sector information "
                    + "licensed under the Open Government Licence v3.0."
            )
        ),
        history: Configuration.History(
            span: .seconds(86_400),
            step: .seconds(60),
            trendWindow: .seconds(900)
        ),
        limits: Configuration.Limits(
            payloadBytes: 65_536,
            jsonDepth: 64,
            topicBytes: 1024,
            bays: 20_000,
            sensors: 100_000,
            unknownDevices: 1000
        ),
        facilities: try everyFacility(),
        devices: nil,
        rules: try everyRule()
    )
}

private func everyFacility() throws -> [Facility] {
    [
        Facility(
            id: try #require(FacilityIdentifier("charlotte-street")),
            name: "Charlotte Street Car Park",
            capacity: 1056,
            location: Location(latitude: 51.3837, longitude: -2.3665),
            almostFull: Thresholds(rising: 960, falling: 900),
            full: Thresholds(rising: 1050, falling: 1030),
            staleAfter: .seconds(900)
        ),
        Facility(
            id: try #require(FacilityIdentifier("podium")),
            name: "Podium Car Park",
            capacity: 521
        ),
    ]
}

private func everyRule() throws -> [Rule] {
    [
        Rule(
            topic: try TopicPattern("bath/{facility}/bay/{bay}"),
            format: .json,
            observed: .pointer("/time"),
            kind: .bay(
                bay: .capture("bay"),
                occupied: .pointer("/occupied"),
                words: Rule.Words()
            )
        ),
        Rule(
            topic: try TopicPattern("bath/{facility}/count"),
            format: .json,
            kind: .counter(
                arrivals: .pointer("/total_in"),
                departures: .pointer("/total_out"),
                wrapsAt: 65_536
            )
        ),
        Rule(
            topic: try TopicPattern("bath/{facility}/gate/in"),
            format: .text,
            kind: .movement(arrivals: .constant("1"), departures: nil)
        ),
        Rule(
            topic: try TopicPattern("bath/{facility}/level"),
            format: .json,
            kind: .occupied(.pointer("/occupancy"))
        ),
        Rule(
            topic: try TopicPattern("pgs/{sign}/state"),
            format: .text,
            facility: .constant("podium"),
            kind: .bay(
                bay: .capture("sign"),
                occupied: .pointer(""),
                words: Rule.Words(["OCCUPIED": true, "1": true, "FREE": false, "0": false])
            )
        ),
        Rule(
            topic: try TopicPattern("bath/{facility}/state"),
            format: .text,
            kind: .state(.pointer(""), words: Rule.Words(["OPEN": .open, "SHUT": .closed]))
        ),
    ]
}
