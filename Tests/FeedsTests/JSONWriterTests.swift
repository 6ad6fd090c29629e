import Testing

@testable import Feeds

struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `Commas stand between members and elements and nowhere else`() {
        let text = written { writer in
            writer.object { object in
                object.name("a")
                object.array { _ in }
                object.name("b")
                object.array { array in
                    array.value(1)
                    array.object { _ in }
                    array.nullValue()
                    array.value(true)
                    array.value("x")
                    array.plainString { $0.append(UInt8(ascii: "y")) }
                }
                object.name("c")
                object.value(false)
            }
        }
        #expect(text == #"{"a":[],"b":[1,{},null,true,"x","y"],"c":false}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), ("Königstraße 🅿", #""Königstraße 🅿""#),
        ("a\"b\\c/d", #""a\"b\\c/d""#), ("\n\r\t", #""\n\r\t""#),
        ("\u{0}\u{1}\u{1F}\u{1B}\u{7F}", #""\u0000\u0001\u001f\u001b\u007f""#),
        ("<script>", #""\u003cscript\u003e""#), ("&amp;", #""\u0026amp;""#),
        ("]]>", #""]]\u003e""#),
        ("\u{2028}\u{2029}", #""\u2028\u2029""#), ("\u{20A8}é\u{A8}", "\"\u{20A8}é\u{A8}\""),
        ("\u{202E}\u{2066}\u{200F}", #""\u202e\u2066\u200f""#),
        ("\u{9B}31m\u{80}\u{A0}", "\"\\u009b31m\\u0080\u{A0}\""),
        ("\u{200D}\u{2013}\u{2070}\u{10FFFF}", "\"\u{200D}\u{2013}\u{2070}\u{10FFFF}\""),
    ])
    func `A string is escaped so that it may stand in JSON, JavaScript and HTML`(
        text: String,
        json: String
    ) {
        #expect(written { $0.value(text) } == json)
    }

    @Test(
        arguments: [
            (0, "0"), (-1, "-1"), (1056, "1056"), (Int.max, "9223372036854775807"),
            (Int.min, "-9223372036854775808"), (nil, "null"),
        ] as [(Int?, String)]
    )
    func `An integer is written in full`(number: Int?, json: String) {
        #expect(written { $0.value(number) } == json)
    }

    @Test(arguments: [
        (51.3837, "51.3837"), (-2.3665, "-2.3665"), (0.1, "0.1"), (1e-7, "1e-07"), (180, "180.0"),
        (.infinity, "null"), (-.infinity, "null"), (.nan, "null"),
    ])
    func `A number reads back as the same, and what JSON can't say is null`(
        number: Double,
        json: String
    ) {
        #expect(written { $0.value(number) } == json)
    }

    @Test func `A writer that begins anew has forgotten its commas`() {
        var writer = JSONWriter()
        writer.value(1)
        writer.removeAll()
        writer.value(2)
        #expect(writer.bytes == [UInt8(ascii: "2")])
    }
}
