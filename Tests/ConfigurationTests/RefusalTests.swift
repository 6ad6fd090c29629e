import Configuration
import Testing

/// A configuration that is wrong in one way, and what the operator is told.
struct Refusal: Sendable, CustomTestStringConvertible {
    let part: String
    let other: String
    let complaints: [String]

    init(_ part: String, _ other: String, _ complaints: String...) {
        self.part = part
        self.other = other
        self.complaints = complaints
    }

    var testDescription: String { other.debugDescription }
}

/// Each row replaces one part of the smallest configuration and tells every complaint that follows.
@Suite struct `Refused configurations` {
    private func check(_ refusal: Refusal) throws {
        let text = try smallest.replacing(once: refusal.part, by: refusal.other)
        #expect(complaints(text) == refusal.complaints)
    }

    @Test(arguments: brokersRefusals) func `brokers are checked`(refusal: Refusal) throws {
        try check(refusal)
    }

    @Test(arguments: feedRefusals) func `the feed is checked`(refusal: Refusal) throws {
        try check(refusal)
    }

    @Test(arguments: historyAndLimitsRefusals) func `history and limits are checked`(
        refusal: Refusal
    ) throws {
        try check(refusal)
    }

    @Test(arguments: facilitiesRefusals) func `facilities are checked`(refusal: Refusal) throws {
        try check(refusal)
    }

    @Test(arguments: rulesRefusals) func `rules are checked`(refusal: Refusal) throws {
        try check(refusal)
    }

    @Test(arguments: documentsRefusals) func `documents are checked`(refusal: Refusal) throws {
        try check(refusal)
    }

}

