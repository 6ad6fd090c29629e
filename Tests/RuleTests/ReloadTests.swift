import Occupancy
import Testing

/// What is known of sensors when the rules are others.
@Suite struct `Sensors after a reload` {
    private static let bays = """
          - topic: park/{facility}/{bay}
            reading: bay
            occupied: /occupied
            health: {battery: /battery, silent_after: 1h}
        """
    private static let devices = """
          - {topic: "radio/{device}/up", reading: heartbeat, bay: "{device}", health: {silent_after: 1h}}
        """

    @Test func `are known under the numbers that their rules have now`() throws {
        let former = try Council(Self.bays)
        former.send("park/podium/1", #"{"occupied": true, "battery": 12}"#)
        let council = try Council(
            """
              - {topic: "elsewhere/{facility}", reading: level, occupied: /n}
            \(Self.bays.replacing("1h", with: "2h"))
            """,
            after: former
        )
        let sensor = try #require(council.sensor("park/podium/1"))
        #expect(sensor.rule == 1)
        #expect(sensor.battery == .percent(12))
        #expect(sensor.heardWallMilliseconds == Council.noon)
    }

    @Test func `are forgotten where no rule reads their topics any more`() throws {
        let former = try Council(Self.bays)
        former.send("park/podium/1", #"{"occupied": true}"#)
        let council = try Council(
            Self.bays.replacing("park/{facility}/{bay}", with: "park/{facility}/bay/{bay}"),
            after: former
        )
        #expect(council.sensor("park/podium/1") == nil)
    }

    @Test func `are forgotten where the list has them no more`() throws {
        let former = try Council(Self.devices, devices: "device,facility\na,podium\nb,podium\n")
        for device in ["a", "b"] { former.send("radio/\(device)/up", "{}") }
        let council = try Council(
            Self.devices,
            devices: "device,facility\nb,podium\nc,podium\n",
            after: former
        )
        #expect(council.sensor("a") == nil)
        #expect(council.sensor("b")?.heardWallMilliseconds == Council.noon)
    }
}
