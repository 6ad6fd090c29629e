import LinuxSystem
import Parking

/// Who answers for the content of the feed, and under which terms it may be used.
public struct Publisher: Equatable, Sendable {
    /// The name: a council.
    public let name: String?

    /// Where people find more.
    public let url: String?

    /// The licence, as its SPDX identifier where it has one.
    public let licence: String?

    /// The sentence that the licence asks users to show.
    public let attribution: String?

    /// A publisher of this name.
    public init(
        name: String? = nil,
        url: String? = nil,
        licence: String? = nil,
        attribution: String? = nil
    ) {
        self.name = name
        self.url = url
        self.licence = licence
        self.attribution = attribution
    }
}

/// The JSON feed, `parking.json`: all facilities with what is known of each now.
///
/// A facility is rendered when its status changes and not again before. One stands on one line, so that `grep` and
/// `diff` are of use.
///
/// `interval_seconds` and `heartbeat_seconds` tell a reader when to look again and how old `generated_at` may grow before the
/// feed is dead. They are named with their unit, since JSON numbers have none.
struct ParkingDocument {
    /// The file's name.
    static let name = "parking.json"

    /// The facilities, in the configured order.
    let facilities: [Facility]

    /// Whether a facility changed since ``markPublished()``.
    private(set) var hasChanged = false

    private let publisher: Publisher
    private let interval: Duration
    private let heartbeat: Duration
    private let hasHistory: Bool
    private var isDurable = true
    private var statuses: [FacilityStatus]
    private var fragments = FragmentBlocks()
    private var writer = JSONWriter()

    /// A document of facilities of which nothing is known yet.
    init(
        facilities: [Facility],
        publisher: Publisher,
        interval: Duration,
        heartbeat: Duration,
        hasHistory: Bool
    ) {
        self.facilities = facilities
        self.publisher = publisher
        self.interval = interval
        self.heartbeat = heartbeat
        self.hasHistory = hasHistory
        statuses = Array(repeating: .unknown, count: facilities.count)
        for index in facilities.indices {
            render(index)
            fragments.append(writer.bytes)
        }
    }

    /// Takes the status of a facility and tells whether it is another one than before.
    mutating func update(_ index: Int, _ status: FacilityStatus) -> Bool {
        guard statuses[index] != status else { return false }
        statuses[index] = status
        render(index)
        fragments.replace(index, with: writer.bytes)
        hasChanged = true
        return true
    }

    /// Takes whether what is counted would survive a crash.
    mutating func update(isDurable: Bool) {
        guard isDurable != self.isDurable else { return }
        self.isDurable = isDurable
        hasChanged = true
    }

    /// What changed so far is published.
    mutating func markPublished() {
        hasChanged = false
    }

    /// The document in pieces.
    func chunks(generatedMilliseconds: Int64) -> [[UInt8]] {
        [head(generatedMilliseconds: generatedMilliseconds)] + fragments.chunks + [tail()]
    }

    /// The document as a gzip file in pieces.
    mutating func compressed(
        generatedMilliseconds: Int64,
        with compressor: inout GzipCompressor
    ) -> [[UInt8]] {
        let head = compressor.block(head(generatedMilliseconds: generatedMilliseconds))
        let tail = compressor.block(tail())
        return GzipCompressor.file(of: [head] + fragments.compressed(with: &compressor) + [tail])
    }

