import JSONDocument
import Testing

@Suite struct `An outline` {
    private func outline(
        _ text: String,
        depth: Int = 8,
        breadth: Int = 8,
        limit: Int = 64
    ) throws -> [JSONPart] {
        let document = JSONDocument(maximumBytes: 65_536, maximumDepth: 64)
        let bytes = Array(text.utf8)
        try document.parse(bytes.span)
        return document.outline(depth: depth, breadth: breadth, limit: limit)
    }

    @Test func `tells every value by what it is, each before those in it`() throws {
        let parts = try outline(
            #"{"a":[null,true,-1,1.5,18446744073709551615,"\u00e9"],"b\n":{"c":{}},"":[]}"#
        )
        #expect(
            parts.map(\.kind) == [
                .object(count: 3), .array(count: 6), .null, .boolean, .number, .number, .number,
                .string(bytes: 2), .object(count: 1), .object(count: 0), .array(count: 0),
            ]
        )
        #expect(parts.map(\.depth) == [0, 1, 2, 2, 2, 2, 2, 2, 1, 2, 1])
        let names = parts.map { $0.name.map { String(decoding: $0, as: UTF8.self) } }
        #expect(names == [nil, "a", nil, nil, nil, nil, nil, nil, "b\n", "c", ""])
    }

    @Test func `stops at its bounds`() throws {
        let text = "[[1,2,3],[4,5,6],[7,8,9]]"
        #expect(try outline(text, depth: 0).map(\.kind) == [.array(count: 3)])
        #expect(try outline(text, depth: 1).count == 4)
        #expect(try outline(text, breadth: 2).count == 7)
        #expect(try outline(text, limit: 5).count == 5)
        #expect(try outline(text, limit: 0).isEmpty)
        #expect(try outline("7").map(\.kind) == [.number])
    }

    @Test func `of no text is empty`() {
        let document = JSONDocument(maximumBytes: 64, maximumDepth: 8)
        #expect(document.outline(depth: 1, breadth: 1, limit: 8).isEmpty)
        let broken = Array("{\"a\"".utf8)
        #expect(throws: JSONProblem.malformed) { try document.parse(broken.span) }
        #expect(document.outline(depth: 1, breadth: 1, limit: 8).isEmpty)
    }
}
