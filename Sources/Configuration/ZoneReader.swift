internal import Parking

/// Reads the name of a time zone: `Europe/London`, `UTC`, or `+01:00` for a place whose clocks are never changed.
struct ZoneReader {
    /// Reads the system's files.
    let read: FileReader

    /// The offsets of the zone that an element names, or nil after a complaint.
    func offsets(_ element: Element) -> ZoneOffsets? {
        guard let name = element.text() else { return nil }
        if let seconds = Self.seconds(ofOffset: name) { return TimeZoneFile.fixed(seconds) }
        if name == "UTC" { return TimeZoneFile.fixed(0) }
        guard Self.isName(name) else {
            element.complain(
                "must be the name of a time zone such as Europe/London, or its distance from UTC "
                    + "such as +01:00, not \(quoted(name))"
            )
            return nil
        }
        do throws(UnreadableFile) {
            let path = "\(TimeZoneFile.directory)/\(name)"
            if let offsets = TimeZoneFile.offsets(try read(path, TimeZoneFile.maximumBytes)) {
                return offsets
            }
            element.complain("\(quoted(path)) is no time zone that can be read\(hint(name))")
        } catch {
            element.complain(
                "the time zone \(quoted(name)) cannot be read from \(TimeZoneFile.directory): "
                    + "\(error.reason)\(hint(name))"
            )
        }
        return nil
    }

    /// What to do about a zone that is not there.
    private func hint(_ name: String) -> String {
        let names = names()
        if let near = nearest(to: name, among: names) { return "; did you mean \(quoted(near))?" }
        return names.isEmpty ? "; is the package tzdata installed?" : ""
    }

    /// The names of the places whose zones the system lists; empty where it lists none.
    ///
    /// Names such as `EST` are not among them: who wrote `BST` didn't mean that.
    private func names() -> [String] {
        let path = TimeZoneFile.directory + "/tzdata.zi"
        let table: [UInt8]
        do throws(UnreadableFile) {
            table = try read(path, TimeZoneFile.maximumBytes)
        } catch {
            return []
        }
        // "Z Europe/London …" begins a zone, "L Europe/London Europe/Belfast" is another name of one.
        return table.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3).map {
                String(decoding: $0, as: UTF8.self)
            }
            let name =
                switch words.first {
                case "Z": words.dropFirst().first
                case "L": words.dropFirst(2).first
                default: nil as String?
                }
            return name.flatMap { $0.contains("/") ? $0 : nil }
        }
    }

    /// Whether a name can be one of a file below the directory, and not of one elsewhere.
    private static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= 64
            && parts.allSatisfy { part in
                part.utf8.first.map(isLetter) ?? false
                    && part.utf8.allSatisfy { byte in
                        isLetter(byte) || "0123456789_+-".utf8.contains(byte)
                    }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
    }

    /// The seconds of `+01:00` or `-05:30`; nil for anything else.
    private static func seconds(ofOffset text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"),
            bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-")
        else { return nil }
        var digits: [Int64] = []
        for byte in [bytes[1], bytes[2], bytes[4], bytes[5]] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            digits.append(Int64(byte - UInt8(ascii: "0")))
        }
        let hours = digits[0] * 10 + digits[1]
        let minutes = digits[2] * 10 + digits[3]
        guard hours <= 14, minutes <= 59 else { return nil }
        return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}
