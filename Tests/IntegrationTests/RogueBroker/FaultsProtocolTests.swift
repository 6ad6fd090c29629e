import Glibc
import TestSupport
import Testing

/// What sensors and brokers do that the protocol allows: each message counts as it should, through a real mosquitto.
@Suite struct `The protocol's odd ways` {
    private let directory = ScratchDirectory()

    @Test func `a sensor's messages at QoS 2 count once each`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        for qos in ["2", "1", "0", "2"] {
            try await broker.publish("park/gate/gate/in", "", ["-q", qos, "--repeat", "50"])
        }
        // What is at QoS 0 carries no promise, but on one machine it arrives.
        try await town.shows(["gate": 200])
        // We asked for QoS 1: that is what the broker sends us.
        let sent = broker.log.split(separator: "\n").filter {
            $0.contains("Sending PUBLISH to carparkd ")
        }
        #expect(sent.count == 200)
        #expect(sent.allSatisfy { !$0.contains(" q2,") })
        #expect(daemon.lines("messages refused").isEmpty)
    }

    @Test
    func `retained messages come with every subscription: states are applied, movements refused`()
        async throws
    {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        try await broker.publish("park/bays/bay/a", #"{"occupied": true}"#, ["-r"])
        try await broker.publish("park/bays/bay/b", #"{"occupied": true}"#, ["-r"])
        try await broker.publish("park/level/level", #"{"count": 12}"#, ["-r"])
        try await broker.publish("park/gate/gate/in", "1", ["-r"])
        let arguments = try town.write()
        for round in 1...3 {
            let daemon = try carparkd(["run"] + arguments)
            try await daemon.says("retained movement ignored")
            try await broker.publish("park/gate/gate/in", "", ["--repeat", "2"])
            try await broker.publish("park/gate/gate/out", "")
            try await town.shows(["bays": 2, "level": 12, "gate": round])
            daemon.send(SIGTERM)
            #expect(try await daemon.exit() == .status(0))
            let feed = town.published
            #expect(feed?.facilities["gate"]?.occupied == round)
            #expect(daemon.lines("retained movement ignored").count == 1)
        }
    }

    @Test func `a redelivery with DUP counts if it is the first that arrives, and else not`()
        async throws
    {
        let town = try RogueTown([
            // Acknowledged, and the broker never heard of it.
            Attack("arrived", .ended("hung up")) { peer throws(RogueEnd) in
                try peer.greet()
                try peer.deliver(RogueBroker.messages[0])
                try peer.deliver(RogueBroker.messages[1])
                try peer.hangUp()
            },
            // Lost on the way: the broker has it under way all the same.
            Attack("lost", .ended("hung up")) { peer throws(RogueEnd) in
                try peer.greet()
                peer.loses(RogueBroker.messages[0])
                peer.loses(RogueBroker.messages[1])
                try peer.hangUp()
            },
            // One of each, and again and again.
            Attack("both", .ended("hung up"), times: 2) { peer throws(RogueEnd) in
                try peer.greet()
                try peer.deliver(RogueBroker.messages[0])
                peer.loses(RogueBroker.messages[1])
                try peer.hangUp()
            },
        ])
        try await town.settles()
        try await town.ends()
    }

    @Test func `messages out of order leave the newest state`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.rules = [
            #"{topic: "park/{facility}/bay/{bay}", reading: bay, occupied: /occupied, observed: /at}"#,
            #"{topic: "park/{facility}/level", reading: level, occupied: /count, observed: /at}"#,
        ]
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        let seconds = now.tv_sec - 100
        for (bay, age, isOccupied) in [
            ("a", 2, true), ("a", 3, false), ("b", 4, true), ("b", 1, false), ("b", 2, true),
            ("c", 0, true),
        ] {
            let payload = #"{"occupied": \#(isOccupied), "at": \#(seconds - age)}"#
            try await broker.publish("park/bays/bay/\(bay)", payload)
        }
        for (count, age) in [(5, 3), (7, 1), (6, 2)] {
            let payload = #"{"count": \#(count), "at": \#(seconds - age)}"#
            try await broker.publish("park/level/level", payload)
        }
        try await broker.wasAcknowledged(by: "carparkd", count: 9)
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        // Occupied are a, whose later message was older, and c; b was left.
        #expect(town.published?.facilities["bays"]?.occupied == 2)
        #expect(town.published?.facilities["level"]?.occupied == 7)
    }
}

/// The catalogue of protocol faults, and what proves that each is survived.
@Suite struct `The catalogue of protocol faults` {
    @Test(arguments: [
        ("packets out of place", "are overlooked, or end the connection, and change nothing"),
        ("wrong lengths", "end the connection"),
        ("reserved types and flags", "are refused, or mean nothing"),
        ("bad UTF-8", "end the connection where they are none, and count nothing"),
        ("oversized packets, 100 MB in one", "end the connection before they come"),
        ("packets that cost more than their size", "leave no memory behind"),
        ("QoS 2 publications by sensors", "a sensor's messages at QoS 2 count once each"),
        ("QoS 2 from the broker", "counts once where it is 2, by the handshake"),
        (
            "retained messages on every subscribe",
            "retained messages come with every subscription: states are applied, movements refused"
        ),
        (
            "a flood of retained messages",
            "is borne, applied where it is a state, and refused where it is a movement"
        ),
        (
            "duplicates with the DUP flag",
            "a redelivery with DUP counts if it is the first that arrives, and else not"
        ),
        ("messages out of order", "messages out of order leave the newest state"),
        ("the broker refuses us", "is said once, with its reason and advice"),
        ("the broker says goodbye", "is said with its reason and advice"),
        ("the broker takes us over", "don't storm each other, and say what is wrong"),
        ("the broker is silent or slow", "is borne for so long and no longer"),
        ("half a packet", "change nothing"),
        ("odd terms", "are kept where they can be, and refused where not"),
        ("refused subscriptions", "is said where it refuses, and changes nothing else"),
        ("a broker that never listens", "to our acknowledgements is answered by silence"),
        ("no storm", "is asked less and less often"),
    ]) func `has a test for each`(fault: String, test: String) throws {
        let tests = try #require(Self.sources)
        #expect(tests.contains("func `\(test)`"), "\(fault)")
    }

    /// The tests beside this file, as text.
    private static let sources: String? = {
        let directory = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        guard let stream = unsafe opendir(directory) else { return nil }
        defer { unsafe _ = closedir(stream) }
        var text = ""
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe String(cString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
            }
            guard name.hasSuffix("Tests.swift") else { continue }
            text +=
                Files.read("\(directory)/\(name)").map { String(decoding: $0, as: UTF8.self) }
                ?? ""
        }
        return text
    }()
}
