import Glibc

/// Numbers that look random and follow from a seed alone.
///
/// Shape: xoshiro256**, 256 bits, seeded through SplitMix64 so that neighbouring seeds share nothing.
/// Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (2021).
struct RandomSource: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seed: UInt64) {
        var seed = seed
        func splitMix() -> UInt64 {
            seed &+= 0x9e37_79b9_7f4a_7c15
            var word = seed
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
        state = (splitMix(), splitMix(), splitMix(), splitMix())
    }

    mutating func next() -> UInt64 {
        let result = Self.rotate(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotate(state.3, by: 45)
        return result
    }

    private static func rotate(_ word: UInt64, by bits: UInt64) -> UInt64 {
        word << bits | word >> (64 - bits)
    }

    /// A number from 0 to below 1.
    mutating func fraction() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Whether something of this probability happens now.
    mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && fraction() < probability
    }

    /// The time to the next event of a Poisson process, in the unit of 1 / rate.
    mutating func exponential(rate: Double) -> Double {
        -log(1 - fraction()) / rate
    }

    /// A number within these bounds.
    mutating func uniform(_ bounds: ClosedRange<Double>) -> Double {
        bounds.lowerBound + fraction() * (bounds.upperBound - bounds.lowerBound)
    }

    /// A whole number from 0 to below the bound, which is above 0.
    mutating func index(below bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
