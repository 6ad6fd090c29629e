internal import Parking

/// Finds and opens profiles: files with the rules of a kind of sensor.
///
/// ```yaml
/// sensor: Bosch TPS110
/// rules:
///   - reading: bay
///     occupied: /occupied
/// ```
final class ProfileReader {
    /// The longest name, and the largest file.
    private static let maximumNameBytes = 64
    private static let maximumBytes = 262_144

    private let directories: [String]
    private let read: FileReader
    /// The files that were opened, by their names; nil for one that is wrong.
    private var known: [String: [Element]?] = [:]

    /// - Parameter directories: Where profiles are looked for, in this order.
    init(directories: [String], read: @escaping FileReader) {
        self.directories = directories
        self.read = read
    }

    /// The rules of the profile that an element names, and its name; nil after a complaint.
    func bodies(_ element: Element) -> [(name: String, body: Element)]? {
        guard let name = element.text() else { return nil }
        guard FacilityIdentifier(name) != nil, name.utf8.count <= Self.maximumNameBytes else {
            element.complain(
                "must be the name of a profile, of a-z, 0-9 and -, without .yaml, not \(quoted(name))"
            )
            return nil
        }
        if let known = known[name] { return known.map { $0.map { (name, $0) } } }
        let bodies = open(name, element)
        known[name] = .some(bodies)
        return bodies.map { $0.map { (name, $0) } }
    }

    private func open(_ name: String, _ element: Element) -> [Element]? {
        var reasons: [String] = []
        for directory in directories {
            let path = "\(directory)/\(name).yaml"
            do throws(UnreadableFile) {
                let bytes = try read(path, Self.maximumBytes)
                do throws(ConfigurationError) {
                    return try bodies(bytes, path, element)
                } catch {
                    element.list.add(error)
                    return nil
                }
            } catch {
                reasons.append("\(quoted(path)): \(error.reason)")
            }
        }
        element.complain(
            "there is no profile \(quoted(name)) (\(reasons.joined(separator: "; ")))"
        )
        return nil
    }

    private func bodies(
        _ bytes: [UInt8],
        _ path: String,
        _ element: Element
    ) throws(ConfigurationError) -> [Element]? {
        let document = try YAMLDocument(bytes, file: path)
        let list = ComplaintList(file: path, parent: element.list)
        let keys = Element(node: document.root, path: "", list: list).keys()
        _ = keys?.require("sensor", "what the profile reads")?.nonEmptyText(maximumBytes: 1024)
        let bodies = keys?.require("rules", "the list of the rules that read the sensor")?.items()
        keys?.finish()
        return bodies
    }
}
