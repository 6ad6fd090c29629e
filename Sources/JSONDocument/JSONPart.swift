import CSimdjson

/// A value in a JSON text by what it is and how large it is, not by what it says.
public struct JSONPart: Equatable, Sendable {
    /// What a value is.
    public enum Kind: Equatable, Sendable {
        /// The literal `null`.
        case null
        /// `true` or `false`.
        case boolean
        /// Any number.
        case number
        /// A string of so many bytes of UTF-8, unescaped.
        case string(bytes: Int)
        /// An array of so many elements.
        case array(count: Int)
        /// An object of so many members.
        case object(count: Int)
    }

    /// How many containers it stands in.
    public let depth: Int

    /// The name of a member of an object: whatever the text says; nil for an element and for the whole.
    public let name: [UInt8]?

    /// What it is.
    public let kind: Kind

    init(_ part: csimdjson_part) {
        let length = unsafe part.length
        depth = unsafe part.depth
        if let bytes = unsafe part.name {
            name = unsafe Array(UnsafeRawBufferPointer(start: bytes, count: part.name_length))
        } else {
            name = nil
        }
        kind =
            switch unsafe part.kind {
            case csimdjson_boolean: .boolean
            case csimdjson_integer, csimdjson_large, csimdjson_real: .number
            case csimdjson_string: .string(bytes: length)
            case csimdjson_container:
                unsafe part.is_object ? .object(count: length) : .array(count: length)
            default: .null
            }
    }
}

extension JSONDocument {
    /// The values of the text, each before those in it.
    ///
    /// Allocates: for what is refused, not for the stream.
    ///
    /// - Parameters:
    ///   - depth: Down to so many levels below the whole.
    ///   - breadth: Of each container so many, the first.
    ///   - limit: So many in all.
    public func outline(depth: Int, breadth: Int, limit: Int) -> [JSONPart] {
        var parts = unsafe [csimdjson_part](repeating: csimdjson_part(), count: limit)
        let count = unsafe csimdjson_outline(parser, &parts, parts.count, depth, breadth)
        return unsafe parts[..<count].map { unsafe JSONPart($0) }
    }
}
