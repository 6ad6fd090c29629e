import CFuzzer
import Glibc

// Fuzz TARGET [libFuzzer's arguments]
// Fuzz list

private let arguments = CommandLine.arguments.dropFirst()

if arguments == ["list"] {
    FuzzTargets.names.forEach { print($0) }
    exit(0)
}
guard let name = arguments.first, let target = FuzzTargets.target(name) else {
    print("usage: Fuzz TARGET [libFuzzer's arguments], with a TARGET that `Fuzz list` names")
    exit(64)
}
nonisolated(unsafe) let chosen = target

// libFuzzer gets the arguments behind ours.
private var count = CommandLine.argc - 1
private var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
    unsafe CommandLine.unsafeArgv + 1
unsafe rest?[0] = CommandLine.unsafeArgv[0]

let status = unsafe LLVMFuzzerRunDriver(&count, &rest) { bytes, count in
    do {
        try unsafe chosen.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
exit(status)
