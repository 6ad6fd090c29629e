internal import Parking

/// Reads the document's top level, and checks what its parts say about each other.
struct ConfigurationReader {
    /// Reads the files that the document names.
    let read: FileReader

    /// The longest duration that is accepted where nothing else bounds it: ten years.
    static let longest = Duration.milliseconds(3650 * 86_400_000)

    /// The configuration, or nil after at least one complaint.
    func configuration(_ root: Element) -> Configuration? {
        guard let keys = root.keys() else { return nil }
        let brokers = BrokerReader().brokers(
            keys.require("brokers", "the list of the MQTT brokers to listen to")
        )
        let stateDirectory = keys.take("state_directory")
        let statePath: String? =
            if let stateDirectory { stateDirectory.absolutePath() } else {
                "/var/lib/carparkd/state"
            }
        let feed = feed(
            keys.require("feed", "where the feed is written"),
            stateDirectory: statePath,
            stateElement: stateDirectory
        )
        let runtimePath = runtimeDirectory(keys.take("runtime_directory"), feed: feed)
        let history = history(keys.take("history"))
        let limits = limits(keys.take("limits"))
        let facilityList = keys.require("facilities", "the list of the car parks")
        let facilities = FacilityReader().facilities(facilityList)
        let devicesElement = keys.take("devices")
        let devices = devicesElement.flatMap {
            self.devices($0, facilities.facilities)
        }
        let rules = RuleReader(
            places: RulePlaces(
                identifiers: facilities.identifiers?.sorted(),
                zones: facilities.facilities.map {
                    DeviceReader.zones(of: $0)
                },
                hasDevices: devicesElement != nil,
                timeZones: ZoneReader(read: read)
            ),
            topicBytes: limits?.topicBytes,
            profiles: ProfileReader(
                directories: profileDirectories(keys.take("profile_directory"), root),
                read: read
            )
        ).rules(keys.require("rules", "the list of the rules that read the sensors' messages"))
        keys.finish()
        guard let brokers, let statePath, let runtimePath, let feed, let history, let limits,
            let rules, let facilities = facilities.facilities
        else { return nil }
        return Configuration(
            brokers: brokers,
            stateDirectory: statePath,
            runtimeDirectory: runtimePath,
            feed: feed,
            history: history,
            limits: limits,
            facilities: facilities,
            devices: devices,
            rules: rules
        )
    }

    /// Where profiles are looked for: where the operator says, or beside the configuration and where they were installed.
    private func profileDirectories(_ element: Element?, _ root: Element) -> [String] {
        if let element { return element.filePath().map { [$0] } ?? [] }
        let file = root.list.file
        let directory = file.lastIndex(of: "/").map { file[...$0] } ?? ""
        return [directory + "profiles", "/usr/share/carparkd/profiles"]
    }

    private func devices(_ element: Element, _ facilities: [Facility]?) -> DeviceRegistry? {
        guard let keys = element.keys() else { return nil }
        let fileElement = keys.require("file", "the list of the devices, in CSV")
        let path = fileElement?.filePath()
        keys.finish()
        guard let fileElement, let path else { return nil }
        do throws(UnreadableFile) {
            let bytes = try read(path, DeviceReader.maximumBytes)
            let zones = facilities.map { DeviceReader.zones(of: $0) }
            do throws(ConfigurationError) {
                return try DeviceReader(file: path, zones: zones).registry(bytes)
            } catch {
                fileElement.list.add(error)
            }
        } catch {
            fileElement.complain("\(quoted(path)) cannot be read: \(error.reason)")
        }
        return nil
    }

    /// The path, or nil after a complaint; nil inside where the key is absent.
    private func runtimeDirectory(_ element: Element?, feed: Configuration.Feed?) -> String?? {
        guard let element else { return .some(nil) }
        guard let path = element.absolutePath() else { return nil }
        if let feed, contains(feed.directory, path) {
            element.complain(
                "must not be feed.directory or lie in it: the web host would serve the health of the daemon"
            )
            return nil
        }
        return .some(path)
    }

    private func feed(
        _ element: Element?,
        stateDirectory: String?,
        stateElement: Element?
    ) -> Configuration.Feed? {
        guard let element, let keys = element.keys() else { return nil }
        let directoryElement = keys.require("directory", "what the web host serves")
        let directory = directoryElement?.absolutePath()
        let temporaryElement = keys.take("temporary_directory")
        let temporary =
            if let temporaryElement { temporaryElement.absolutePath() } else {
                directory.map { $0 + ".tmp" }
            }
        let interval = keys.take("interval").or(.seconds(1)) {
            $0.duration(in: .seconds(1)...(.seconds(3600)))
        }
        let heartbeatElement = keys.take("heartbeat")
        let heartbeat = heartbeatElement.or(max(.seconds(60), interval ?? .zero)) {
            $0.duration(in: (interval ?? .seconds(1))...(.seconds(86_400)))
        }
        let publisher = publisher(keys.take("publisher"))
        keys.finish()
        guard let directory, let temporary else { return nil }
        if contains(directory, temporary) {
            (temporaryElement ?? directoryElement)?.complain(
                "must not be feed.directory or lie in it: the web host would serve half a file"
            )
        }
        if let stateDirectory {
            if contains(directory, stateDirectory) {
                (stateElement ?? directoryElement)?.complain(
                    "feed.directory must not be state_directory or hold it: "
                        + "the web host would serve the journal"
                )
            }
            if temporary == stateDirectory {
                (temporaryElement ?? stateElement)?.complain(
                    "feed.temporary_directory and state_directory must differ"
                )
            }
        }
        guard let interval, let heartbeat, let publisher else { return nil }
        return Configuration.Feed(
            directory: directory,
            temporaryDirectory: temporary,
            interval: interval,
            heartbeat: heartbeat,
            publisher: publisher
        )
    }

