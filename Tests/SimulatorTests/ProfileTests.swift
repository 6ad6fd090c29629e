import Ingest
import Parking
import Simulator
import TestSupport
import Testing

/// How the payloads of a sensor reach the broker.
enum Way: String, CaseIterable, Sendable {
    case plain, ttn, chirpstack

    /// A rule that reads the sensors of a profile.
    func rule(_ profile: String) -> String {
        switch self {
        case .plain: #"  - {topic: "sensors/{device}", profile: \#(profile)}"#
        case .ttn: #"  - {topic: "v3/+/devices/{device}/up", envelope: ttn, profile: \#(profile)}"#
        case .chirpstack:
            #"  - {topic: "application/+/device/{device}/event/+", envelope: chirpstack, profile: \#(profile)}"#
        }
    }
}

/// A profile, and how its sensors are heard.
struct ProfiledWay: Sendable, CustomTestStringConvertible {
    let profile: String
    let way: Way

    var testDescription: String { "\(profile), \(way)" }

    static let all = Files.names(in: profileDirectory).flatMap { name in
        Way.allCases.map { ProfiledWay(profile: String(name.dropLast(".yaml".count)), way: $0) }
    }
}

/// What a council with a profile and a list of devices hears before its sensors arrive.
@Suite struct `Sensors of a profile` {
    /// What can't be played, and why: to become shorter.
    private static let unplayed: [String: String] = [
        "isentek-text, ttn": "an envelope holds JSON",
        "isentek-text, chirpstack": "an envelope holds JSON",
    ]

    private static let played = ProfiledWay.all.filter { unplayed[$0.testDescription] == nil }

    private static let bayProfiles: Set = [
        "aws-iot-shadow", "bosch-tps110", "isentek-text", "libelium-smart-parking",
        "milesight-em400-mud", "moko-lw009", "nwave-nps405", "pni-cloud", "pni-placepod",
        "tekzitel-tekzipark",
    ]

    /// Thirty bays, some of them with a threshold of their own, and some with a clock that is fast.
    private static let bays = (1...30).map { bay in
        "b\(bay),podium,,B\(bay),,\(bay % 2 == 0 ? "900" : ""),,\(bay % 3 == 0 ? "-90s" : "")"
    }

    /// A counter at each end, the one turned round.
    private static let gates = ["g1,podium,,,,,forward,", "g2,podium,,,,,reversed,-90s"]

    @Test(arguments: played)
    func `tell the daemon of every vehicle`(way: ProfiledWay) throws {
        let isOfBays = Self.bayProfiles.contains(way.profile)
        var town = try PlayedTown(
            way.way.rule(way.profile),
            devices: isOfBays ? Self.bays : Self.gates
        )
        try town.playTruly(bays: isOfBays ? Self.bays.count : 0)
        let speakers = Set(town.messages.map { town.device(of: $0) })
        #expect(speakers.count == (isOfBays ? Self.bays.count : Self.gates.count))
    }

    @Test(arguments: Way.allCases)
    func `of PlacePods count as well where they are in no bay`(way: Way) throws {
        var town = try PlayedTown(way.rule("pni-placepod"), devices: Self.gates)
        try town.playTruly()
    }

    @Test func `leave out only what is named here`() throws {
        var left: [String: Set<Simulator.Reason>] = [:]
        for profile in Set(Self.played.map(\.profile)) {
            let isOfBays = Self.bayProfiles.contains(profile)
            let town = try PlayedTown(
                Way.plain.rule(profile),
                devices: isOfBays ? Self.bays : Self.gates
            )
            let reasons = town.simulator.omissions.map(\.reason)
            left[profile] = Set(reasons).subtracting([.countsNothing])
        }
        #expect(
            left.filter { !$0.value.isEmpty } == [
                // Its sensors say their totals at once, or make up for them in a history; each says them once.
                "milesight-vs350": [.anotherCounts],
                // Its sensors count where they are in no bay.
                "pni-placepod": [.noDevice],
            ]
        )
    }

    @Test(arguments: [
        (
            Way.ttn, "v3/simulated/devices/b1/up",
            #"{"uplink_message":{"decoded_payload":{"occupied":false},"session_key_id":"SESSION","#
                + #""f_port":1,"f_cnt":1,"received_at":"TIME"},"#
                + #""end_device_ids":{"device_id":"b1"},"received_at":"TIME"}"#
        ),
        (
            .chirpstack, "application/simulated/device/b1/event/up",
            #"{"object":{"occupied":false},"deduplicationId":"UUID","time":"TIME","#
                + #""deviceInfo":{"devEui":"b1"},"devAddr":"SESSION","fCnt":1,"fPort":1}"#
        ),
    ]) func `in an envelope say what the network server says`(
        way: Way,
        topic: String,
        payload: String
    ) throws {
        var town = try PlayedTown(way.rule("nwave-nps405"), devices: ["b1,podium,,B1,,,,"])
        _ = town.step()
        let message = try #require(town.messages.first)
        let due = message.dueMilliseconds
        let time =
            RFC3339.text(due).dropLast() + "." + String(1000 + due % 1000).dropFirst() + "Z"
        let identity = message.text.split(separator: "\"").first { $0.utf8.count == 36 } ?? "UUID"
        let text = message.text.replacing(time, with: "TIME").replacing(identity, with: "UUID")
            .replacing("06fd6700", with: "SESSION")
        #expect(text == payload)
        #expect(message.topicText == topic)
    }

    @Test(arguments: [Way.ttn, .chirpstack])
    func `in an envelope are heard once, however often they are delivered`(way: Way) throws {
        var options = Simulator.Options.faultless
        options.duplicateProbability = 0.1
        var town = try PlayedTown(
            way.rule("axis-license-plate-verifier"),
            devices: Self.gates,
            options: options
        )
        try town.playTruly(ignoring: [.repeatedMessage])
        let texts = town.messages.map(\.text)
        #expect(Set(texts).count < texts.count)
    }

    @Test(arguments: [Way.ttn, .chirpstack])
    func `in an envelope are new after the simulation began anew`(way: Way) throws {
        // A sensor that said 1 and 2 would repeat itself if it said 1 again.
        var town = try PlayedTown(way.rule("milesight-vs133-region"), devices: ["g,podium,,,,,,"])
        for _ in 0..<2 { _ = town.step() }
        town.restart()
        try town.playTruly(ignoring: [.sequenceReset])
    }
}
