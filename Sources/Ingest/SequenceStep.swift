import Occupancy

/// What the number of a message means after the ones before it: a pure decision.
///
/// Numbers rise by one and wrap. Networks deliver them twice, late or not at all, and a sensor that restarts begins anew. The last 64 numbers are
/// remembered one by one, so that a late message is told from a repeated one; a number that is further back, or 0, is a new beginning:
/// LoRaWAN's frame counters begin at 0 after every join. Where a message says more of its identity than the number, that decides: a sensor that joins
/// twice sends 0 twice.
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

    /// How many numbers are remembered one by one.
    static let span = 64

    /// The step from a known window to a number, and the window behind it; nil where that stays.
    static func step(
        _ known: SequenceWindow?,
        number: Int,
        wrapsAt: Int?,
        identity: MessageIdentity? = nil
    ) -> (window: SequenceWindow?, step: SequenceStep) {
        let digest = identity?.digest ?? 0
        guard let known else {
            return (SequenceWindow(newest: number, identity: digest), .first)
        }
        let distance = distance(from: known.newest, to: number, wrapsAt: wrapsAt)
        let isOther = digest != 0 && known.identity != 0 && digest != known.identity
        if isOther, identity?.scope == .session || distance == 0 {
            return (
                SequenceWindow(newest: number, missing: known.missing, identity: digest), .reset
            )
        }
        if distance == 0 { return (nil, .repeated) }
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
        // Behind the end of its register a 0 may also be late.
        let isBeginning = number == 0 && (wasReceived || wrapsAt == nil)
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

/// What tells a message, or the session of its sensor, from others beside the number.
struct MessageIdentity: Equatable {
    /// What the identity stays the same for.
    enum Scope: UInt8 {
        /// A session of the sensor with its network: all numbers of another one are new.
        case session
        /// One message.
        case message
    }

    /// What it stays the same for.
    var scope: Scope

    /// A digest of it, never 0.
    var digest: UInt16

    /// The identity in a text; nil where that is empty.
    init?(_ scope: Scope, of text: Span<UInt8>) {
        guard text.count > 0 else { return nil }
        // FNV-1a, folded: http://www.isthe.com/chongo/tech/comp/fnv/
        var hash: UInt32 = 2_166_136_261
        for index in 0..<text.count { hash = (hash ^ UInt32(text[index])) &* 16_777_619 }
        self.scope = scope
        digest = max(1, UInt16(truncatingIfNeeded: hash >> 16 ^ hash))
    }

    init(scope: Scope, digest: UInt16) {
        self.scope = scope
        self.digest = digest
    }
}