    private func head(generatedMilliseconds: Int64) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { document in
            document.name("generated_at")
            document.time(generatedMilliseconds)
            document.name("publisher")
            document.object { member in
                member.name("name")
                member.value(publisher.name)
                member.name("url")
                member.value(publisher.url)
                member.name("licence")
                member.value(publisher.licence)
                member.name("attribution")
                member.value(publisher.attribution)
            }
            document.name("facilities")
            document.array { _ in }
        }
        // Without the ends of the array and of the object: the facilities come in between.
        return Array(writer.bytes.dropLast(2))
    }

    private func tail() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { document in
            document.name("interval_seconds")
            document.seconds(interval)
            document.name("heartbeat_seconds")
            document.seconds(heartbeat)
            document.name("durable")
            document.value(isDurable)
            document.name("schema")
            document.value("parking.schema.json")
        }
        return Array("\n],".utf8) + writer.bytes.dropFirst() + [UInt8(ascii: "\n")]
    }

    private mutating func render(_ index: Int) {
        let facility = facilities[index]
        let status = statuses[index]
        writer.removeAll()
        writer.object { member in
            member.name("id")
            member.value(facility.id.text)
            member.name("name")
            member.value(facility.name)
            member.name("location")
            member.location(facility.location)
            member.name("capacity")
            member.value(facility.capacity)
            member.name("occupied")
            member.value(status.occupied)
            member.name("free")
            member.value(status.free(capacity: facility.capacity))
            if facility.baySilence != nil {
                member.name("unknown")
                member.value(status.unknown)
            }
            member.name("state")
            member.value(status.state.rawValue)
            member.name("trend")
            member.value(status.trend?.rawValue)
            member.name("observed_at")
            member.time(status.observedMilliseconds)
            member.name("stale")
            member.value(status.isStale)
            if hasHistory {
                member.name("history")
                member.value(HistoryDocument.name(of: facility))
            }
            member.classes(facility.classes, status.classes, of: facility)
            member.zones(of: facility, status.zones)
        }
    }
}

extension JSONWriter {
    /// Writes a time in UTC (RFC 3339), or null.
    mutating func time(_ milliseconds: Int64?) {
        guard let milliseconds else { return nullValue() }
        plainString { RFC3339.append(milliseconds, to: &$0) }
    }

    /// Writes a duration in seconds: a whole number where it is one.
    mutating func seconds(_ duration: Duration) {
        let milliseconds = Int(duration.wholeMilliseconds)
        if milliseconds % 1000 == 0 {
            value(milliseconds / 1000)
        } else {
            value(Double(milliseconds) / 1000)
        }
    }

    /// Writes the zones of a facility that has any.
    fileprivate mutating func zones(of facility: Facility, _ statuses: [PartStatus]) {
        guard !facility.zones.isEmpty else { return }
        name("zones")
        array { zones in
            for (index, zone) in facility.zones.enumerated() {
                let status = index < statuses.count ? statuses[index] : PartStatus()
                zones.object { member in
                    member.name("id")
                    member.value(zone.id.text)
                    member.name("name")
                    member.value(zone.name)
                    member.counts(status, capacity: zone.capacity, of: facility)
                    member.classes(zone.classes, status.classes, of: facility)
                }
            }
        }
    }

    /// Writes the classes of a facility or a zone that has any.
    fileprivate mutating func classes(
        _ classes: [ClassCapacity],
        _ statuses: [PartStatus],
        of facility: Facility
    ) {
        guard !classes.isEmpty else { return }
        name("classes")
        array { array in
            for (index, bays) in classes.enumerated() {
                let status = index < statuses.count ? statuses[index] : PartStatus()
                array.object { member in
                    member.name("class")
                    member.value(bays.bayClass.rawValue)
                    member.counts(status, capacity: bays.capacity, of: facility)
                }
            }
        }
    }

    /// Writes what is counted in a part; of the unknown bays only where bays can fall silent.
    private mutating func counts(_ status: PartStatus, capacity: Int, of facility: Facility) {
        name("capacity")
        value(capacity)
        name("occupied")
        value(status.occupied)
        name("free")
        value(status.free(capacity: capacity))
        if facility.baySilence != nil {
            name("unknown")
            value(status.unknown)
        }
    }

    fileprivate mutating func location(_ location: Location?) {
        guard let location else { return nullValue() }
        object { member in
            member.name("latitude")
            member.value(location.latitude)
            member.name("longitude")
            member.value(location.longitude)
        }
    }
}
