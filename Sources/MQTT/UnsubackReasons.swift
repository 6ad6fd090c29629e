/// What a broker answers to an UNSUBSCRIBE.
///
/// libmosquitto reads an UNSUBACK and keeps its reasons to itself.
/// Source: MQTT 5.0, section 3.11; MQTT 3.1.1, section 3.11.
enum UnsubackReasons {
    /// One reason for each of so many filters, in their order, from the bytes behind the fixed
    /// header; nil where those are needed and unknown.
    ///
    /// An UNSUBACK that is too short says nothing about the rest; one of MQTT 3.1.1 can't refuse.
    static func read(
        _ bytes: [UInt8]?,
        _ version: ProtocolVersion,
        filters: Int
    ) -> [ReasonCode]? {
        switch version {
        case .version311:
            return Array(repeating: .success, count: filters)
        case .version5:
            guard let bytes else { return nil }
            let reasons = bytes.dropFirst(2 + propertyBytes(bytes.dropFirst(2))).prefix(filters)
            let missing = Array(repeating: ReasonCode.unspecified, count: filters - reasons.count)
            return reasons.map { ReasonCode(rawValue: $0) } + missing
        }
    }

    /// The bytes of the properties, those of their length included.
    private static func propertyBytes(_ bytes: ArraySlice<UInt8>) -> Int {
        var length = 0
        var shift = 0
        for byte in bytes.prefix(4) {
            length |= Int(byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0 { break }
        }
        return length + shift / 7
    }
}
