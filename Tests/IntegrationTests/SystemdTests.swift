import Glibc
import TestSupport
import Testing

/// The shipped unit under a systemd that boots for this test, in name spaces of its own.
@Suite(.enabled(if: Machine.isPossible, "needs root, systemd-nspawn and the script that boots it"))
struct `The service` {
    @Test func `starts, serves, reloads, refuses a wrong configuration and stops`() async throws {
        let directory = ScratchDirectory()
        var town = Town(directory, port: 1883)
        town.feed = "/var/lib/carparkd/feed"
        town.state = "/var/lib/carparkd/state"
        town.runtime = nil
        town.brokerKeys = """
            username: carparkd
            password: {credential: mqtt-password}
            """
        _ = try town.write()
        directory.write(Self.broker, to: "broker.conf")
        directory.write("secret\n", to: "mqtt-password")
        directory.write(
            "[Service]\nLoadCredential=mqtt-password:/etc/carparkd/mqtt-password\n",
            to: "password.conf"
        )
        directory.write(Self.script, to: "test.sh")
        let systemd = packageRoot + "/systemd"
        let machine = try ChildProcess(
            Machine.boot,
            [
                "\(systemd)/carparkd.service", directory.path("test.sh"),
                "\(try builtExecutable()):/usr/bin/carparkd",
                "\(systemd)/carparkd.sysusers:/usr/lib/sysusers.d/carparkd.conf",
                "\(directory.path("carparkd.yaml")):/etc/carparkd/carparkd.yaml",
                "\(directory.path("mqtt-password")):/etc/carparkd/mqtt-password",
                "\(directory.path("broker.conf")):/ci/broker.conf",
                directory.path("password.conf")
                    + ":/etc/systemd/system/carparkd.service.d/password.conf",
            ]
        )
        #expect(try await machine.exit(within: .seconds(320)) == .status(0), "\(machine.errors)")
        let lines = machine.output.split(separator: "\n")
        #expect(lines.last == "end", "\(machine.output)")
        for expected in [
            "start 0", "running ActiveState=active", "running NotifyAccess=main",
            "running StatusText=council connected; 0 messages; 0 of 6 facilities stale",
            "feed parking.json carparkd 644", "feed index.html carparkd 644",
            "feed history/level.json carparkd 644", "level 77",
            "run /run/carparkd carparkd 750", "run /run/carparkd/health.json carparkd 640",
            "status 0", "status for nobody 4", "status when stopped 3",
            "reload 0", "reloaded 600", "refused reload 1", "refused ActiveState=active",
            "stopped ActiveState=inactive", "stopped Result=success", "stopped ExecMainStatus=0",
            "stopped NRestarts=0", "offline",
            "wrong ActiveState=failed", "wrong Result=exit-code", "wrong ExecMainStatus=78",
            "wrong NRestarts=0",
        ] {
            #expect(lines.contains { $0 == expected }, "\(expected)\n\(machine.output)")
        }
        // The journal has a priority for each line, and no line has one of its own.
        #expect(lines.contains { $0.hasPrefix("journal connected broker=council ") })
        #expect(lines.contains { $0.hasPrefix("journal /etc/carparkd/carparkd.yaml:") })
    }

    private static let broker = """
        listener 1883 127.0.0.1
        user root
        password_file /ci/broker.passwd

        """

    /// What it prints is compared above; what fails ends it.
    private static let script = #"""
        #!/bin/bash
        set -eu
        systemd-sysusers carparkd.conf
        mosquitto_passwd -b -c /ci/broker.passwd carparkd secret
        mosquitto -c /ci/broker.conf 2> /dev/null &
        client="-h 127.0.0.1 -u carparkd -P secret -V mqttv5 -q 1"
        for attempt in {1..100}; do
            mosquitto_pub $client -t elsewhere -m 1 2> /dev/null && break
            sleep 0.1
        done
        show() { systemctl show carparkd --property "$2" | sed "s/^/$1 /"; }

        code=0; systemctl start carparkd || code=$?
        echo "start $code"
        for attempt in {1..100}; do
            systemctl show carparkd --property StatusText | grep -q ' connected; ' && break
            sleep 0.1
        done
        show running ActiveState,NotifyAccess,StatusText
        systemctl status carparkd --no-pager --lines 0 | grep Status:
        mosquitto_pub $client -t park/level/level -m '{"count": 77}'
        feed=/var/lib/carparkd/feed
        for attempt in {1..100}; do
            grep -q '"occupied":77' $feed/parking.json && [ -e $feed/history/level.json ] && break
            sleep 0.1
        done
        grep -o '"occupied":77' $feed/parking.json | sed 's/.*:/level /'
        cd $feed
        stat -c 'feed %n %U %a' parking.json index.html history/level.json
        for attempt in {1..100}; do [ -e /run/carparkd/health.json ] && break; sleep 0.1; done
        stat -c 'run %n %U %a' /run/carparkd /run/carparkd/health.json
        ask() { code=0; "${@:2}" carparkd status > /dev/null || code=$?; echo "$1 $code"; }
        ask status env
        ask 'status for nobody' setpriv --reuid 65534 --clear-groups
        sed -i 's/capacity: 500/capacity: 600/' /etc/carparkd/carparkd.yaml
        code=0; systemctl reload carparkd || code=$?
        echo "reload $code"
        for attempt in {1..100}; do grep -q '"capacity":600' $feed/parking.json && break; sleep 0.1; done
        grep -o '"capacity":[0-9]*' $feed/parking.json | sort -u | sed 's/.*:/reloaded /'
        cp /etc/carparkd/carparkd.yaml /ci/right.yaml
        echo 'colour: red' >> /etc/carparkd/carparkd.yaml
        code=0; systemctl reload carparkd 2> /dev/null || code=$?
        echo "refused reload $code"
        show refused ActiveState
        cp /ci/right.yaml /etc/carparkd/carparkd.yaml
        systemctl stop carparkd
        ask 'status when stopped' env
        show stopped ActiveState,Result,ExecMainStatus,NRestarts
        mosquitto_sub $client -t carparkd/carparkd/status -C 1 -W 10

        echo 'colour: red' >> /etc/carparkd/carparkd.yaml
        systemctl start carparkd && echo "wrong: started"
        # Longer than RestartSec=.
        sleep 4
        show wrong ActiveState,Result,ExecMainStatus,NRestarts
        journalctl --sync
        journalctl --unit carparkd --output cat | sed 's/^/journal /'
        echo end
        """#
}

/// What boots a systemd.
private enum Machine {
    static let boot = packageRoot + "/../shared/tools/boot-systemd.sh"

    static var isPossible: Bool {
        unsafe geteuid() == 0 && access(boot, X_OK) == 0
            && access("/usr/bin/systemd-nspawn", X_OK) == 0
    }
}
