/// What a rogue does, and what the daemon makes of it.
struct Attack: Sendable {
    /// A rogue's part in the first connections.
    ///
    /// It begins with the CONNECT that waits to be read. What it leaves of the connection is served as it should be.
    typealias Script = @Sendable (RoguePeer) throws(RogueEnd) -> Void

    /// What becomes of the connection.
    enum Outcome: Sendable {
        /// The daemon overlooks it: the connection goes on.
        case overlooked
        /// An accepted connection ends, and the log's reason contains this.
        case ended(String)
        /// There is no connection, and the log's reason contains this.
        case refused(String)
        /// MQTT 5.0 is refused, and the connection of MQTT 3.1.1 that follows ends for this reason.
        case endedInOldVersion(String)
    }

    /// The name of the broker and of its facility: small letters, digits and hyphens.
    let name: String
    let outcome: Outcome
    /// How many connections the script is for.
    let times: Int
    let script: Script

    init(_ name: String, _ outcome: Outcome, times: Int = 1, script: @escaping Script) {
        self.name = name
        self.outcome = outcome
        self.times = times
        self.script = script
    }

    /// An attack on a client that is subscribed and has acknowledged a message.
    static func onSubscriber(
        _ name: String,
        _ outcome: Outcome,
        script: @escaping Script
    ) -> Self {
        Self(name, outcome) { peer throws(RogueEnd) in
            try peer.greet()
            try peer.deliver(RogueBroker.messages[0])
            try script(peer)
        }
    }

    /// Bytes that are sent to a client that is subscribed and has acknowledged a message.
    static func onSubscriber(_ name: String, _ outcome: Outcome, sends bytes: [UInt8]) -> Self {
        onSubscriber(name, outcome) { peer throws(RogueEnd) in try peer.send(bytes) }
    }

    /// A packet that is sent to a client that is subscribed and has acknowledged a message.
    static func onSubscriber(_ name: String, _ outcome: Outcome, sends packet: ControlPacket)
        -> Self
    {
        onSubscriber(name, outcome, sends: packet.bytes)
    }

    /// An attack on a subscriber that was made to speak MQTT 3.1.1.
    static func onOldSubscriber(_ name: String, _ reason: String, script: @escaping Script) -> Self
    {
        Self(name, .endedInOldVersion(reason), times: 2) { peer throws(RogueEnd) in
            try peer.hearConnect()
            if peer.number == 1 {
                try peer.send(.connack(0x84))
                return try peer.ignore()
            }
            try peer.accept()
            try peer.answer(until: .subscribe)
            try peer.deliver(RogueBroker.messages[0])
            try script(peer)
        }
    }

    /// Bytes in place of the CONNACK.
    ///
    /// - Parameter times: 2 where the daemon tries an older version at once, which is attacked in the same way.
    static func onGreeting(
        _ name: String,
        _ outcome: Outcome,
        times: Int = 1,
        sends bytes: [UInt8]
    ) -> Self {
        Self(name, outcome, times: times) { peer throws(RogueEnd) in
            try peer.hearConnect()
            try peer.send(bytes)
        }
    }
}
