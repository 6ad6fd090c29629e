/// How a command ends, for the shell and the service manager.
///
/// Source: sysexits(3).
public enum ExitStatus: Int32, Error, Sendable {
    /// It did what it was asked to do.
    case success = 0
    /// It did not; the log or standard error says why.
    case failure = 1
    /// There is no daemon; only `status` says so.
    ///
    /// Source: Linux Standard Base 5.0, "Init Script Actions", as is ``statusUnknown``.
    case notRunning = 3
    /// Whether there is a daemon can't be told; only `status` says so.
    case statusUnknown = 4
    /// The words of the command are wrong.
    case usage = 64
    /// The input is not what it should be.
    case dataError = 65
    /// The configuration is wrong: starting again won't help (`RestartPreventExitStatus=78` in the unit).
    case configuration = 78
}
