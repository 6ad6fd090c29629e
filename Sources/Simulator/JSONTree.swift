/// The JSON text that has something at each of some pointers: a gap, or a word.
///
/// Members stand in the order in which they were inserted. Where the names below a pointer are exactly 0, 1, 2, … they
/// are the elements of an array; everything else is an object.
/// Source: RFC 6901 (pointers), RFC 8259 (strings).
struct JSONTree {
    /// What stands at a pointer.
    enum Found {
        case nothing
        case leaf(MessageTemplate.Leaf)
        /// An object, or an array of so many elements.
        case members(elements: Int?)
    }

    private typealias Member = (name: [UInt8], node: Node)

    private enum Node {
        case leaf(MessageTemplate.Leaf)
        case members([Member])
    }

    private var root = Node.members([])

    /// Puts something at a pointer; without a leaf an object, which may be there already.
    ///
    /// - Throws: `malformedPointer`, or `sharedPlace` where something is at, above or below it.
    mutating func insert(
        _ leaf: MessageTemplate.Leaf?,
        at pointer: String
    ) throws(Simulator.Reason) {
        guard let names = Self.names(pointer) else { throw .malformedPointer(pointer) }
        guard let grown = Self.inserting(leaf, at: names[...], into: root) else {
            throw .sharedPlace("'\(pointer)'")
        }
        root = grown
    }

    /// What stands at a pointer.
    func found(at pointer: String) -> Found {
        guard let names = Self.names(pointer) else { return .nothing }
        var node = root
        for name in names {
            guard case .members(let members) = node,
                let next = members.first(where: { $0.name == name })?.node
            else { return .nothing }
            node = next
        }
        switch node {
        case .leaf(let leaf): return .leaf(leaf)
        case .members(let members):
            return .members(elements: Self.isArray(members) ? members.count : nil)
        }
    }

    /// The text, in pieces.
    var json: [MessageTemplate.Piece] {
        var pieces: [MessageTemplate.Piece] = []
        Self.append(root, to: &pieces)
        return pieces
    }

    private static func inserting(
        _ leaf: MessageTemplate.Leaf?,
        at names: ArraySlice<[UInt8]>,
        into node: Node
    ) -> Node? {
        guard case .members(var members) = node else { return nil }
        guard let name = names.first else {
            guard let leaf else { return node }
            return members.isEmpty ? .leaf(leaf) : nil
        }
        let index = members.firstIndex { $0.name == name } ?? members.count
        if index == members.count { members.append((name, .members([]))) }
        guard let grown = inserting(leaf, at: names.dropFirst(), into: members[index].node) else {
            return nil
        }
        members[index].node = grown
        return .members(members)
    }

    private static func isArray(_ members: [Member]) -> Bool {
        !members.isEmpty
            && members.indices.allSatisfy { index in
                members.contains { $0.name == Array(String(index).utf8) }
            }
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
        case .leaf(.word(let word)): pieces.append(.bytes(word.bytes))
        case .leaf(.gap(let field)):
            switch field {
            case .facility, .zone, .bay, .observed, .received, .message:
                pieces += [.bytes([0x22]), .gap(field), .bytes([0x22])]
            case .device, .sensor: pieces.append(.escaped(field))
            case .value, .departures, .number: pieces.append(.gap(field))
            }
        case .members(let members):
            let isArray = isArray(members)
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
