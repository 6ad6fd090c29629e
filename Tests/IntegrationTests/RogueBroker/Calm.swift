/// How often a daemon that doesn't storm may try.
enum Calm {
    /// The most rounds of attempts in some time, but for a chance of one in a million.
    ///
    /// The pauses between rounds are drawn evenly from zero up to a bound, which begins with one second and doubles up to a minute. That `n` of them take less than a time `t` has no greater
    /// chance than `t` to the `n` by the product of the bounds and the factorial of `n`: the share of the simplex in the box.
    static func mostRounds(in duration: Duration) -> Int {
        let seconds = duration / .seconds(1)
        var chance = 1.0
        var bound = 1.0
        var pauses = 0
        while true {
            pauses += 1
            chance *= seconds / (Double(pauses) * bound)
            bound = min(2 * bound, 60)
            // Further pauses make it less, once one of them does.
            if chance < 1e-6 { return pauses }
        }
    }
}