    /// Whether a directory is another one or holds it.
    private func contains(_ directory: String, _ other: String) -> Bool {
        other == directory || other.hasPrefix(directory + "/")
    }

    private func publisher(_ element: Element?) -> Configuration.Publisher? {
        guard let element else {
            return Configuration.Publisher(name: nil, url: nil, licence: nil, attribution: nil)
        }
        guard let keys = element.keys() else { return nil }
        let name = keys.take("name")?.nonEmptyText(maximumBytes: 1024)
        let urlElement = keys.take("url")
        let url = urlElement?.nonEmptyText(maximumBytes: 2048)
        if let url, !isWebAddress(url) {
            urlElement?.complain("must begin with https:// or http:// and hold no space or quote")
        }
        let licence = keys.take("licence")?.nonEmptyText(maximumBytes: 1024)
        let attribution = keys.take("attribution")?.nonEmptyText(maximumBytes: 4096)
        keys.finish()
        return Configuration.Publisher(
            name: name,
            url: url,
            licence: licence,
            attribution: attribution
        )
    }

    /// Whether a text may stand in a link of a page.
    private func isWebAddress(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else {
            return false
        }
        return text.utf8.count > scheme.utf8.count
            && !text.unicodeScalars.contains {
                $0.properties.isWhitespace || "\"'<>\\".unicodeScalars.contains($0)
            }
    }

    private func history(_ element: Element?) -> Configuration.History? {
        let day = Duration.seconds(86_400)
        let standard = Configuration.History(
            span: day,
            step: .seconds(60),
            trendWindow: .seconds(900)
        )
        guard let element else { return standard }
        guard let keys = element.keys() else { return nil }
        let spanElement = keys.take("span")
        let span = spanElement.or(standard.span) {
            $0.duration(in: .seconds(1)...Self.longest)
        }
        let step = keys.take("step").or(standard.step) {
            $0.duration(in: .seconds(1)...day)
        }
        let trendElement = keys.take("trend_window")
        defer { keys.finish() }
        guard let span, let step else {
            _ = trendElement?.duration(in: .seconds(1)...Self.longest)
            return nil
        }
        let place = spanElement ?? element
        guard span.wholeMilliseconds % step.wholeMilliseconds == 0 else {
            place.complain(
                "history.span must be a multiple of history.step (\(LengthOfTime.text(step))), "
                    + "not \(LengthOfTime.text(span))"
            )
            return nil
        }
        let count = span.wholeMilliseconds / step.wholeMilliseconds
        guard count <= 100_000 else {
            place.complain(
                "history.span must be at most 100000 times history.step "
                    + "(\(LengthOfTime.text(step))), not \(count) times"
            )
            return nil
        }
        // Without a window of its own the trend looks back 15 minutes, as far as the history allows.
        let window = trendElement.or(min(span, max(step, standard.trendWindow))) {
            $0.duration(in: step...span)
        }
        guard let window else { return nil }
        return Configuration.History(span: span, step: step, trendWindow: window)
    }

    private func limits(_ element: Element?) -> Configuration.Limits? {
        guard let element else {
            return Configuration.Limits(
                payloadBytes: 65_536,
                jsonDepth: 64,
                topicBytes: 1024,
                bays: 20_000,
                sensors: 100_000,
                unknownDevices: 1000
            )
        }
        guard let keys = element.keys() else { return nil }
        func limit(_ key: String, _ standard: Int, _ range: ClosedRange<Int>) -> Int? {
            keys.take(key).or(standard) { $0.integer(in: range) }
        }
        let payloadBytes = limit("payload_bytes", 65_536, 1...268_435_455)
        let jsonDepth = limit("json_depth", 64, 1...1024)
        let topicBytes = limit("topic_bytes", 1024, 1...4096)
        let bays = limit("bays", 20_000, 1...Facility.maximumCount)
        let sensors = limit("sensors", 100_000, 1...16_777_216)
        let unknownDevices = limit("unknown_devices", 1000, 1...100_000)
        keys.finish()
        guard let payloadBytes, let jsonDepth, let topicBytes, let bays, let sensors,
            let unknownDevices
        else { return nil }
        return Configuration.Limits(
            payloadBytes: payloadBytes,
            jsonDepth: jsonDepth,
            topicBytes: topicBytes,
            bays: bays,
            sensors: sensors,
            unknownDevices: unknownDevices
        )
    }
}

extension Element? {
    /// The value that a key stands for, or its default where the key is absent.
    func or<Value>(_ standard: Value, _ read: (Element) -> Value?) -> Value? {
        guard let self else { return standard }
        return read(self)
    }
}