private let brokersRefusals = [
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    colour: red\n",
        "c.yaml:4:5: brokers[0].colour: unknown key; remove it"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    client_idd: x\n",
        "c.yaml:4:5: brokers[0].client_idd: unknown key; did you mean 'client_id'?"
    ),
    Refusal(
        "    urls: [mqtt://localhost]",
        "    url: [mqtt://localhost]",
        "c.yaml:3:5: brokers[0].url: unknown key; did you mean 'urls'?"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "",
        "c.yaml:2:5: brokers[0].urls: this key is missing: the broker's addresses, such as mqtt://host:1883"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[]",
        "c.yaml:3:11: brokers[0].urls: must not be empty"
    ),
    Refusal(
        "[mqtt://localhost]",
        "mqtt://localhost",
        "c.yaml:3:11: brokers[0].urls: must be a list"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"http://localhost\"]",
        "c.yaml:3:12: brokers[0].urls[0]: must begin with mqtt:// or mqtts://, not 'http://localhost'"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://\"]",
        "c.yaml:3:12: brokers[0].urls[0]: must be mqtt://HOST or mqtt://HOST:PORT, not 'mqtt://'"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://a b\"]",
        "c.yaml:3:12: brokers[0].urls[0]: must be mqtt://HOST or mqtt://HOST:PORT, not 'mqtt://a b'"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://localhost/path\"]",
        "c.yaml:3:12: brokers[0].urls[0]: must be mqtt://HOST or mqtt://HOST:PORT, not 'mqtt://localhost/path'"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://localhost:0\"]",
        "c.yaml:3:12: brokers[0].urls[0]: the port must be a number from 1 to 65535"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://localhost:65536\"]",
        "c.yaml:3:12: brokers[0].urls[0]: the port must be a number from 1 to 65535"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://localhost:\"]",
        "c.yaml:3:12: brokers[0].urls[0]: the port must be a number from 1 to 65535"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://me:secret@localhost\"]",
        "c.yaml:3:12: brokers[0].urls[0]: must hold no user and no password; use 'username' and 'password'"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[\"mqtt://[::1\"]",
        "c.yaml:3:12: brokers[0].urls[0]: must be mqtt://HOST or mqtt://HOST:PORT, not 'mqtt://[::1'"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[mqtt://localhost, \"mqtt://localhost:1883\"]",
        "c.yaml:3:30: brokers[0].urls[1]: the same address as urls[0]; remove it"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    client_id: car/parkd\n",
        "c.yaml:4:16: brokers[0].client_id: must not hold a space, '/', '+' or '#': it is a level of the topic of our status"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    client_id: \"\"\n",
        "c.yaml:4:16: brokers[0].client_id: must not be empty"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    password: hunter2\n    username: me\n",
        "c.yaml:4:15: brokers[0].password: must be {credential: NAME} or {file: PATH}; the password itself never stands here"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    username: me\n    password: {credential: ../etc/passwd}\n",
        "c.yaml:5:28: brokers[0].password.credential: must be the name of a credential: letters, digits, '.', '_' and '-'"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    username: me\n    password: {credential: a, file: /b}\n",
        "c.yaml:5:15: brokers[0].password: must be either {credential: NAME} or {file: PATH}, not both"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    username: me\n    password: {}\n",
        "c.yaml:5:15: brokers[0].password: must be {credential: NAME} or {file: PATH}"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    username: me\n    password: {file: b}\n",
        "c.yaml:5:22: brokers[0].password.file: must be an absolute path below /, not 'b'"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    password: {credential: a}\n",
        "c.yaml:4:15: brokers[0].password: a password needs a username beside it"
    ),
    Refusal(
        "[mqtt://localhost]",
        "[mqtts://a, mqtt://b]",
        "c.yaml:3:23: brokers[0].urls[1]: mqtt is not encrypted, but another address is: whoever blocks that one would read everything; use mqtts for all or for none"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtts://localhost]\n    tls: {certificate: {file: /c.pem}}\n",
        "c.yaml:4:24: brokers[0].tls.certificate: a certificate of ours needs its 'key' beside it"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtts://localhost]\n    tls: {key: {file: /k.pem}}\n",
        "c.yaml:4:16: brokers[0].tls.key: a key needs its 'certificate' beside it"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    keep_alive: 4s\n",
        "c.yaml:4:17: brokers[0].keep_alive: must be from 5s to 65535s, not 4s"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    keep_alive: 30\n",
        "c.yaml:4:17: brokers[0].keep_alive: must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not '30'"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    keep_alive: 5500ms\n",
        "c.yaml:4:17: brokers[0].keep_alive: must be a multiple of 1s, not 5500ms"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    session_expiry: 0s\n",
        "c.yaml:4:21: brokers[0].session_expiry: must be from 1s to 4294967295s, not 0s"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    receive_maximum: 0\n",
        "c.yaml:4:22: brokers[0].receive_maximum: must be from 1 to 32767, not 0"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n    receive_maximum: 32768\n",
        "c.yaml:4:22: brokers[0].receive_maximum: must be from 1 to 32767, not 32768"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n  - name: town\n    client_id: other\n    urls: [mqtt://elsewhere]\n",
        "c.yaml:4:11: brokers[1].name: brokers[0] has the name 'town' already; give each broker its own"
    ),
    Refusal(
        "    urls: [mqtt://localhost]\n",
        "    urls: [mqtt://localhost]\n  - name: village\n    urls: [mqtt://elsewhere, mqtt://localhost]\n",
        "c.yaml:4:5: brokers[1]: brokers[0] is client 'carparkd' at mqtt://localhost:1883 already: the two would throw each other out"
    ),
    Refusal(
        "  - name: town\n    urls: [mqtt://localhost]\n",
        "  - town\n",
        "c.yaml:2:5: brokers[0]: must be a mapping of keys to values"
    ),
]

private let feedRefusals = [
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: feed\n",
        "c.yaml:5:14: feed.directory: must be an absolute path below /, not 'feed'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/../feed\n",
        "c.yaml:5:14: feed.directory: must be a path without . and .., not '/srv/../feed'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /\n",
        "c.yaml:5:14: feed.directory: must be an absolute path below /, not '/'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  interval: 1s\n",
        "c.yaml:5:3: feed.directory: this key is missing: what the web host serves"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  interval: 999ms\n",
        "c.yaml:6:13: feed.interval: must be from 1s to 1h, not 999ms"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  interval: 10s\n  heartbeat: 5s\n",
        "c.yaml:7:14: feed.heartbeat: must be from 10s to 1d, not 5s"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  heartbeat: 2m30s\n",
        "c.yaml:6:14: feed.heartbeat: must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not '2m30s'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  heartbeat: -5s\n",
        "c.yaml:6:14: feed.heartbeat: must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not '-5s'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  temporary_directory: /srv/feed/tmp\n",
        "c.yaml:6:24: feed.temporary_directory: must not be feed.directory or lie in it: the web host would serve half a file"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  temporary_directory: /srv/feed/\n",
        "c.yaml:6:24: feed.temporary_directory: must not be feed.directory or lie in it: the web host would serve half a file"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  temporary_directory: /srv/state\nstate_directory: /srv/state\n",
        "c.yaml:6:24: feed.temporary_directory: feed.temporary_directory and state_directory must differ"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\nstate_directory: /srv/feed/state\n",
        "c.yaml:6:18: state_directory: feed.directory must not be state_directory or hold it: the web host would serve the journal"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\nruntime_directory: /srv/feed/run\n",
        "c.yaml:6:20: runtime_directory: must not be feed.directory or lie in it: the web host would serve the health of the daemon"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\nruntime_directory: run\n",
        "c.yaml:6:20: runtime_directory: must be an absolute path below /, not 'run'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\nstate_directory: state\n",
        "c.yaml:6:18: state_directory: must be an absolute path below /, not 'state'"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  publisher: Bath\n",
        "c.yaml:6:14: feed.publisher: must be a mapping of keys to values"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  publisher: {nam: Bath}\n",
        "c.yaml:6:15: feed.publisher.nam: unknown key; did you mean 'name'?"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  publisher: {url: \"javascript:alert(1)\"}\n",
        "c.yaml:6:20: feed.publisher.url: must begin with https:// or http:// and hold no space or quote"
    ),
    Refusal(
        "  directory: /srv/feed\n",
        "  directory: /srv/feed\n  publisher:\n",
        "c.yaml:6:13: feed.publisher: has no value; it must be a mapping of keys to values"
    ),
]

private let historyAndLimitsRefusals = [
    Refusal(
        "brokers:\n",
        "history: {span: 90s, step: 1m}\nbrokers:\n",
        "c.yaml:1:17: history.span: history.span must be a multiple of history.step (1m), not 90s"
    ),
    Refusal(
        "brokers:\n",
        "history: {span: 7d, step: 1s}\nbrokers:\n",
        "c.yaml:1:17: history.span: history.span must be at most 100000 times history.step (1s), not 604800 times"
    ),
    Refusal(
        "brokers:\n",
        "history: {step: 500ms}\nbrokers:\n",
        "c.yaml:1:17: history.step: must be from 1s to 1d, not 500ms"
    ),
    Refusal(
        "brokers:\n",
        "history: {trend_window: 30s}\nbrokers:\n",
        "c.yaml:1:25: history.trend_window: must be from 1m to 1d, not 30s"
    ),
    Refusal(
        "brokers:\n",
        "history: {trend-window: 15m}\nbrokers:\n",
        "c.yaml:1:11: history.trend-window: unknown key; did you mean 'trend_window'?"
    ),
    Refusal(
        "brokers:\n",
        "history: {span: 99999999999999999999d}\nbrokers:\n",
        "c.yaml:1:17: history.span: must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not '99999999999999999999d'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {payload_bytes: 0}\nbrokers:\n",
        "c.yaml:1:25: limits.payload_bytes: must be from 1 to 268435455, not 0"
    ),
    Refusal(
        "brokers:\n",
        "limits: {payload_bytes: 268435456}\nbrokers:\n",
        "c.yaml:1:25: limits.payload_bytes: must be from 1 to 268435455, not 268435456"
    ),
    Refusal(
        "brokers:\n",
        "limits: {payload_bytes: 64KiB}\nbrokers:\n",
        "c.yaml:1:25: limits.payload_bytes: must be a whole number from 1 to 268435455 in decimal digits, not '64KiB'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {json_depth: 0x10}\nbrokers:\n",
        "c.yaml:1:22: limits.json_depth: must be a whole number from 1 to 1024 in decimal digits, not '0x10'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {json_depth: 010}\nbrokers:\n",
        "c.yaml:1:22: limits.json_depth: must be a whole number from 1 to 1024 in decimal digits, not '010'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {json_depth: 1_000}\nbrokers:\n",
        "c.yaml:1:22: limits.json_depth: must be a whole number from 1 to 1024 in decimal digits, not '1_000'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {json_depth: 1e2}\nbrokers:\n",
        "c.yaml:1:22: limits.json_depth: must be a whole number from 1 to 1024 in decimal digits, not '1e2'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {json_depth: 1025}\nbrokers:\n",
        "c.yaml:1:22: limits.json_depth: must be from 1 to 1024, not 1025"
    ),
    Refusal(
        "brokers:\n",
        "limits: {topic_bytes: 99999999999999999999}\nbrokers:\n",
        "c.yaml:1:23: limits.topic_bytes: must be a whole number from 1 to 4096 in decimal digits, not '99999999999999999999'"
    ),
    Refusal(
        "brokers:\n",
        "limits: {topic_bytes: [1]}\nbrokers:\n",
        "c.yaml:1:23: limits.topic_bytes: must be a single value, not a list"
    ),
    Refusal(
        "brokers:\n",
        "limits: {topic_bytes: 11}\nbrokers:\n",
        "c.yaml:12:12: rules[0].topic: is 12 bytes long as a topic filter; limits.topic_bytes allows 11"
    ),
    Refusal(
        "brokers:\n",
        "limits: {bays: 2097152}\nbrokers:\n",
        "c.yaml:1:16: limits.bays: must be from 1 to 2097151, not 2097152"
    ),
    Refusal(
        "brokers:\n",
        "limits: {unknown_devices: 0}\nbrokers:\n",
        "c.yaml:1:27: limits.unknown_devices: must be from 1 to 100000, not 0"
    ),
    Refusal(
        "brokers:\n",
        "limits: {sensors: true}\nbrokers:\n",
        "c.yaml:1:19: limits.sensors: must be a whole number from 1 to 16777216 in decimal digits, not 'true'"
    ),
]

private let facilitiesRefusals = [
    Refusal(
        "id: podium",
        "id: Podium",
        "c.yaml:7:9: facilities[0].id: must be 1 to 64 characters of a-z, 0-9 and -, beginning with a letter or a digit, not 'Podium'"
    ),
    Refusal(
        "id: podium",
        "id: ../podium",
        "c.yaml:7:9: facilities[0].id: must be 1 to 64 characters of a-z, 0-9 and -, beginning with a letter or a digit, not '../podium'"
    ),
    Refusal(
        "  - id: podium\n",
        "  - idd: podium\n",
        "c.yaml:7:5: facilities[0].idd: unknown key; did you mean 'id'?"
    ),
    Refusal(
        "    name: Podium\n",
        "",
        "c.yaml:7:5: facilities[0].name: this key is missing: what people call it"
    ),
    Refusal(
        "name: Podium",
        "name: \"\"",
        "c.yaml:8:11: facilities[0].name: must not be empty"
    ),
    Refusal(
        "name: Podium",
        "name: \"Pod\\eium\"",
        "c.yaml:8:11: facilities[0].name: the text holds a line break or another control character; remove it (YAML's '>-' joins lines and adds none)"
    ),
    Refusal(
        "capacity: 521",
        "capacity: 0",
        "c.yaml:9:15: facilities[0].capacity: must be from 1 to 2097151, not 0"
    ),
    Refusal(
        "capacity: 521",
        "capacity: 2097152",
        "c.yaml:9:15: facilities[0].capacity: must be from 1 to 2097151, not 2097152"
    ),
    Refusal(
        "capacity: 521",
        "capacity: many",
        "c.yaml:9:15: facilities[0].capacity: must be a whole number from 1 to 2097151 in decimal digits, not 'many'"
    ),
    Refusal(
        "capacity: 521",
        "capacity: 521.0",
        "c.yaml:9:15: facilities[0].capacity: must be a whole number from 1 to 2097151 in decimal digits, not '521.0'"
    ),
    Refusal(
        "capacity: 521",
        "capacity:",
        "c.yaml:9:14: facilities[0].capacity: has no value; give it one or remove it"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    location: {latitude: 91, longitude: 0}\n",
        "c.yaml:10:26: facilities[0].location.latitude: must be from -90 to 90, not 91"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    location: {latitude: 51.4, longitude: -180.5}\n",
        "c.yaml:10:43: facilities[0].location.longitude: must be from -180 to 180, not -180.5"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    location: {latitude: 51.4}\n",
        "c.yaml:10:15: facilities[0].location.longitude: this key is missing: degrees east, WGS 84"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    location: {latitude: nan, longitude: 1e1}\n",
        "c.yaml:10:26: facilities[0].location.latitude: must be a number from -90 to 90, not 'nan'",
        "c.yaml:10:42: facilities[0].location.longitude: must be a number from -180 to 180, not '1e1'"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    location: [51.4, -2.3]\n",
        "c.yaml:10:15: facilities[0].location: must be a mapping of keys to values"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    full: {rising: 500, falling: 510}\n",
        "c.yaml:10:34: facilities[0].full.falling: must be at most 'rising' (500), not 510"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    full: {rising: 500, falling: 0}\n",
        "c.yaml:10:34: facilities[0].full.falling: must be from 1 to 2097151, not 0"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    full: {rising: 500}\n",
        "c.yaml:10:11: facilities[0].full.falling: this key is missing: the state ends below this many occupied bays"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    almost_full: {rising: 530, falling: 500}\n",
        "c.yaml:10:18: facilities[0].almost_full: almost_full.rising (530) must be at most full.rising (521)"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    stale_after: 0s\n",
        "c.yaml:10:18: facilities[0].stale_after: must be from 1s to 3650d, not 0s"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    stale_after: never\n",
        "c.yaml:10:18: facilities[0].stale_after: must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not 'never'"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    bay_silence: 59s\n",
        "c.yaml:10:18: facilities[0].bay_silence: must be from 1m to 3650d, not 59s"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: []\n",
        "c.yaml:10:12: facilities[0].zones: must not be empty"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: {level-1: 200}\n",
        "c.yaml:10:12: facilities[0].zones: must be a list"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: [{id: Level 1, name: Level 1, capacity: 20}]\n",
        "c.yaml:10:18: facilities[0].zones[0].id: must be 1 to 64 characters of a-z, 0-9 and -, beginning with a letter or a digit, not 'Level 1'"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: [{id: level-1, name: Level 1}]\n",
        "c.yaml:10:13: facilities[0].zones[0].capacity: this key is missing: the number of its bays"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: [{id: a, name: A, capacity: 20}, {id: a, name: B, capacity: 20}]\n",
        "c.yaml:10:50: facilities[0].zones[1].id: facilities[0].zones[0] has the id 'a' already"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: [{id: a, name: A, capacity: 500}, {id: b, name: B, capacity: 22}]\n",
        "c.yaml:10:12: facilities[0].zones: the zones have 522 bays together, but the facility has 521"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: [{id: a, name: A, capacity: 20, classes: {disabled: 12, electric: 9}}]\n",
        "c.yaml:10:53: facilities[0].zones[0].classes: the classes have 21 bays together, but the zone has 20"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    classes: {disabled: 500, electric: 22}\n",
        "c.yaml:10:14: facilities[0].classes: the classes have 522 bays together, but the facility has 521"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    classes: {disable: 20}\n",
        "c.yaml:10:15: facilities[0].classes.disable: unknown key; did you mean 'disabled'?"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    classes: {vip: 20}\n",
        "c.yaml:10:15: facilities[0].classes.vip: unknown key; the classes are standard, disabled, electric, parent, motorcycle, coach"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    classes: {coach: 0}\n",
        "c.yaml:10:22: facilities[0].classes.coach: must be from 1 to 2097151, not 0"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    classes: [disabled]\n",
        "c.yaml:10:14: facilities[0].classes: must be a mapping of keys to values"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    zones: [{id: a, name: A, capacity: 20, classes: {disabled: 8}}]\n    classes: {disabled: 7}\n",
        "c.yaml:11:14: facilities[0].classes: the zones have 8 disabled bays together, but the facility has 7"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n  - id: podium\n    name: Another\n    capacity: 1\n",
        "c.yaml:10:9: facilities[1].id: facilities[0] has the id 'podium' already"
    ),
    Refusal(
        "facilities:\n  - id: podium\n    name: Podium\n    capacity: 521\n",
        "facilities: []\n",
        "c.yaml:6:13: facilities: must not be empty"
    ),
    Refusal(
        "facilities:\n  - id: podium\n    name: Podium\n    capacity: 521\n",
        "",
        "c.yaml:1:1: facilities: this key is missing: the list of the car parks"
    ),
]

private let rulesRefusals = [
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}/{z}\n    reading: state\n    zone: \"{z}\"\n    state: /s\n",
        "c.yaml:13:11: rules[0].zone: a state is that of the whole facility, which one closed zone would close; remove the zone"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: \"\"",
        "c.yaml:11:12: rules[0].topic: must not be empty"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: \"bath/#/{facility}/{bay}\"",
        "c.yaml:11:12: rules[0].topic: '#' must stand alone as the last level"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: bath/{facility}/{bay}+",
        "c.yaml:11:12: rules[0].topic: '{bay}+' must be {, a name of a-z, 0-9 and _, then }, alone in its level"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: bath/{facility}/b{bay}",
        "c.yaml:11:12: rules[0].topic: 'b{bay}' must be {, a name of a-z, 0-9 and _, then }, alone in its level"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: bath/{bay}/{facility}/{bay}",
        "c.yaml:11:12: rules[0].topic: {bay} is there twice; give each level its own name"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: $share/g/{facility}/{bay}",
        "c.yaml:11:12: rules[0].topic: shared subscriptions are refused: they break the order of one bay's readings"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: {facility}",
        "c.yaml:11:12: rules[0].topic: must be in quotes, because it begins with '{'"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: bath/+/bay/{bay}",
        "c.yaml:11:5: rules[0]: the rule has no facility: name a level of the topic {facility}, or {device} and list the devices, or add 'facility' or 'device'"
    ),
    Refusal(
        "topic: bath/{facility}/bay/{bay}",
        "topic: bath/{facility}/bay/+",
        "c.yaml:11:5: rules[0]: the rule has no bay: name a level of the topic {bay}, or add 'bay'"
    ),
    Refusal(
        "reading: bay",
        "reading: bays",
        "c.yaml:12:14: rules[0].reading: must be one of bay, heartbeat, movement, counter, level, state, health, not 'bays'; did you mean 'bay'?"
    ),
    Refusal(
        "reading: bay",
        "reading: parked",
        "c.yaml:12:14: rules[0].reading: must be one of bay, heartbeat, movement, counter, level, state, health, not 'parked'"
    ),
    Refusal(
        "    reading: bay\n",
        "",
        "c.yaml:11:5: rules[0].reading: this key is missing: bay, heartbeat, movement, counter, level, state or health"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "",
        "c.yaml:11:5: rules[0].occupied: this key is missing: where the message says it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    format: xml\n",
        "c.yaml:14:13: rules[0].format: must be one of json, text, not 'xml'"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    wraps_at: 65536\n",
        "c.yaml:14:5: rules[0].wraps_at: a bay reading has no 'wraps_at'; remove it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    facility: podum\n",
        "c.yaml:14:15: rules[0].facility: there is no facility with the id 'podum'; did you mean 'podium'?"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    facility: \"{facilty}\"\n",
        "c.yaml:14:15: rules[0].facility: the topic has no level '{facilty}'; did you mean '{facility}'?"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    bay: {sign}\n",
        "c.yaml:14:10: rules[0].bay: must be a single value; a captured level is in quotes: \"{name}\""
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    bay: \"{bay}-1\"\n",
        "c.yaml:14:10: rules[0].bay: '{bay}-1' must be a single {name} and nothing else"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    observed: now\n",
        "c.yaml:14:15: rules[0].observed: a time can't be the constant 'now'; give a JSON Pointer or a \"{name}\""
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    sequence: \"7\"\n",
        "c.yaml:14:15: rules[0].sequence: a sequence number can't be the constant '7'; give a JSON Pointer or a \"{name}\""
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    sequence_wraps_at: 65536\n",
        "c.yaml:14:24: rules[0].sequence_wraps_at: there is no 'sequence' that could wrap; add one or remove this"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    sequence: /n\n    sequence_wraps_at: 1\n",
        "c.yaml:15:24: rules[0].sequence_wraps_at: must be from 2 to 4294967296, not 1"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    ocupied: /x\n",
        "c.yaml:14:5: rules[0].ocupied: unknown key; remove it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    when: /x\n",
        "c.yaml:14:11: rules[0].when: must be a mapping of keys to values"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: occupied\n",
        "c.yaml:13:15: rules[0].occupied: the constant 'occupied' is none of 'true', 'false', '1', '0'; a JSON Pointer begins with '/'"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /a~2b\n",
        "c.yaml:13:15: rules[0].occupied: '/a~2b' is no JSON Pointer: '~' is only allowed as ~0 (for ~) and ~1 (for /)"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /a~\n",
        "c.yaml:13:15: rules[0].occupied: '/a~' is no JSON Pointer: '~' is only allowed as ~0 (for ~) and ~1 (for /)"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    format: text\n",
        "c.yaml:13:15: rules[0].occupied: with 'format: text' the payload is the value: the only pointer is \"\"; a 'separator' makes fields of it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    when: {/type: {is: X}}\n",
        "c.yaml:14:19: rules[0].when./type: must be a word, a list of words, {not: …} or {present: true or false}",
        "c.yaml:14:20: rules[0].when./type.is: unknown key; remove it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    when: {}\n",
        "c.yaml:14:11: rules[0].when: holds no condition; remove it or add one such as /type: heartbeat"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    when: {type: X}\n",
        "c.yaml:14:18: rules[0].when.type: 'type' is always the same; a condition is on a JSON Pointer or a \"{name}\""
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /licence_plate\n",
        "c.yaml:13:15: rules[0].occupied: 'licence_plate' looks like a number plate or another mark of a person, which is never read; remove it, or ask the sender for a field without it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    when: {/data/tag_id: {present: true}}\n",
        "c.yaml:14:26: rules[0].when./data/tag_id: 'tag_id' looks like a number plate or another mark of a person, which is never read; remove it, or ask the sender for a field without it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: envelope:/fPort\n",
        "c.yaml:13:15: rules[0].occupied: the rule has no envelope: add 'envelope', or give a JSON Pointer"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    device: /id\n",
        "c.yaml:14:13: rules[0].device: no list says where the devices are: add 'devices: {file: devices.csv}' at the top level"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    threshold: {hysteresis: 50}\n",
        "c.yaml:14:16: rules[0].threshold: needs either 'below' or 'above', the number at which a bay is occupied"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    health: {silent_after: 26}\n",
        "c.yaml:14:28: rules[0].health.silent_after: must be a length of time such as 500ms, 30s, 15m, 24h or 7d, not '26'"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    each: history\n",
        "c.yaml:14:11: rules[0].each: must be the JSON Pointer of an array, not 'history'"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    profile: no-such\n",
        "c.yaml:12:5: rules[0].reading: a rule with a profile has no 'reading'; copy what you need of the profile instead",
        "c.yaml:13:14: rules[0].profile: there is no profile 'no-such' ('profiles/no-such.yaml': only the text of the configuration is at hand; '/usr/share/carparkd/profiles/no-such.yaml': only the text of the configuration is at hand)"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: [/occupied]\n",
        "c.yaml:13:15: rules[0].occupied: must be a single value, not a list"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    values: {occupied: yes}\n",
        "c.yaml:14:13: rules[0].values.vacant: this key is missing: the words that mean vacant"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    values: {occupied: [yes, X], vacant: [no, X]}\n",
        "c.yaml:14:47: rules[0].values.vacant[1]: the word 'X' means 'occupied' already"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    values: {occupied: [X, X], vacant: Y}\n",
        "c.yaml:14:28: rules[0].values.occupied[1]: the word 'X' is there twice"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    values: {occupied: X, vacant: Y, closed: Z}\n",
        "c.yaml:14:38: rules[0].values.closed: unknown key; remove it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    values: {occupied: [], vacant: Y}\n",
        "c.yaml:14:24: rules[0].values.occupied: must not be empty"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n    values: [X, Y]\n",
        "c.yaml:14:13: rules[0].values: must be a mapping of keys to values"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: \"\"\n    format: text\n    values: {occupied: \" X\", vacant: Y}\n",
        "c.yaml:15:24: rules[0].values.occupied: ' X' never matches: white space around a payload does not count"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: movement\n",
        "c.yaml:11:5: rules[0]: a movement reading needs 'in', 'out' or both"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: movement\n    in: one\n",
        "c.yaml:13:9: rules[0].in: a constant must be a whole number from 0 to 2097151, not 'one'; a JSON Pointer begins with '/'"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: movement\n    in: -1\n",
        "c.yaml:13:9: rules[0].in: a constant must be a whole number from 0 to 2097151, not '-1'; a JSON Pointer begins with '/'"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: movement\n    in: 1\n    wraps_at: 65536\n",
        "c.yaml:14:5: rules[0].wraps_at: a movement reading has no 'wraps_at'; remove it"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    format: text\n    reading: movement\n    in: /n\n",
        "c.yaml:14:9: rules[0].in: with 'format: text' the payload is the value: the only pointer is \"\"; a 'separator' makes fields of it"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: counter\n",
        "c.yaml:11:5: rules[0]: a counter reading needs 'in', 'out' or both"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: counter\n    in: /n\n    wraps_at: 1\n",
        "c.yaml:14:15: rules[0].wraps_at: must be from 2 to 4294967296, not 1"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: counter\n    in: /n\n    wraps_at: 4294967297\n",
        "c.yaml:14:15: rules[0].wraps_at: must be from 2 to 4294967296, not 4294967297"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: level\n",
        "c.yaml:11:5: rules[0]: a level reading needs either 'occupied' or 'free'"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: level\n    occupied: /a\n    free: /b\n",
        "c.yaml:11:5: rules[0]: a level reading needs either 'occupied' or 'free'"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: level\n    occupied: /a\n    wraps_at: 65536\n",
        "c.yaml:14:5: rules[0].wraps_at: a level reading has no 'wraps_at'; remove it"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: level\n    free: lots\n",
        "c.yaml:13:11: rules[0].free: a constant must be a whole number from 0 to 2097151, not 'lots'; a JSON Pointer begins with '/'"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: state\n",
        "c.yaml:11:5: rules[0].state: this key is missing: where the message says it"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    reading: state\n    state: OPEN\n",
        "c.yaml:13:12: rules[0].state: the constant 'OPEN' is none of 'open', 'closed', 'fault'; a JSON Pointer begins with '/'"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    format: text\n    reading: state\n    state: \"\"\n    values: {}\n",
        "c.yaml:15:13: rules[0].values: holds no word; remove it or add one"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - topic: bath/{facility}\n    format: text\n    reading: state\n    state: \"\"\n    values: {open: OK, shut: NO}\n",
        "c.yaml:15:24: rules[0].values.shut: unknown key; remove it"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n  - topic: bath/{facility}/bay/{name}\n    reading: bay\n    bay: \"{name}\"\n    occupied: /o\n",
        "c.yaml:14:12: rules[1].topic: this rule never matches: rules[0] ('bath/{facility}/bay/{bay}') comes first and takes all its topics"
    ),
    Refusal(
        "    occupied: /occupied\n",
        "    occupied: /occupied\n  - topic: bath/podium/bay/{bay}\n    reading: bay\n    facility: podium\n    occupied: /o\n",
        "c.yaml:14:12: rules[1].topic: this rule never matches: rules[0] ('bath/{facility}/bay/{bay}') comes first and takes all its topics"
    ),
    Refusal(
        "  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "  - bath/{facility}\n",
        "c.yaml:11:5: rules[0]: must be a mapping of keys to values"
    ),
    Refusal(
        "rules:\n  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "rules:\n",
        "c.yaml:10:7: rules: has no value; it must be a list"
    ),
    Refusal(
        "rules:\n  - topic: bath/{facility}/bay/{bay}\n    reading: bay\n    occupied: /occupied\n",
        "rules: {}\n",
        "c.yaml:10:8: rules: must be a list"
    ),
]

