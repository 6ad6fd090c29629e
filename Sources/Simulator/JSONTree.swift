/// The JSON text that has a gap at each of some pointers.
///
/// Members stand in the order in which they were inserted. Where the names below a pointer are exactly 0, 1, 2, … they
/// are the elements of an array; everything else is an object.
/// Source: RFC 6901 (pointers), RFC 8259 (strings).
struct JSONTree {
    private enum Node {
        case gap(MessageTemplate.Field)
        case members([(name: [UInt8], node: Node)])
    }

    private let node: Node

    /// The text with these gaps.
    ///
    /// - Throws: `malformedPointer`, or `sharedPlace` where one gap is at, above or below another.
    init(
        _ gaps: [(field: MessageTemplate.Field, pointer: String)]
    ) throws(Simulator.Reason) {
        var node = Node.members([])
        for (field, pointer) in gaps {
            guard let names = Self.names(pointer) else { throw .malformedPointer(pointer) }
            guard let grown = Self.inserting(field, at: names[...], into: node) else {
                throw .sharedPlace("'\(pointer)'")
            }
            node = grown
        }
        self.node = node
    }

    /// The text, in pieces.
    var json: [MessageTemplate.Piece] {
        var pieces: [MessageTemplate.Piece] = []
        Self.append(node, to: &pieces)
        return pieces
    }

    private static func inserting(
        _ field: MessageTemplate.Field,
        at names: ArraySlice<[UInt8]>,
        into node: Node
    ) -> Node? {
        guard case .members(var members) = node else { return nil }
        guard let name = names.first else { return members.isEmpty ? .gap(field) : nil }
        let index = members.firstIndex { $0.name == name } ?? members.count
        if index == members.count { members.append((name, .members([]))) }
        guard let grown = inserting(field, at: names.dropFirst(), into: members[index].node) else {
            return nil
        }
        members[index].node = grown
        return .members(members)
    }

    /// The names of a pointer; nil where it is none.
    private static func names(_ pointer: String) -> [[UInt8]]? {
        if pointer.isEmpty { return [] }
        guard pointer.utf8.first == UInt8(ascii: "/") else { return nil }
        var names: [[UInt8]] = []
        let bytes = Array(pointer.utf8.dropFirst())
        for escaped in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            var name: [UInt8] = []
            var rest = escaped
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "~") else {
                    name.append(byte)
                    continue
                }
                switch rest.popFirst() {
                case UInt8(ascii: "0"): name.append(UInt8(ascii: "~"))
                case UInt8(ascii: "1"): name.append(UInt8(ascii: "/"))
                default: return nil
                }
            }
            names.append(name)
        }
        return names
    }

    private static func append(_ node: Node, to pieces: inout [MessageTemplate.Piece]) {
        switch node {
        case .gap(let field):
            switch field {
            case .facility, .bay, .observed:
                pieces += [.bytes([0x22]), .gap(field), .bytes([0x22])]
            case .value, .departures: pieces.append(.gap(field))
            }
        case .members(let members):
            let isArray =
                !members.isEmpty
                && members.indices.allSatisfy { index in
                    members.contains { $0.name == Array(String(index).utf8) }
                }
            pieces.append(.bytes(Array((isArray ? "[" : "{").utf8)))
            for index in members.indices {
                if index > 0 { pieces.append(.bytes(Array(",".utf8))) }
                if isArray {
                    members.first { $0.name == Array(String(index).utf8) }.map {
                        append($0.node, to: &pieces)
                    }
                } else {
                    pieces.append(.bytes(string(members[index].name) + [UInt8(ascii: ":")]))
                    append(members[index].node, to: &pieces)
                }
            }
            pieces.append(.bytes(Array((isArray ? "]" : "}").utf8)))
        }
    }

    /// The bytes of a text as a JSON string.
    static func string(_ text: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        var bytes = [UInt8(ascii: "\"")]
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return bytes
    }
}
