import Parking

/// Numbers and times as text.
enum Digits {
    /// A whole number.
    static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// The last digits of a number that is not negative, zeros in front included.
    static func append(_ number: Int, count: Int, to bytes: inout [UInt8]) {
        let start = bytes.count
        var rest = number
        for _ in 0..<count {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        bytes[start...].reverse()
    }

    /// RFC 3339 in UTC with milliseconds.
    static func append(time milliseconds: Int64, to bytes: inout [UInt8]) {
        RFC3339.append(milliseconds, to: &bytes)
        let part = UInt16((milliseconds % 1000 + 1000) % 1000)
        bytes[bytes.count - 1] = UInt8(ascii: ".")
        bytes.append(UInt8(ascii: "0") + UInt8(part / 100))
        bytes.append(UInt8(ascii: "0") + UInt8(part / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(part % 10))
        bytes.append(UInt8(ascii: "Z"))
    }

    /// What no other message has, in the shape of a UUID (RFC 9562).
    static func append(identity content: MessageTemplate.Content, to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        let words = [
            mixed(UInt64(bitPattern: content.observedMilliseconds)),
            mixed(UInt64(content.numbering) << 32 ^ UInt64(content.number)),
        ]
        for place in 0..<32 {
            if [8, 12, 16, 20].contains(place) { bytes.append(UInt8(ascii: "-")) }
            bytes.append(digits[Int(words[place / 16] >> UInt64(60 - place % 16 * 4) & 15)])
        }
    }

    /// SplitMix64's last step: another number for every number.
    private static func mixed(_ number: UInt64) -> UInt64 {
        var word = number &+ 0x9e37_79b9_7f4a_7c15
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
