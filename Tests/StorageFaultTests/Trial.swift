/// What is done to one system call of the probe.
enum Fault: CustomStringConvertible {
    /// It isn't done, and returns this error.
    case error(String)
    /// It isn't done, and the process is killed with SIGKILL.
    ///
    /// strace(1) sends the signal as the call is entered, and Linux skips the call of a process that has to die.
    case kill

    /// As strace(1) has it.
    var description: String {
        switch self {
        case .error(let name): "error=\(name)"
        case .kill: "signal=KILL"
        }
    }
}

/// A fault, and the call that it strikes.
struct Strike: CustomStringConvertible {
    let fault: Fault
    let call: Call

    var description: String { "\(fault) at \(call.text.prefix(200))" }
}

/// A scene, and what is done to it.
struct Trial: CustomStringConvertible {
    let scene: Scene
    /// Of different kinds of calls.
    let strikes: [Strike]

    /// A name for its directory.
    var name: String {
        strikes.reduce("life-\(scene.life)") {
            "\($0)-\($1.call.name)-\($1.call.number)-\($1.fault)"
        }
    }

    /// The arguments of strace(1).
    var injections: [String] {
        ["-e", "trace=\(strikes.map(\.call.name).joined(separator: ","))"]
            + strikes.flatMap {
                ["-e", "inject=\($0.call.name):\($0.fault):when=\($0.call.number)"]
            }
    }

    /// Its strikes that don't end the process.
    var errors: [Strike] {
        strikes.filter { if case .error = $0.fault { true } else { false } }
    }

    /// Whether the process is killed, if it comes that far.
    var isKilled: Bool { errors.count < strikes.count }

    var description: String {
        strikes.reduce("life \(scene.life)") { "\($0), \($1)" }
    }
}
