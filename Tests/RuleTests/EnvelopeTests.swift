import Ingest
import Occupancy
import Parking
import Testing

@Suite struct `The envelope of The Things Stack` {
    private static let rule = """
          - topic: v3/{application}/devices/{device}/up
            envelope: ttn
            reading: bay
            occupied: /occupied
            health: {silent_after: 26h}
        """
    private static let devices = "device,facility,bay\nbay-7,podium,7\n"

    private func council() throws -> Council { try Council(Self.rule, devices: Self.devices) }

    /// An uplink as the network server sends it: what is 0, false or empty is left out.
    private func uplink(
        _ payload: String?,
        count: Int = 0,
        session: String = "AYx",
        received: String = "2026-11-23T11:59:58.123456789Z",
        _ more: String = ""
    ) -> String {
        let decoded = payload.map { #""decoded_payload":\#($0),"# } ?? ""
        let number = count == 0 ? "" : #""f_cnt":\#(count),"#
        return #"""
            {"end_device_ids":{"device_id":"bay-7","application_ids":{"application_id":"town"}},
            "received_at":"2026-11-23T11:59:59Z",\#(more)
            "uplink_message":{"session_key_id":"\#(session)",\#(number)\#(decoded)
            "frm_payload":"AQ==","rx_metadata":[{"time":"1980-01-06T00:00:00Z"}],
            "received_at":"\#(received)"}}
            """#
    }

    private let topic = "v3/town@ttn/devices/bay-7/up"

    @Test func `holds the reading, and the time at which the network server heard it`() throws {
        let council = try council()
        council.send(topic, uplink(#"{"occupied":true}"#))
        #expect(council.bay("7") == true)
        #expect(
            council.occupancy.counts(of: 0).observedMilliseconds == Council.noon - 1_877
        )
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `leaves out a frame counter of 0, which is a number like any other`() throws {
        let council = try council()
        for _ in 0..<2 { council.send(topic, uplink(#"{"occupied":true}"#)) }
        #expect(council.takeIncidents() == [.repeatedMessage])
        council.send(topic, uplink(#"{"occupied":false}"#, count: 1))
        #expect(council.bay("7") == false)
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `tells a second join, which begins at 0 again, from a repetition`() throws {
        let council = try council()
        council.send(topic, uplink(#"{"occupied":true}"#, session: "first"))
        council.send(
            topic,
            uplink(#"{"occupied":false}"#, session: "second", received: "2026-11-23T11:59:59Z")
        )
        #expect(council.bay("7") == false)
        #expect(council.takeIncidents() == [.sequenceReset])
    }

    @Test func `a message that is not about parking is not missing between two numbers`() throws {
        let council = try Council(
            """
              - topic: v3/+/devices/{device}/up
                envelope: ttn
                when: {/occupied: {present: true}}
                reading: bay
                occupied: /occupied
            """,
            devices: Self.devices
        )
        council.send(topic, uplink(#"{"occupied":true}"#, count: 4))
        council.send(topic, uplink(#"{"firmware":"0.29.2"}"#, count: 5))
        council.send(topic, uplink(#"{"occupied":true}"#, count: 6))
        #expect(council.takeIncidents() == [.noCondition])
    }

    @Test func `simulated messages, joins and payloads without a decoder count nothing`() throws {
        let council = try council()
        council.send(topic, uplink(#"{"occupied":true}"#, #""simulated":true,"#))
        #expect(council.takeIncidents() == [.simulated])
        council.send(topic, #"{"join_accept":{"session_key_id":"AYx"}}"#)
        #expect(council.takeIncidents() == [.notAnUplink])
        council.send(topic, uplink(nil))
        #expect(council.takeIncidents() == [.notDecoded])
        #expect(council.occupied == nil)
    }

    @Test func `a condition on the envelope takes what is left out for 0`() throws {
        let council = try Council(
            """
              - topic: v3/+/devices/{device}/up
                envelope: ttn
                when: {"envelope:/uplink_message/f_port": 0}
                reading: bay
                occupied: /occupied
            """,
            devices: Self.devices
        )
        council.send(topic, uplink(#"{"occupied":true}"#))
        #expect(council.bay("7") == true)
    }

    @Test func `an unknown device is counted and listed`() throws {
        let council = try council()
        council.send("v3/town@ttn/devices/bay-8/up", uplink(#"{"occupied":true}"#))
        #expect(council.takeIncidents() == [.unknownDevice])
        #expect(council.unknownDevices.devices.map(\.name) == [Array("bay-8".utf8)])
    }
}

@Suite struct `The envelope of ChirpStack` {
    private func council() throws -> Council {
        try Council(
            """
              - topic: application/+/device/{device}/event/+
                envelope: chirpstack
                reading: bay
                occupied: /occupied
                health: {silent_after: 26h}
            """,
            devices: "device,facility,bay\n0080e115000a0001,podium,7\n"
        )
    }

    private func topic(_ event: String) -> String {
        "application/17c82e96/device/0080e115000a0001/event/\(event)"
    }

    private func up(_ occupied: Bool, count: Int, id: String = "57433366") -> String {
        #"""
        {"deduplicationId":"\#(id)","time":"2026-11-23T11:59:58+00:00",
        "deviceInfo":{"devEui":"0080e115000a0001","tags":{"plate":"AB12 CDE"}},"devAddr":"00189440",
        "fCnt":\#(count),"fPort":1,"data":"AQ==","object":{"occupied":\#(occupied)}}
        """#
    }

    @Test func `holds the reading, its time and its number`() throws {
        let council = try council()
        council.send(topic("up"), up(true, count: 4))
        council.send(topic("up"), up(true, count: 4))
        #expect(council.bay("7") == true)
        #expect(council.occupancy.counts(of: 0).observedMilliseconds == Council.noon - 2_000)
        #expect(council.takeIncidents() == [.repeatedMessage])
    }

    @Test func `the same number of another message is a new beginning`() throws {
        let council = try council()
        council.send(topic("up"), up(true, count: 0, id: "one"))
        council.send(topic("up"), up(false, count: 0, id: "two"))
        #expect(council.bay("7") == false)
        #expect(council.takeIncidents() == [.sequenceReset])
    }

    @Test func `a sensor that joined anew is not late, though its first message was lost`() throws {
        let council = try council()
        for number in 0...5 {
            council.send(topic("up"), up(true, count: number, id: "a\(number)"))
        }
        #expect(council.takeIncidents().isEmpty)
        let rejoined = up(false, count: 1, id: "b1").replacing("00189440", with: "01be2f77")
        council.send(topic("up"), rejoined)
        #expect(council.bay("7") == false)
        #expect(council.takeIncidents() == [.sequenceReset])
    }

    @Test func `its status tells of the battery`() throws {
        let council = try council()
        council.send(
            topic("status"),
            #"{"deviceInfo":{"devEui":"0080e115000a0001"},"margin":7,"batteryLevel":75.59}"#
        )
        #expect(council.sensor("0080e115000a0001")?.battery == .percent(Double(Float(75.59))))
        #expect(council.occupied == nil)
        #expect(council.takeIncidents().isEmpty)
    }

    @Test(arguments: [
        #""externalPowerSource":true,"batteryLevel":0.0"#,
        #""batteryLevelUnavailable":true,"batteryLevel":0.0"#, #""batteryLevel":150"#,
        #""batteryLevel":-5"#,
    ])
    func `its status tells of no battery where there is none, or none was measured`(
        fields: String
    ) throws {
        let council = try council()
        council.send(topic("status"), #"{"margin":7,\#(fields)}"#)
        let sensor = try #require(council.sensor("0080e115000a0001"))
        #expect(sensor.battery == nil)
        let plain =
            #"{"externalPowerSource":false,"batteryLevelUnavailable":false,"batteryLevel":0}"#
        council.send(topic("status"), plain)
        #expect(council.sensor("0080e115000a0001")?.battery == .percent(0))
    }

    @Test(arguments: [
        ("UPLINK_F_CNT_RESET", Incident.frameCounterReset),
        ("UPLINK_F_CNT_RETRANSMISSION", .retransmission), ("OTAA", .networkServerTrouble),
    ])
    func `its log is counted`(code: String, incident: Incident) throws {
        let council = try council()
        council.send(topic("log"), #"{"level":"ERROR","code":"\#(code)","description":"…"}"#)
        #expect(council.takeIncidents() == [incident])
    }

    @Test(arguments: ["join", "ack", "txack", "location", "integration"])
    func `its other events are not about parking`(event: String) throws {
        let council = try council()
        council.send(topic(event), #"{"deviceInfo":{"devEui":"0080e115000a0001"}}"#)
        #expect(council.takeIncidents() == [.notAnUplink])
    }
}
