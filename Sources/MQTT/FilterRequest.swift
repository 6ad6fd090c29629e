/// Many topic filters on their way to the broker and back: cut into packets, each of which waits for
/// its answer.
struct FilterRequest {
    /// The most filters in one packet, and the most bytes of them.
    private static let filtersInPacket = 100
    private static let filterBytesInPacket = 16_384

    /// The filters of each packet that waits for its answer, by its packet identifier.
    private var waiting: [Int32: ArraySlice<String>] = [:]

    /// Whether no answer is missing.
    var isAnswered: Bool { waiting.isEmpty }

    /// Hands the filters in order to `packet`, which queues a packet of them and returns its
    /// identifier, or nil where the broker's limit is smaller than that.
    ///
    /// - Returns: The filters that are too long for the broker even alone.
    mutating func send(
        _ filters: [String],
        _ packet: (ArraySlice<String>) throws(ConnectionFailure) -> Int32?
    ) throws(ConnectionFailure) -> [String] {
        var tooLong: [String] = []
        var rest = filters[...]
        var most = Self.filtersInPacket
        while !rest.isEmpty {
            var bytes = 0
            let fitting = rest.prefix(most).prefix { filter in
                bytes += filter.utf8.count + 3
                return bytes <= Self.filterBytesInPacket
            }
            let chunk = rest.prefix(max(1, fitting.count))
            if let identifier = try packet(chunk) {
                waiting[identifier] = chunk
            } else if chunk.count > 1 {
                most = chunk.count / 2
                continue
            } else {
                tooLong += chunk
            }
            rest = rest.dropFirst(chunk.count)
        }
        return tooLong
    }

    /// The filters of the packet that was answered; nil where nobody asked for that answer.
    mutating func answered(_ packetIdentifier: Int32) -> ArraySlice<String>? {
        waiting.removeValue(forKey: packetIdentifier)
    }
}
