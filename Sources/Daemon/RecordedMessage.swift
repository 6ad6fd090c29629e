import JSONDocument
import Parking

/// One line of what `mosquitto_sub -F '%J'` (or `'%j'`) prints.
///
/// Source: mosquitto_sub(1), "Output format"; client/sub_client_output.c of mosquitto 2.0.11.
struct RecordedMessage: Equatable {
    /// Why a line is no recorded message.
    enum Problem: Error, Equatable, CustomStringConvertible {
        case notJSON
        case missing(String)
        case time(String)

        var description: String {
            switch self {
            case .notJSON: "is no JSON object; record with mosquitto_sub -F '%j'"
            case .missing(let key): "has no \(key); record with mosquitto_sub -F '%j'"
            case .time(let text):
                "has the time '\(text)', which is not like 2026-11-23T06:12:45.000000Z+0000"
            }
        }
    }

    var milliseconds: Int64
    var topic: [UInt8]
    var payload: [UInt8]
    var isRetained: Bool

    /// Reads lines, one after the other, into the same memory.
    struct Reader {
        private let document: JSONDocument
        private let time = Self.pointer("/tst")
        private let topic = Self.pointer("/topic")
        private let retain = Self.pointer("/retain")
        private let length = Self.pointer("/payloadlen")
        private let payload = Self.pointer("/payload")

        init(maximumBytes: Int, maximumDepth: Int) {
            document = JSONDocument(maximumBytes: maximumBytes, maximumDepth: maximumDepth + 1)
        }

        func message(_ line: Span<UInt8>) throws(Problem) -> RecordedMessage {
            do { try document.parse(line) } catch { throw .notJSON }
            guard let time = text(time) else { throw .missing("tst") }
            guard let milliseconds = RecordedMessage.milliseconds(time) else {
                throw .time(String(decoding: time, as: UTF8.self))
            }
            guard let topic = text(topic) else { throw .missing("topic") }
            return RecordedMessage(
                milliseconds: milliseconds,
                topic: topic,
                payload: try payloadBytes(),
                isRetained: integer(retain) == 1
            )
        }

        /// The payload as it was published, as far as the recording tells.
        ///
        /// `%j` writes every payload as a string; `%J` writes JSON as JSON, and a JSON string as a string. The recorded length
        /// tells the two kinds of string apart.
        private func payloadBytes() throws(Problem) -> [UInt8] {
            let length = integer(length)
            switch document.withValue(at: payload, { kind, _ in kind }) {
            case .absent: throw .missing("payload")
            case .null where length == 0: return []
            case .string:
                if let text = text(payload), length == nil || text.count == Int(length ?? 0) {
                    return text
                }
                return document.serialized(at: payload) ?? []
            default: return document.serialized(at: payload) ?? []
            }
        }

        private func text(_ pointer: JSONPointer) -> [UInt8]? {
            document.withValue(at: pointer) { kind, text in
                kind == .string ? text.indices.map { text[$0] } : nil
            }
        }

        private func integer(_ pointer: JSONPointer) -> Int64? {
            document.withValue(at: pointer) { kind, _ in
                if case .integer(let number) = kind { number } else { nil }
            }
        }

        private static func pointer(_ text: String) -> JSONPointer {
            guard let pointer = JSONPointer(text) else { fatalError("\(text) is no JSON Pointer") }
            return pointer
        }
    }

    /// The time that mosquitto_sub writes: local time, then `Z` all the same, then the zone (`+0100`); or RFC 3339.
    static func milliseconds(_ text: [UInt8]) -> Int64? {
        var text = text
        let isLikeMosquitto =
            text.count > 6 && text[text.count - 6] == UInt8(ascii: "Z")
            && [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(text[text.count - 5])
        if isLikeMosquitto {
            text.remove(at: text.count - 6)
            text.insert(UInt8(ascii: ":"), at: text.count - 2)
        }
        return RFC3339.milliseconds(text.span)
    }
}
