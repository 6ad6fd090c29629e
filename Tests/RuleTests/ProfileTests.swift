import Glibc
import Ingest
import Occupancy
import Parking
import Testing

/// Where the profiles lie.
let profileDirectory =
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Config/profiles"

/// How the payloads of a sensor reach the broker.
enum Way: String, CaseIterable, Sendable {
    case plain, ttn, chirpstack

    var topic: String {
        switch self {
        case .plain: "sensors/{device}"
        case .ttn: "v3/+/devices/{device}/up"
        case .chirpstack: "application/+/device/{device}/event/+"
        }
    }

    func topic(of device: String) -> String {
        switch self {
        case .plain: "sensors/\(device)"
        case .ttn: "v3/town@ttn/devices/\(device)/up"
        case .chirpstack: "application/17c82e96/device/\(device)/event/up"
        }
    }

    /// The message of a payload, with a number of its own.
    func message(_ payload: String, number: Int) -> String {
        switch self {
        case .plain: payload
        case .ttn:
            #"""
            {"end_device_ids":{"device_id":"a"},"uplink_message":{"session_key_id":"AYx",
            "f_cnt":\#(number),"f_port":1,"decoded_payload":\#(payload)}}
            """#
        case .chirpstack:
            #"""
            {"deduplicationId":"\#(number)","deviceInfo":{"devEui":"a"},
            "fCnt":\#(number),"fPort":1,"object":\#(payload)}
            """#
        }
    }
}

/// A sensor of a profile, in bay 1 of the first car park, and what it says.
final class ProfiledSensor {
    let council: Council
    private let way: Way
    private var number = 0

    init(
        _ profile: String,
        _ way: Way = .plain,
        row: String = "podium,1,,",
        besides: String = ""
    ) throws {
        self.way = way
        let envelope = way == .plain ? "" : ", envelope: \(way.rawValue)"
        council = try Council(
            "  - {topic: \"\(way.topic)\"\(envelope), profile: \(profile)\(besides)}",
            devices: "device,facility,bay,threshold,direction\na,\(row)\n",
            profiles: profileDirectory
        )
    }

    /// Says something a minute after the last time.
    func say(_ payload: String) {
        council.wait(.seconds(60))
        number += 1
        council.send(way.topic(of: "a"), way.message(payload, number: number))
    }

    var bay: Bool? { council.bay("1") }
    var occupied: Int? { council.occupied }
    var state: SensorState? { council.sensor("a") }
    var incidents: [Incident] { council.takeIncidents() }
}

/// A voltage as it is kept: in single precision.
private func volts(_ value: Double) -> Battery { .volts(Double(Float(value))) }

/// A bay sensor's messages in their order, and the state of the bay after each.
struct BayStory: Sendable, CustomTestStringConvertible {
    let profile: String
    let messages: [(payload: String, bay: Bool?)]

    var testDescription: String { profile }

    init(_ profile: String, _ messages: (String, Bool?)...) {
        self.profile = profile
        self.messages = messages.map { (payload: $0.0, bay: $0.1) }
    }
}

/// Bay sensors on LoRaWAN: each of these stories is told plain and in both envelopes.
private let loraStories = [
    BayStory(
        "bosch-tps110",
        (
            #"{"type":"startup","debugCodes":[804,885],"firmwareVersion":"0.29.2","occupied":false}"#,
            false
        ),
        (#"{"type":"parking status","occupied":true}"#, true),
        (#"{"type":"heartbeat","occupied":true,"temperature":-1}"#, true),
        (#"{"type":"device info","firmwareVersion":"0.29.2"}"#, true),
        (#"{"p_state":"free"}"#, false),
        (#"{"p_state":"occupied"}"#, true),
        (#"{"map_state":0}"#, false),
        (#"{"parked":1}"#, true)
    ),
    BayStory(
        "nwave-nps405",
        (
            #"{"type":"parking_status","occupied":true,"previous_state_duration":74,"previous_state_duration_error":0,"previous_state_duration_overflow":false}"#,
            true
        ),
        (#"{"type":"user_registration","tag_id":"04A1B2C3"}"#, true),
        (
            #"{"type":"heartbeat","occupied":false,"battery_voltage":3.344,"temperature":-10,"battery_health":"normal","hw_health_status":0}"#,
            false
        )
    ),
    BayStory(
        "pni-placepod",
        (#"{"parking_status":1,"battery":3.65,"temperature":22.5}"#, true),
        (#"{"keep_alive":1,"parking_status":1}"#, true),
        (#"{"reboot_response":1}"#, true),
        (#"{"recalibrate_success":1}"#, true),
        (#"{"parking_status":0}"#, false)
    ),
    BayStory(
        "libelium-smart-parking",
        (
            #"{"parking_slot_status":1,"parking_slot_status_name":"occupied","battery_state":0,"frame_type":0,"frame_counter":91,"sensor_error":0,"temperature":9}"#,
            true
        ),
        (#"{"parking_slot_status":0,"frame_type":3,"frame_counter":92,"sensor_error":1}"#, true),
        (#"{"parking_slot_status":0,"frame_type":4,"frame_counter":0,"sensor_error":0}"#, false),
        (#"{"parking_slot_status":1,"frame_type":1,"frame_counter":1}"#, true),
        (#"{"parking_slot_status_name":"empty","frame_type":0}"#, false),
        (#"{"parking_slot_status_name":"occupied","frame_type":1}"#, true),
        (#"{"occupied":false}"#, false)
    ),
    BayStory(
        "tekzitel-tekzipark",
        (
            #"{"occupied":1,"keepAlive":0,"reset":0,"No_Beacon":0,"Radar":1,"Obstruction":0,"Good_Battery":1,"Temperature":21,"Parking_ID":5}"#,
            true
        ),
        (#"{"occupied":1,"keepAlive":1,"Obstruction":0,"Good_Battery":1}"#, true),
        (#"{"occupied":0,"Fault_Code":3,"Obstruction":0,"Good_Battery":1}"#, false)
    ),
    BayStory(
        "moko-lw009",
        (#"{"payload_type":"Heartbeat message","battery_level":"88%"}"#, nil),
        (#"{"payload_type":"Parking spaces was occuiped","battery_level":"87%"}"#, true),
        (#"{"payload_type":"Heartbeat message","battery_level":"87%"}"#, true),
        (#"{"payload_type":"Strong magnetic interference"}"#, true),
        (#"{"payload_type":"Low battery alert"}"#, true),
        (#"{"payload_type":"Parking spaces become empty"}"#, false)
    ),
    BayStory(
        "milesight-em400-mud",
        (#"{"battery":92,"temperature":25.7,"distance":2116,"position":"normal"}"#, false),
        (#"{"battery":92,"distance":800,"position":"normal"}"#, true),
        (#"{"battery":92,"distance":1550,"position":"normal"}"#, true),
        (#"{"battery":92,"temperature":25.7,"distance":2116,"position":"tilt"}"#, true),
        (
            #"{"distance":2200,"distance_alarm":{"distance":2200,"alarm_status":"threshold alarm"}}"#,
            false
        )
    ),
]

@Suite struct `The profile` {
    @Test(arguments: loraStories, Way.allCases)
    func `of a bay sensor reads what it sends`(story: BayStory, way: Way) throws {
        let sensor = try ProfiledSensor(story.profile, way)
        for (payload, bay) in story.messages {
            sensor.say(payload)
            #expect(sensor.bay == bay, "\(payload)")
        }
        #expect(sensor.incidents.isEmpty)
        #expect(sensor.state != nil, "its health is kept")
    }

    @Test func `of each file in Config is tested`() throws {
        let counting = [
            "aws-iot-shadow", "axis-license-plate-verifier", "isentek-text", "milesight-vs133",
            "milesight-vs133-region", "milesight-vs350", "nwave-ncc405", "parametric-tcr",
            "parc-api", "pni-cloud", "utmc-outstation",
        ]
        let tested = (loraStories.map(\.profile) + counting).map { $0 + ".yaml" }
        #expect(try names(in: profileDirectory) == tested.sorted())
    }

    private func names(in directory: String) throws -> [String] {
        let stream = try unsafe #require(unsafe opendir(directory), "\(directory) is not there")
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    // MARK: Bays that are said in other ways

    @Test func `pni-cloud: in between the bay is what it was, and the server's time is right`()
        throws
    {
        let council = try Council(
            #"  - {topic: "placepod/uplink/+/{device}", profile: pni-cloud}"#,
            devices: "device,facility,bay\n0080000004000675,podium,54\n",
            profiles: profileDirectory
        )
        func presence(_ code: Int, _ word: String, at minute: Int) -> Bool? {
            council.send(
                "placepod/uplink/x/0080000004000675",
                #"""
                {"sensorId":"0080000004000675","parkingSpace":"Space #54","lat":38.42,"lon":-122.75,
                "parkingName":"…","Temperature":23,"Battery":3.648,
                "GatewayTime":"2026-11-23T12:0\#(minute):57.834Z","SENtralTime":309467131,
                "ServerTime":"2026-11-23T11:5\#(minute):08.977Z","CarPresence":\#(code),
                "status":"\#(word)","rssi":-79,"snr":11.6}
                """#,
                isRetained: true
            )
            return council.bay("54")
        }
        #expect(presence(0, "init", at: 0) == nil)
        #expect(presence(3, "occupied", at: 1) == true)
        #expect(
            council.occupancy.counts(of: 0).observedMilliseconds
                == Council.noon - 8 * 60_000 - 51_023
        )
        #expect(presence(4, "car leaving", at: 2) == true)
        #expect(presence(1, "vacant", at: 3) == false)
        #expect(presence(2, "car entering", at: 4) == false)
        #expect(council.sensor("0080000004000675")?.battery == volts(3.648))
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `isentek-text: node, time and state stand between slashes`() throws {
        let council = try Council(
            "  - {topic: isentek/device/gate-1, profile: isentek-text, facility: podium}",
            profiles: profileDirectory
        )
        council.send("isentek/device/gate-1", "17/1795435100/1")
        council.send("isentek/device/gate-1", "18/1795435160/0")
        #expect([council.bay("17"), council.bay("18")] == [true, false])
        #expect(council.occupancy.counts(of: 0).observedMilliseconds == Council.noon - 40_000)
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `isentek-text: with a list of nodes each is watched by itself`() throws {
        let council = try Council(
            "  - {topic: isentek/device/gate-1, profile: isentek-text, device: /0}",
            devices: "device,facility\n17,podium\n18,podium\n",
            profiles: profileDirectory
        )
        council.send("isentek/device/gate-1", "17/1795435100/1")
        #expect(council.bay("17") == true)
        #expect(council.sensor("17") != nil)
        #expect(council.sensor("18") == nil, "it was never heard")
        #expect(council.sensor("isentek/device/gate-1") == nil)
    }

    @Test func `aws-iot-shadow: a version that was there is a repetition`() throws {
        let council = try Council(
            #"  - {topic: "$aws/things/{device}/shadow/update/accepted", profile: aws-iot-shadow}"#,
            devices: "device,facility,bay\nmeter-1,podium,1\n",
            profiles: profileDirectory
        )
        let topic = "$aws/things/meter-1/shadow/update/accepted"
        func shadow(_ occupied: Bool, _ version: Int, _ seconds: Int64) {
            council.send(
                topic,
                #"{"state":{"reported":{"isOccupied":\#(occupied)}},"version":\#(version),"timestamp":\#(Council.noon / 1000 - seconds)}"#
            )
        }
        shadow(true, 57, 100)
        shadow(false, 58, 90)
        #expect(council.bay("1") == false)
        shadow(true, 57, 80)
        #expect(council.bay("1") == false)
        #expect(council.takeIncidents() == [.repeatedMessage])
    }

    @Test func `aws-iot-shadow: the sensor's own message has its time as a text`() throws {
        let council = try Council(
            "  - {topic: carpark, profile: aws-iot-shadow, device: /meter/number}",
            devices: "device,facility,bay\n1,podium,1\n",
            profiles: profileDirectory
        )
        council.send(
            "carpark",
            #"{"timestamp":"1795435100.0","meter":{"number":1},"isOccupied":true}"#
        )
        #expect(council.bay("1") == true)
        #expect(council.occupancy.counts(of: 0).observedMilliseconds == Council.noon - 100_000)
        #expect(council.takeIncidents().isEmpty)
    }

    // MARK: Counters

    @Test(arguments: Way.allCases)
    func `nwave-ncc405: one total, in or out by where it stands`(way: Way) throws {
        for (direction, expected) in [("forward", 10), ("reversed", 0)] {
            let sensor = try ProfiledSensor("nwave-ncc405", way, row: "podium,,,\(direction)")
            sensor.say(#"{"type":"counter_update","counter_value":65530}"#)
            sensor.say(
                #"{"type":"heartbeat","hw_health_status":5,"battery_voltage":2.908,"battery_voltage_mean_24h":2.888}"#
            )
            sensor.say(#"{"type":"counter_update","counter_value":4}"#)
            #expect(sensor.occupied == expected)
            #expect(sensor.state?.battery == volts(2.908))
            #expect(sensor.incidents.isEmpty)
            sensor.say(#"{"type":"startup","firmware_version":"1.13.0","reset_cause":"power_on"}"#)
            sensor.say(#"{"type":"counter_update","counter_value":1}"#)
            #expect(sensor.occupied == expected, "what begins anew is no burst")
        }
    }

    @Test(arguments: Way.allCases)
    func `pni-placepod: counts since the last message, but no codes`(way: Way) throws {
        let sensor = try ProfiledSensor("pni-placepod", way, row: "podium,,,")
        sensor.say(#"{"vehicle_count":32}"#)
        #expect(sensor.occupied == 32)
        sensor.say(#"{"vehicle_count":255}"#)
        #expect(sensor.incidents == [.resetCode])
        sensor.say(#"{"vehicle_count":0,"battery":3.65}"#)
        #expect(sensor.occupied == 32)
        #expect(sensor.incidents.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `milesight-vs350: totals, wherever they stand`(way: Way) throws {
        let sensor = try ProfiledSensor("milesight-vs350", way, row: "podium,,,")
        let noon = Council.noon / 1000
        sensor.say(#"{"total_in":18,"total_out":2,"period_in":18,"period_out":2,"battery":100}"#)
        sensor.say(#"{"total_in":28,"total_out":4,"period_in":10,"period_out":2}"#)
        #expect(sensor.occupied == 8)
        sensor.say(
            #"""
            {"history":[{"period_in":9,"period_out":2,"total_in":27,"total_out":4,"timestamp":\#(noon - 900)},
            {"period_in":7,"period_out":2,"total_in":25,"total_out":4,"timestamp":\#(noon - 1800)}]}
            """#
        )
        #expect(sensor.occupied == 8, "late totals are in the newest already")
        sensor.say(#"{"event":[{"type":"Counting Anomaly","status":"Alarm"}]}"#)
        #expect(sensor.state?.faults == .obstructed)
        sensor.say(#"{"event":[{"type":"Counting Anomaly","status":"Alarm Release"}]}"#)
        #expect(sensor.state?.faults == [])
        sensor.say(#"{"total_in":30,"total_out":4,"timestamp":\#(noon + 300)}"#)
        #expect(sensor.occupied == 10)
        #expect(sensor.state?.battery == .percent(100))
        #expect(sensor.incidents.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `milesight-vs350: events stand beside totals, and behind one another`(way: Way) throws {
        let sensor = try ProfiledSensor("milesight-vs350", way, row: "podium,,,")
        sensor.say(
            #"{"total_in":18,"total_out":2,"event":[{"type":"Counting Anomaly","status":"Alarm"}]}"#
        )
        #expect(sensor.state?.faults == .obstructed)
        sensor.say(#"{"total_in":20,"total_out":2,"battery":90}"#)
        #expect(sensor.state?.faults == .obstructed, "totals don't end it")
        sensor.say(
            #"""
            {"total_in":21,"total_out":2,"event":[{"type":"Threshold Alarm","status":"Alarm"},
            {"type":"Counting Anomaly","status":"Alarm Release"}]}
            """#
        )
        #expect(sensor.state?.faults == [])
        #expect(sensor.occupied == 3)
        #expect(sensor.state?.battery == .percent(90))
        #expect(sensor.incidents.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `milesight-vs133: each line is a counter of its own`(way: Way) throws {
        let sensor = try ProfiledSensor("milesight-vs133", way, row: "podium,,,")
        sensor.say(
            #"{"line_1_total_in":72,"line_1_total_out":20,"line_4_total_in":5300,"line_4_total_out":5200}"#
        )
        sensor.say(#"{"line_1_total_in":75,"line_1_total_out":21}"#)
        sensor.say(#"{"line_4_total_in":5310,"line_4_total_out":5202}"#)
        #expect(sensor.occupied == 3 - 1 + 10 - 2)
        #expect(sensor.incidents.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `milesight-vs133: a line may count in one direction alone`(way: Way) throws {
        let sensor = try ProfiledSensor("milesight-vs133", way, row: "podium,,,")
        sensor.say(#"{"line_1_total_in":72,"line_1_total_out":200,"line_4_total_in":5300}"#)
        sensor.say(#"{"line_1_total_in":72,"line_1_total_out":200,"line_4_total_in":5310}"#)
        #expect(sensor.occupied == 10)
        sensor.say(#"{"line_2_total_in":5}"#)
        sensor.say(#"{"line_2_total_in":7,"line_2_total_out":100}"#)
        #expect(sensor.occupied == 12, "the total of a direction that is new is no burst")
        sensor.say(#"{"line_2_total_out":103}"#)
        #expect(sensor.occupied == 9)
        #expect(sensor.incidents.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `milesight-vs133-region: what stands there now`(way: Way) throws {
        let sensor = try ProfiledSensor("milesight-vs133-region", way, row: "podium,,,")
        sensor.say(#"{"region_1_count":2}"#)
        #expect(sensor.occupied == 2)
        sensor.say(#"{"region_1_count":0}"#)
        sensor.say(#"{"line_1_total_in":72}"#)
        #expect(sensor.occupied == 0)
        #expect(sensor.incidents.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `parametric-tcr: both directions of an interval, and the time of its end`(way: Way) throws
    {
        for (direction, occupied) in [("forward", 100), ("reversed", 0)] {
            let sensor = try ProfiledSensor("parametric-tcr", way, row: "podium,,,\(direction)")
            sensor.say(
                #"{"ud_time":1155,"ud_ltr_cnt":1100,"ud_rtl_cnt":1000,"ud_ltr_spd":50,"volts":5.1}"#
            )
            #expect(sensor.occupied == occupied)
            let known = sensor.council.occupancy.counts(of: 0).observedMilliseconds
            #expect(known == Council.noon - 300_000)
            #expect(sensor.state?.battery == volts(5.1))
            #expect(sensor.incidents.isEmpty)
        }
    }

    @Test func `parametric-tcr: another zone may stand beside it`() throws {
        let sensor = try ProfiledSensor(
            "parametric-tcr",
            row: "podium,,,",
            besides: ", observed: {field: /ud_time, format: hhmm, zone: Europe/Berlin}"
        )
        sensor.say(#"{"ud_time":1255,"ud_ltr_cnt":1,"ud_rtl_cnt":0}"#)
        let known = sensor.council.occupancy.counts(of: 0).observedMilliseconds
        #expect(known == Council.noon - 300_000)
    }

    @Test(arguments: [
        ("", ""), (#"{"topic":"tnsaxis:CameraApplicationPlatform/LPR","message":{"data":"#, "}}"),
    ])
    func `axis-license-plate-verifier: a car counts once, when it is lost`(
        before: String,
        after: String
    ) throws {
        let sensor = try ProfiledSensor("axis-license-plate-verifier", row: "podium,,,")
        func car(_ state: String, _ direction: String) {
            sensor.say(
                before
                    + #"{"carState":"\#(state)","carMoveDirection":"\#(direction)","carID":"1087595","text":"RZ3160","capture_timestamp":"\#(Council.noon)"}"#
                    + after
            )
        }
        car("new", "unknown")
        car("update", "in")
        car("update", "in")
        #expect(sensor.occupied == nil)
        car("lost", "in")
        car("lost", "in")
        #expect(sensor.occupied == 2)
        car("lost", "out")
        car("lost", "unknown")
        #expect(sensor.occupied == 1)
        #expect(sensor.incidents.isEmpty)
    }

    // MARK: Levels

    @Test func `utmc-outstation: occupancy, closed or not, and counts that ran over`() throws {
        let sensor = try ProfiledSensor("utmc-outstation", row: "podium,,,")
        func operating() -> OperatingState? { sensor.council.occupancy.counts(of: 0).operating }
        sensor.say(#"{"cps":1,"cos":0,"occupancy":42}"#)
        #expect(sensor.occupied == 42)
        #expect(operating() == .open)
        #expect(sensor.state?.faults == [])
        sensor.say(#"{"cps":8,"cos":2,"occupancy":0}"#)
        #expect(sensor.occupied == 0)
        #expect(operating() == .closed)
        #expect(sensor.state?.faults == .fault)
        #expect(sensor.incidents.isEmpty)
    }

    @Test func `utmc-outstation: of a zone it would close the whole car park`() {
        #expect(
            complaints(
                "  - {topic: \"u/{facility}\", profile: utmc-outstation, zone: level-1}",
                profiles: profileDirectory
            ) == [
                "carparkd.yaml:13:61: rules[0].zone: a state is that of the whole facility, which one "
                    + "closed zone would close; copy the profile without its rule for the state"
            ]
        )
    }

    @Test func `parc-api: a counter of the system, by its occupied or its free bays`() throws {
        let sensor = try ProfiledSensor("parc-api", row: "podium,,,")
        sensor.say(
            #"{"FacilityNo":1,"Designation":"Short stay","Carpark":1,"Type":1,"Index":0,"Capacity":100,"Occupied":42,"Free":58,"Status":"Free"}"#
        )
        #expect(sensor.occupied == 42)
        sensor.say(#"{"FacilityNo":1,"Free":50}"#)
        #expect(sensor.occupied == 50)
        #expect(sensor.incidents.isEmpty)
    }

    // MARK: Health

    @Test(arguments: [
        (
            "nwave-nps405",
            #"{"type":"heartbeat","occupied":true,"battery_voltage":3.344,"battery_health":"normal","hw_health_status":0}"#,
            FaultFlags()
        ),
        (
            "nwave-nps405",
            #"{"type":"heartbeat","occupied":true,"battery_voltage":3.344,"battery_health":"normal","hw_health_status":4}"#,
            .fault
        ),
        (
            "libelium-smart-parking", #"{"parking_slot_status":0,"frame_type":3,"sensor_error":1}"#,
            .fault
        ),
        (
            "libelium-smart-parking", #"{"parking_slot_status":0,"frame_type":0,"sensor_error":1}"#,
            .fault
        ),
        ("tekzitel-tekzipark", #"{"occupied":1,"Obstruction":1,"Good_Battery":1}"#, .obstructed),
        (
            "tekzitel-tekzipark",
            #"{"occupied":1,"Obstruction":0,"Good_Battery":1,"Fault_Code":7}"#, .fault
        ),
        ("moko-lw009", #"{"payload_type":"Strong magnetic interference"}"#, .obstructed),
        ("moko-lw009", #"{"payload_type":"Magenetic sensor failed(IC can't be read)"}"#, .fault),
        ("milesight-em400-mud", #"{"distance":2116,"position":"tilt"}"#, .tamper),
        ("milesight-em400-mud", #"{"distance":2116,"position":"normal"}"#, FaultFlags()),
    ]) func `tells what is wrong with the sensor`(
        profile: String,
        payload: String,
        faults: FaultFlags
    ) throws {
        let sensor = try ProfiledSensor(profile)
        sensor.say(payload)
        #expect(sensor.state?.faults == faults)
    }

    @Test(arguments: [
        (
            "nwave-nps405",
            #"{"type":"heartbeat","occupied":true,"battery_voltage":3.344,"battery_health":"normal","hw_health_status":0}"#,
            volts(3.344)
        ),
        (
            "nwave-nps405",
            #"{"type":"heartbeat","occupied":true,"battery_voltage":2.9,"battery_health":"critical","hw_health_status":0}"#,
            .low(true)
        ),
        ("pni-placepod", #"{"parking_status":1,"battery":3.65}"#, volts(3.65)),
        ("libelium-smart-parking", #"{"parking_slot_status":0,"battery_state":1}"#, .low(true)),
        ("tekzitel-tekzipark", #"{"occupied":1,"Good_Battery":0}"#, .low(true)),
        (
            "moko-lw009", #"{"payload_type":"Parking spaces become empty","battery_level":"87%"}"#,
            .percent(87)
        ),
        ("moko-lw009", #"{"payload_type":"Low battery alert","battery_level":"9%"}"#, .low(true)),
        (
            "milesight-em400-mud", #"{"battery":92,"distance":2116,"position":"normal"}"#,
            .percent(92)
        ),
    ]) func `tells of the battery`(profile: String, payload: String, battery: Battery) throws {
        let sensor = try ProfiledSensor(profile)
        sensor.say(payload)
        #expect(sensor.state?.battery == battery)
    }

    @Test(arguments: [
        #"{"parking_slot_status":1,"frame_type":1}"#, #"{"occupied":true,"frame_type":0}"#,
        #"{"parking_slot_status":1,"frame_type":0,"sensor_error":0}"#,
    ]) func `libelium-smart-parking: a fault ends with the next frame that is none`(
        next: String
    ) throws {
        let sensor = try ProfiledSensor("libelium-smart-parking")
        sensor.say(#"{"parking_slot_status":0,"frame_type":3,"battery_state":1}"#)
        #expect(sensor.state?.faults == .fault)
        sensor.say(#"{"temperature":9}"#)
        #expect(sensor.state?.faults == .fault, "which says nothing of it")
        sensor.say(next)
        #expect(sensor.state?.faults == [])
        #expect(sensor.bay == true)
    }

    @Test func `nwave-nps405: a heartbeat that leaves out its health is no bad news`() throws {
        let sensor = try ProfiledSensor("nwave-nps405")
        sensor.say(#"{"type":"heartbeat","occupied":true,"battery_voltage":3.344}"#)
        #expect(sensor.state?.battery == volts(3.344))
        #expect(sensor.state?.faults == [])
        sensor.say(
            #"{"type":"heartbeat","occupied":true,"battery_voltage":2.9,"battery_health":"low","hw_health_status":4}"#
        )
        sensor.say(#"{"type":"heartbeat","occupied":false}"#)
        #expect(sensor.state?.battery == .low(true), "what was known stays")
        #expect(sensor.state?.faults == .fault)
        #expect(sensor.bay == false)
        #expect(sensor.incidents.isEmpty)
    }

    @Test func `milesight-em400-mud: of a bay whose sensor was knocked nothing is heard`() throws {
        let sensor = try ProfiledSensor("milesight-em400-mud")
        func heard() -> Int64? {
            let bays = sensor.council.occupancy.bays
            let name = Array("1".utf8)
            let number = bays.find(name.span, facility: 0)
            return number.flatMap { bays.state(of: $0) }?.observedMilliseconds
        }
        sensor.say(#"{"distance":800,"position":"normal"}"#)
        let last = heard()
        #expect(last != nil)
        sensor.say(#"{"battery":92,"distance":2116,"position":"tilt"}"#)
        #expect(heard() == last, "so that 'bay_silence' lets go of it")
        #expect(sensor.bay == true)
        #expect(sensor.state?.battery == .percent(92))
    }

    @Test func `of a sensor that fails counts no bay that it had not`() throws {
        let sensor = try ProfiledSensor("milesight-em400-mud", row: "podium,1,500,")
        sensor.say(#"{"distance":300,"position":"tilt"}"#)
        #expect(sensor.bay == nil)
        sensor.say(#"{"distance":600,"position":"normal"}"#)
        #expect(sensor.bay == false, "its own threshold")
        sensor.say(#"{"distance":499,"position":"normal"}"#)
        #expect(sensor.bay == true)
    }
}
