import Glibc

/// What is measured inside a process: `flush DIRECTORY`, `memory`, `receive`, `recovery DIRECTORY`.
///
/// One figure a line, its name and its value, for `Tests/Benchmarks/run`. Nothing is asserted.
@main
enum Measurements {
    static func main() throws {
        switch Array(CommandLine.arguments.dropFirst()) {
        case ["memory"]: show(measureMemory())
        case ["receive"]: show(measureReceive())
        case let arguments where arguments.count == 2 && arguments[0] == "flush":
            show(try measureFlush(in: arguments[1]))
        case let arguments where arguments.count == 2 && arguments[0] == "recovery":
            show(try measureRecovery(in: arguments[1]))
        default:
            print("usage: Measurements flush DIRECTORY | memory | receive | recovery DIRECTORY")
            exit(64)
        }
    }

    private static func show(_ figures: [Figure]) {
        for figure in figures { print(figure.name, figure.value) }
    }
}

/// A measured figure; its name says the unit.
struct Figure {
    let name: String
    let value: Double
}

/// The middle of an odd number of measurements.
func median(_ values: [Double]) -> Double {
    precondition(values.count % 2 == 1)
    return values.sorted()[values.count / 2]
}
