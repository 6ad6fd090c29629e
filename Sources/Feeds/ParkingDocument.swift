public import LinuxSystem
public import Parking

/// `parking.json`: the facilities and what is known of them.
///
/// **Shape.** One line a facility, in blocks of 64 lines. A changed facility is rendered anew, its block put together and
/// deflated anew; every other byte is the one of the last time.
///
/// **Threads.** One at a time.
public struct ParkingDocument: ~Copyable {
    /// Facilities in one block: small enough to deflate for one of them, large enough to deflate well.
    static let facilitiesInBlock = 64

    private let facilities: [Facility]
    private let settings: FeedSettings
    private var fragments: [[UInt8]]
    private var blocks: [[UInt8]]
    private var deflated: [GzipBlock?]
    private var isStale: [Bool]
    private var writer = JSONWriter()

    /// A document in which nothing is known of any facility.
    public init(facilities: [Facility], settings: FeedSettings) {
        self.facilities = facilities
        self.settings = settings
        let blockCount =
            (facilities.count + Self.facilitiesInBlock - 1) / Self.facilitiesInBlock
        fragments = []
        blocks = Array(repeating: [], count: blockCount)
        deflated = Array(repeating: nil, count: blockCount)
        isStale = Array(repeating: true, count: blockCount)
        fragments.reserveCapacity(facilities.count)
        for facility in facilities { fragments.append(render(facility, .unknown)) }
    }

    /// Renders what is known of one facility.
    public mutating func update(_ number: Int, _ status: FacilityStatus) {
        fragments[number] = render(facilities[number], status)
        isStale[number / Self.facilitiesInBlock] = true
    }

    /// The document at this time, in pieces.
    public mutating func content(at wallMilliseconds: Int64) -> [[UInt8]] {
        for block in blocks.indices where isStale[block] {
            isStale[block] = false
            deflated[block] = nil
            assemble(block)
        }
        return [head(at: wallMilliseconds)] + blocks + [Self.tail]
    }

    /// The document as a gzip file, in pieces; to be called after ``content(at:)`` and with the same time.
    public mutating func compressed(
        at wallMilliseconds: Int64,
        with compressor: inout GzipCompressor
    ) -> [[UInt8]] {
        for block in blocks.indices where deflated[block] == nil {
            deflated[block] = compressor.block(blocks[block])
        }
        let head = compressor.block(head(at: wallMilliseconds))
        let tail = compressor.block(Self.tail)
        return GzipCompressor.file(of: [head] + deflated.compactMap { $0 } + [tail])
    }

    private static let tail = Array("\n]}\n".utf8)

    private mutating func assemble(_ block: Int) {
        let first = block * Self.facilitiesInBlock
        let last = min(first + Self.facilitiesInBlock, fragments.count)
        blocks[block].removeAll(keepingCapacity: true)
        for number in first..<last {
            if number > 0 { blocks[block].append(UInt8(ascii: ",")) }
            blocks[block].append(UInt8(ascii: "\n"))
            blocks[block].append(contentsOf: fragments[number])
        }
    }

    /// Everything before the facilities.
    ///
    /// `interval_seconds` is how soon a reader may look again, `heartbeat_seconds` after which time a feed that didn't change is
    /// written all the same: one that is much older comes from a daemon that is gone.
    private mutating func head(at wallMilliseconds: Int64) -> [UInt8] {
        let publisher = settings.publisher
        writer.removeAll()
        writer.object { json in
            json.key("generated_at")
            json.time(wallMilliseconds, RFC3339.append)
            json.key("publisher")
            json.object { json in
                json.key("name")
                json.string(publisher.name)
                json.key("url")
                json.string(publisher.url)
                json.key("licence")
                json.string(publisher.licence)
                json.key("attribution")
                json.string(publisher.attribution)
            }
            json.key("interval_seconds")
            json.integer(Int(settings.interval.wholeMilliseconds / 1000))
            json.key("heartbeat_seconds")
            json.integer(Int(settings.heartbeat.wholeMilliseconds / 1000))
            json.key("facilities")
            json.array { _ in }
        }
        // Without the "]}" that the tail brings.
        return Array(writer.bytes.dropLast(2))
    }

    private mutating func render(_ facility: Facility, _ status: FacilityStatus) -> [UInt8] {
        writer.removeAll()
        writer.object { json in
            json.key("id")
            json.string(facility.id.text)
            json.key("name")
            json.string(facility.name)
            json.key("location")
            if let location = facility.location {
                json.object { json in
                    json.key("latitude")
                    json.number(location.latitude)
                    json.key("longitude")
                    json.number(location.longitude)
                }
            } else {
                json.null()
            }
            json.key("capacity")
            json.integer(facility.capacity)
            json.key("occupied")
            json.integer(status.occupied)
            json.key("free")
            json.integer(status.free(capacity: facility.capacity))
            json.key("state")
            json.string(status.state.rawValue)
            json.key("trend")
            json.string(status.trend?.rawValue)
            json.key("observed_at")
            json.time(status.observedMilliseconds, RFC3339.append)
            json.key("stale")
            json.boolean(status.isStale)
            json.key("history")
            json.string(HistoryDocument.name(of: facility))
        }
        return writer.bytes
    }
}
