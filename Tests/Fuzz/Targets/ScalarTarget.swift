import Glibc
import JSONDocument
import Parking

@testable import Ingest

/// A field's text: as a number it is what the C library reads there, and as a time it is one that reads the same again.
struct ScalarTarget: FuzzTarget {
    func run(_ input: [UInt8]) throws(Violation) {
        let text = input.prefix(64).map { $0 }
        try checkInteger(text)
        try checkTime(text)
    }

    private func checkInteger(_ text: [UInt8]) throws(Violation) {
        let integer = try? Scalar.integer(.string, text.span)
        let expected = Self.decimal(text)
        guard let integer else {
            // As many digits as a double keeps for sure.
            let isWhole = text.count <= 15 && expected.map { $0 == $0.rounded() } ?? false
            return try require(!isWhole, "a whole number is refused")
        }
        guard let expected else { throw Violation("\(integer) is no number in the text") }
        // No reading has numbers above 2^32; beyond it the last digits may be lost, and the number is refused all the same.
        let tolerance = abs(expected) < 0x1p33 ? 0.001 : abs(expected) * 0x1p-48
        let isClose = abs(Double(integer) - expected) <= tolerance
        try require(isClose, "\(integer) is not \(expected)")
    }

    private func checkTime(_ text: [UInt8]) throws(Violation) {
        guard let time = Scalar.time(.string, text.span) else { return }
        // Sixteen digits of milliseconds are beyond every calendar.
        try require(abs(time) < 1_000_000_000_000_000, "\(time) ms is no time")
        guard RFC3339.milliseconds(text.span) != nil else { return }
        let written = RFC3339.text(time)
        let again = RFC3339.milliseconds(Array(written.utf8).span)
        let isBeforeYear0OrAfter9999 = !(-62_167_219_200_000...253_402_300_799_999).contains(time)
        let seconds = time >= 0 ? time / 1000 : (time - 999) / 1000
        try require(
            again == seconds * 1000 || isBeforeYear0OrAfter9999,
            "\(time) ms is written \(written)"
        )
        var parts = unsafe tm()
        var clock = Int(seconds)
        _ = unsafe gmtime_r(&clock, &parts)
        let fields = unsafe [
            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
            parts.tm_sec,
        ]
        let digits = written.split { !$0.isNumber }.compactMap { Int32($0) }
        try require(
            digits == fields || isBeforeYear0OrAfter9999,
            "\(written) is \(fields) for the C library"
        )
    }

    /// What strtod reads where the text is a decimal number and nothing else.
    private static func decimal(_ text: [UInt8]) -> Double? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count) else { return nil }
        let isNegative = text.first == UInt8(ascii: "-")
        for (index, part) in parts.enumerated() {
            let digits = index == 0 && isNegative ? part.dropFirst() : part
            let areDigits = digits.allSatisfy { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, areDigits else { return nil }
        }
        return unsafe strtod(String(decoding: text, as: UTF8.self), nil)
    }
}
