import Glibc
import TestSupport
import Testing

@testable import MQTT

/// What lies between a session and the broker that a test plays.
enum Wire: String, CaseIterable, CustomTestStringConvertible {
    case tcp, tls
    var testDescription: String { rawValue }
}

/// A session that is connected to a broker that a test plays, over TCP or TLS.
///
/// TLS is spoken by `openssl s_server`, whose standard input and output are the broker's end. It
/// takes one connection after the other, and all of them are the same peer.
final class ScriptedBroker {
    let running: RunningSession
    let peer: Peer
    private let listener: Listener?
    private let server: ChildProcess?
    private let certificates: Certificates?

    var recorder: Recorder { running.recorder }

    /// Connects a session and welcomes it.
    init(
        _ wire: Wire,
        sessionPresent: Bool = false,
        _ configure: (inout SessionConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = configuration()
        configure(&configuration)
        switch wire {
        case .tcp:
            let listener = try Listener()
            self.listener = listener
            (server, certificates) = (nil, nil)
            configuration.endpoints = [
                Endpoint(scheme: .mqtt, host: "127.0.0.1", port: listener.port)
            ]
            running = try RunningSession(configuration)
            peer = try listener.accept()
        case .tls:
            let certificates = try Certificates()
            try certificates.issue("broker")
            let port = freePort()
            let (ours, theirs) = try socketPair()
            defer { close(theirs) }
            peer = Peer(ours)
            server = try ChildProcess(
                ["openssl", "s_server", "-quiet", "-accept", "127.0.0.1:\(port)"]
                    + ["-cert", certificates.file("broker.pem")]
                    + ["-key", certificates.file("broker.key")],
                descriptor: theirs
            )
            self.certificates = certificates
            listener = nil
            configuration.endpoints = [Endpoint(scheme: .mqtts, host: "127.0.0.1", port: port)]
            configuration.tls.authorities = certificates.file("authority.pem")
            running = try RunningSession(configuration)
        }
        try peer.welcome(sessionPresent: sessionPresent)
        try recorder.expectSubscribed()
    }

    /// How the first accepted connection ends.
    func firstEnd() throws -> ConnectionFailure {
        var failure: ConnectionFailure?
        try eventually("the end of the connection; there were \(recorder.events)") {
            for case .disconnected(_, let found) in recorder.events where failure == nil {
                failure = found
            }
            return failure != nil
        }
        return try #require(failure)
    }
}

private func socketPair() throws -> (Int32, Int32) {
    var pair: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    try #require(unsafe socketpair(AF_UNIX, type, 0, &pair) == 0)
    return (pair[0], pair[1])
}
