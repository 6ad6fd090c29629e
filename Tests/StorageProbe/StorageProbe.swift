import Glibc

/// Does with its disk what carparkd does, on one thread, without a network and without timers, the same calls each time:
/// `StorageProbe DIRECTORY LIFE`.
///
/// It opens the journal in `DIRECTORY/state`, commits the batches of its life, publishes the feed to `DIRECTORY/feed` after each, and says on
/// standard output what came of each step as soon as that is known. Life n ends with batch n + 1, wherever the life before it ended or was ended.
///
/// What it says, a line each:
/// - `holds N`: the journal was opened and has N batches, whole. `holds no whole batches: …` and `damaged: …` are what must not be.
/// - `not opened: …`: the journal can't be opened now; the daemon would end, and be started again.
/// - `committed N`, `in memory N`: batch N counts, and the journal has it or is in trouble; `durable again N`: the trouble is over.
/// - `published N`, `not published N: …`: the feed shows N batches, or still an earlier number.
/// - `ended`: all went well, in the end.
@main
enum StorageProbe {
    static func main() {
        guard CommandLine.arguments.count == 3, let life = Int(CommandLine.arguments[2]),
            life > 0, let series = Series()
        else {
            say("usage: StorageProbe DIRECTORY LIFE")
            exit(64)
        }
        let directory = CommandLine.arguments[1]
        // For whoever traces this process: what was called before is the loader's and the runtime's.
        let marker = unsafe open("\(directory)/begin", O_RDONLY | O_CLOEXEC)
        precondition(marker < 0)
        guard let rooms = Rooms(series, in: directory, life: life) else { return }
        rooms.live()
    }
}

/// Writes a line to standard output, at once.
func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    let count = unsafe write(1, bytes, bytes.count)
    precondition(count == bytes.count, "standard output is gone")
}
