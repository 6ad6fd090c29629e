import Occupancy

/// What the number of a message means after the ones before it: a pure decision.
///
/// Numbers rise by one and wrap. Networks deliver them twice, late or not at all, and a sensor that restarts begins anew. The last 64 numbers are
/// remembered one by one, so that a late message is told from a repeated one; a number that is further back, or the first that a sensor
/// gives, is a new beginning: LoRaWAN's frame counters begin at 0 after every join, others at 1. Where a message says more of its identity
/// than the number, that decides: a sensor that joins twice sends 0 twice.
enum SequenceStep: Equatable {
    /// The first message of this sensor.
    case first
    /// The next one.
    case next
    /// So many before it are missing, for now.
    case gap(missing: Int)
    /// It was missing, and is here after all.
    case late
    /// It was received before.
    case repeated
    /// The sensor began anew.
    case reset

    /// The most numbers that are lost at once.
    static let maximumGap = 16_384

    /// How many numbers are remembered one by one.
    static let span = 64

    /// The step from a known window to a number, and the window behind it; nil where that stays.
    static func step(
        _ known: SequenceWindow?,
        number: Int,
        wrapsAt: Int?,
        identity: MessageIdentity? = nil
    ) -> (window: SequenceWindow?, step: SequenceStep) {
        let digest = identity?.word ?? 0
        guard let known else {
            return (SequenceWindow(newest: number, identity: digest), .first)
        }
        let newest = MessageIdentity(word: known.identity)
        let distance = distance(from: known.newest, to: number, wrapsAt: wrapsAt)
        let isBegun =
            identity.map {
                $0.isOfAnotherSession(than: newest)
                    || distance == 0 && $0.isAnotherMessage(than: newest)
            } ?? false
        if isBegun {
            return (
                SequenceWindow(newest: number, missing: known.missing, identity: digest), .reset
            )
        }
        if distance == 0 { return (nil, .repeated) }
        // LoRaWAN's MAX_FCNT_GAP: nobody loses so many, and whoever skips more begins anew.
        if distance > maximumGap {
            return (
                SequenceWindow(newest: number, missing: known.missing, identity: digest), .reset
            )
        }
        if distance > 0 {
            let missing = distance - 1
            let shifted = distance < span ? known.received << UInt64(distance) : 0
            let window = SequenceWindow(
                newest: number,
                received: shifted | 1,
                missing: known.missing + missing,
                identity: digest
            )
            return (window, missing > 0 ? .gap(missing: missing) : .next)
        }
        let bit: UInt64 = -distance < span ? 1 << UInt64(-distance) : 0
        let wasReceived = known.received & bit != 0
        // Behind the end of its register a 0 may also be late. A sensor that had a 0 doesn't begin at 1.
        let zero: UInt64 = known.newest < span ? 1 << UInt64(known.newest) : 0
        let isBeginning =
            number == 0 && (wasReceived || wrapsAt == nil)
            || number == 1 && known.newest > 2 && wasReceived && known.received & zero == 0
        guard bit != 0, !isBeginning else {
            return (
                SequenceWindow(newest: number, missing: known.missing, identity: digest), .reset
            )
        }
        guard !wasReceived else { return (nil, .repeated) }
        var window = known
        window.received |= bit
        window.missing = max(0, window.missing - 1)
        return (window, .late)
    }

    /// How far a number is ahead of another (or, below zero, behind it), the shorter way round where numbers wrap.
    private static func distance(from old: Int, to new: Int, wrapsAt: Int?) -> Int {
        let plain = new - old
        guard let wrapsAt else { return plain }
        if plain > wrapsAt / 2 { return plain - wrapsAt }
        return plain < -(wrapsAt / 2) ? plain + wrapsAt : plain
    }
}

/// What tells a message, and the session of its sensor with its network, from others beside the number.
///
/// **Shape.** Eight bits of a digest each, 0 where nothing tells: two of a kind are taken for one another once in 255 times, as all
/// were without them.
struct MessageIdentity: Equatable {
    /// The session: all numbers of another one are new.
    var session: UInt8

    /// The message: another one with the number of the newest is a new beginning.
    var message: UInt8

    init(session: UInt8, message: UInt8) {
        self.session = session
        self.message = message
    }

    /// The identity that a window keeps.
    init(word: UInt16) {
        self.init(session: UInt8(word >> 8), message: UInt8(truncatingIfNeeded: word))
    }

    /// The identity as a window keeps it.
    var word: UInt16 { UInt16(session) << 8 | UInt16(message) }

    /// Whether this is known to be of another session.
    func isOfAnotherSession(than other: MessageIdentity) -> Bool {
        session != 0 && other.session != 0 && session != other.session
    }

    /// Whether this is known to be another message.
    func isAnotherMessage(than other: MessageIdentity) -> Bool {
        message != 0 && other.message != 0 && message != other.message
    }

    /// The digest of a text, never 0; 0 where there is none.
    static func digest(_ text: Span<UInt8>) -> UInt8 {
        guard text.count > 0 else { return 0 }
        // FNV-1a, folded: http://www.isthe.com/chongo/tech/comp/fnv/
        var hash: UInt32 = 2_166_136_261
        for index in 0..<text.count { hash = (hash ^ UInt32(text[index])) &* 16_777_619 }
        return UInt8(truncatingIfNeeded: (hash >> 16 ^ hash) % 255) + 1
    }
}
