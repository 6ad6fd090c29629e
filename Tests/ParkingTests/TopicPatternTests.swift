import Parking
import Testing

@Suite struct `A topic pattern` {
    /// U+07EC and U+0301 combine with what stands before them into one character.
    @Test(arguments: [
        ("a/#\u{7EC}/b", TopicPattern.Problem.misplacedRemainder),
        ("a/+\u{301}", .misplacedAny), ("a/{b\u{301}}", .malformedCapture("{b\u{301}}")),
        ("a/{\u{301}b}", .malformedCapture("{\u{301}b}")),
        ("a/{b}\u{301}", .malformedCapture("{b}\u{301}")),
    ]) func `has the wildcards that the broker sees in its bytes`(
        text: String,
        problem: TopicPattern.Problem
    ) {
        #expect(throws: problem) { try TopicPattern(text) }
    }

    @Test func `has the levels that the broker sees in its bytes`() throws {
        let pattern = try TopicPattern("a/\u{301}b/+")
        #expect(pattern.levels == [.literal("a"), .literal("\u{301}b"), .any])
        #expect(Array(pattern.filter.utf8) == Array("a/\u{301}b/+".utf8))
    }
}
