/// The records of a text in comma-separated values, one a line.
///
/// Source: RFC 4180, with less and more than it says. Less: a field in quotes ends on its line, so that a forgotten quote
/// spoils one line and not the rest of the file. More: a byte order mark, blank lines and lines that begin with `#`
/// are skipped; blanks around a field do not count; a line may end with or without a carriage return.
struct CSVRecords {
    /// One field, without its quotes and the blanks around it.
    struct Field {
        /// Where its text begins in the file.
        var offset: Int
        /// Its bytes; those of a field with doubled quotes stand in ``unescaped``.
        fileprivate var range: Range<Int>
        fileprivate var unescaped: [UInt8]?

        var isEmpty: Bool { range.isEmpty }
    }

    /// A line that is no record.
    struct Malformed: Error {
        let offset: Int
        let message: String
    }

    /// The most fields of a line: many more than any list has columns.
    static let maximumFields = 64

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let comma = UInt8(ascii: ",")
    private static let quote = UInt8(ascii: "\"")

    private let bytes: [UInt8]
    private var nextLine: Int
    private var end = 0

    /// The number of the line that was read last, from 1.
    private(set) var line = 0

    /// Where the line begins that was read last.
    private(set) var lineStart = 0

    /// The fields of the line that was read last.
    private(set) var fields: [Field] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        nextLine = bytes.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
    }

    /// Goes to the next line that is neither blank nor a comment, and tells whether there is one.
    mutating func advance() -> Bool {
        while nextLine < bytes.count {
            lineStart = nextLine
            line += 1
            end = lineStart
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            nextLine = end + 1
            if end > lineStart, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            let first = afterBlanks(lineStart)
            if first < end, bytes[lineStart] != UInt8(ascii: "#") { return true }
        }
        return false
    }

    /// Splits the line into ``fields``.
    mutating func split() throws(Malformed) {
        fields.removeAll(keepingCapacity: true)
        var index = lineStart
        while true {
            index = afterBlanks(index)
            index = index < end && bytes[index] == Self.quote ? try quoted(index) : try plain(index)
            guard index < end else { return }
            guard fields.count < Self.maximumFields else {
                throw Malformed(
                    offset: lineStart,
                    message: "the line has more than \(Self.maximumFields) fields"
                )
            }
            index += 1
        }
    }

    /// The text of a field; nil where it is not UTF-8.
    func text(of field: Field) -> String? {
        if let unescaped = field.unescaped {
            return String(validating: unescaped, as: UTF8.self)
        }
        return String(validating: bytes[field.range], as: UTF8.self)
    }

    /// The column of a place in this line: from 1, in Unicode scalars.
    func column(of offset: Int) -> Int {
        String(decoding: bytes[lineStart..<offset], as: UTF8.self).unicodeScalars.count + 1
    }

    private func afterBlanks(_ start: Int) -> Int {
        var index = start
        while index < end, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        return index
    }

    /// Reads a field without quotes, and answers where its comma is or the line ends.
    private mutating func plain(_ start: Int) throws(Malformed) -> Int {
        var index = start
        var textEnd = start
        while index < end, bytes[index] != Self.comma {
            if bytes[index] == Self.quote {
                throw Malformed(
                    offset: index,
                    message: "a quote stands inside a field; put the whole field in quotes and "
                        + "double those that belong to it"
                )
            }
            if bytes[index] != 0x20, bytes[index] != 0x09 { textEnd = index + 1 }
            index += 1
        }
        fields.append(Field(offset: start, range: start..<textEnd, unescaped: nil))
        return index
    }

    /// Reads a field in quotes, and answers where its comma is or the line ends.
    private mutating func quoted(_ start: Int) throws(Malformed) -> Int {
        var index = start + 1
        var doubled: [UInt8]?
        while index < end {
            if bytes[index] == Self.quote {
                guard index + 1 < end, bytes[index + 1] == Self.quote else { break }
                if doubled == nil { doubled = Array(bytes[start + 1..<index]) }
                index += 1
            }
            doubled?.append(bytes[index])
            index += 1
        }
        guard index < end else {
            throw Malformed(
                offset: start,
                message: "the quote that opens here is not closed on this line"
            )
        }
        fields.append(Field(offset: start, range: start + 1..<index, unescaped: doubled))
        index = afterBlanks(index + 1)
        guard index == end || bytes[index] == Self.comma else {
            throw Malformed(
                offset: index,
                message: "after a field in quotes comes a comma or the end of the line; "
                    + "a quote that belongs to the field is doubled"
            )
        }
        return index
    }
}