private let documentsRefusals = [
    Refusal(
        "brokers:\n",
        "broker:\n  - name: x\nbrokers:\n",
        "c.yaml:1:1: broker: unknown key; remove it"
    ),
    Refusal(
        "brokers:\n",
        "colour: red\nbrokers:\n",
        "c.yaml:1:1: colour: unknown key; remove it"
    ),
    Refusal(
        "brokers:\n",
        "\"\\e[31mred\": 1\nbrokers:\n",
        "c.yaml:1:1: \\u{1B}[31mred: unknown key; remove it"
    ),
    Refusal(
        "name: Podium",
        "name: Podium\n    name: Other",
        "c.yaml:8:5: this key is given twice in one mapping: 'name'"
    ),
    Refusal(
        "    name: Podium\n    capacity: 521\n",
        "    name: Podium\n    capacity: 521\n    \"1\": x\n    1: y\n",
        "c.yaml:10:5: facilities[0].1: unknown key; remove it",
        "c.yaml:11:5: facilities[0].1: this key is given twice in one mapping: '1'"
    ),
    Refusal(
        "name: Podium",
        "name: &n Podium",
        "c.yaml:8:11: facilities[0].name: anchors and aliases are refused: write the value out"
    ),
    Refusal(
        "    name: Podium\n    capacity: 521\n",
        "    name: &n Podium\n    capacity: 521\n  - id: other\n    name: *n\n    capacity: 1\n",
        "c.yaml:8:11: facilities[0].name: anchors and aliases are refused: write the value out"
    ),
    Refusal(
        "name: Podium",
        "name: *nothing",
        "c.yaml:8:11: anchors and aliases are refused: write the value out"
    ),
    Refusal(
        "    capacity: 521\n",
        "    capacity: 521\n    <<: {name: x}\n",
        "c.yaml:10:5: facilities[0]: merge keys (<<) are refused: write the keys out"
    ),
    Refusal(
        "name: Podium",
        "name: !secret Podium",
        "c.yaml:8:11: facilities[0].name: the tag '!secret' is refused: remove it"
    ),
    Refusal(
        "name: Podium",
        "name: !!binary Podium",
        "c.yaml:8:11: facilities[0].name: the tag 'tag:yaml.org,2002:binary' is refused: remove it"
    ),
    Refusal(
        "brokers:\n",
        "---\na: b\n---\nbrokers:\n",
        "c.yaml:3:1: a second document begins here; the file must hold a single one"
    ),
    Refusal(
        "    name: Podium",
        "\tname: Podium",
        "c.yaml:8:1: a tab stands here; YAML is indented by spaces"
    ),
    Refusal(
        "name: Podium",
        "name: \"Podium",
        "c.yaml:14:1: this is no YAML: found unexpected end of stream (while scanning a quoted scalar, line 8)"
    ),
    Refusal(
        "name: Podium",
        "name: [Podium",
        "c.yaml:9:13: this is no YAML: did not find expected ',' or ']' (while parsing a flow sequence, line 8)"
    ),
    Refusal(
        "name: Podium",
        "name: a: b",
        "c.yaml:8:12: this is no YAML: mapping values are not allowed in this context"
    ),
    Refusal(
        "name: Podium",
        "name: Pod\u{0}ium",
        "c.yaml:8:14: a control character (U+0) stands here; remove it"
    ),
    Refusal(
        "name: Podium",
        "name: Pod\u{1B}ium",
        "c.yaml:8:14: a control character (U+1B) stands here; remove it"
    ),
    Refusal(
        "name: Podium",
        "name: Pod\u{FFFE}ium",
        "c.yaml:8:14: this is no YAML: control characters are not allowed"
    ),
    Refusal(
        "name: Podium",
        "name: |\n      Pod\n      ium",
        "c.yaml:8:11: facilities[0].name: the text holds a line break or another control character; remove it (YAML's '>-' joins lines and adds none)"
    ),
    Refusal(
        "name: Podium",
        "? [a]\n    : b\n    name: Podium",
        "c.yaml:8:7: facilities[0]: a key must be a single word"
    ),
]
