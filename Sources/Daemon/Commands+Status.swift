import Configuration
import Glibc
import LinuxSystem

extension Commands {
    /// Prints how the running daemon is.
    ///
    /// - Parameters:
    ///   - configurationPath: Where the configuration says where the daemon tells how it is; one that can't be read is no reason to say nothing.
    ///   - file: The file itself; nil leaves it to the configuration.
    ///   - isJSON: Whether the file is printed as it is.
    /// - Returns: As LSB has it for init scripts: success if all is well, failure if it runs with trouble, notRunning, or statusUnknown.
    public static func status(configurationPath: String, file: String?, isJSON: Bool) -> ExitStatus
    {
        let path = file ?? healthPath(configurationPath: configurationPath)
        let isHeld = RuntimeFile.isHeld(beside: path)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try RuntimeFile.content(of: path, limit: Health.maximumBytes)
        } catch {
            return missing(path, error, isHeld: isHeld)
        }
        guard let health = Health(json: bytes.span) else {
            Console.error("\(path): is no health file of carparkd")
            return .statusUnknown
        }
        let age = Int(max(0, SystemClock.wallMilliseconds() - health.generated) / 1000)
        let page = StatusPage(health, Liveness(isHeld: isHeld, ageSeconds: age))
        if isJSON {
            print(String(decoding: bytes, as: UTF8.self), terminator: "")
        } else {
            for line in page.lines { print(line) }
        }
        return page.exitStatus
    }

    private static func healthPath(configurationPath: String) -> String {
        var configuration: Configuration?
        do {
            configuration = try Configuration.load(path: configurationPath)
        } catch {
            Console.error(
                "\(configurationPath) cannot be used ('carparkd check' says why); looking in \(RuntimePlace.directory(nil))"
            )
        }
        return "\(RuntimePlace.directory(configuration))/\(RuntimePlace.name)"
    }

    private static func missing(_ path: String, _ error: FileError, isHeld: Bool?) -> ExitStatus {
        let code: Int32? = if case .system(let code) = error.reason { code.rawValue } else { nil }
        switch code {
        case ENOENT where isHeld == true:
            Console.error("\(path): is not there yet, but a carparkd runs; ask again in a moment")
            return .statusUnknown
        case ENOENT:
            Console.error(
                "carparkd is not running: there is no \(path)\n"
                    + "  see 'systemctl status carparkd'; if it runs elsewhere, name its --config or its --file"
            )
            return .notRunning
        case EACCES, EPERM:
            Console.error(
                "\(path): may not be read; run this as root, or as a member of the group carparkd"
            )
            return .statusUnknown
        default:
            Console.error("\(path): cannot be read: \(error.reason)")
            return .statusUnknown
        }
    }
}
