/// Whether a daemon runs, as far as the file that it left says.
enum Liveness: Equatable {
    /// Somebody holds the lock, and the file is new.
    case running
    /// Somebody holds the lock, but the file is so many seconds old: what writes it hangs.
    case hanging(seconds: Int)
    /// Nobody holds the lock: the process ended without a goodbye.
    case ended(seconds: Int)
    /// There is no lock beside the file, so that only its age is known: it may be a copy.
    case unknown(seconds: Int)

    /// An age that no file of a running daemon reaches, on a machine that is busy.
    static let patience = 30

    /// - Parameters:
    ///   - isHeld: Whether a process holds the lock; nil where there is none.
    ///   - ageSeconds: How long ago the file was written.
    init(isHeld: Bool?, ageSeconds: Int) {
        let isOld = ageSeconds > Self.patience
        self =
            switch isHeld {
            case true?: isOld ? .hanging(seconds: ageSeconds) : .running
            case false?: .ended(seconds: ageSeconds)
            case nil: .unknown(seconds: ageSeconds)
            }
    }
}
