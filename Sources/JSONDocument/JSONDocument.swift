import CSimdjson

/// Why a text is no JSON that may be read.
public enum JSONProblem: Error, Equatable, Sendable, CaseIterable {
    /// It has more bytes than the document may have.
    case tooLarge
    /// It has more levels of arrays and objects than the document may have.
    case tooDeep
    /// It is no JSON (RFC 8259).
    case malformed
    /// It is not UTF-8.
    case notUTF8
    /// Memory was short.
    case noMemory
}

/// A JSON text, parsed once and read by JSON Pointer; then another, into the same memory.
///
/// **Shape.** simdjson's tape over a copy of the text. After the largest text so far no call allocates.
///
/// **Threads.** One. Not `Sendable`: each thread that decodes has its own.
///
/// **Hostile texts.** The whole text is checked before anything is read of it: bytes, depth, UTF-8, grammar, numbers. Of two
/// members with the same name the first counts.
@safe public final class JSONDocument {
    let parser: OpaquePointer

    /// A document for texts of at most so many bytes and levels.
    public init(maximumBytes: Int, maximumDepth: Int) {
        guard let parser = unsafe csimdjson_create(maximumBytes, maximumDepth) else {
            fatalError("no memory for a JSON parser of \(maximumBytes) bytes")
        }
        unsafe self.parser = parser
    }

    deinit {
        unsafe csimdjson_destroy(parser)
    }

    /// Parses a text in the place of the one before.
    ///
    /// - Throws: ``JSONProblem``; the document is then empty, and every value in it absent.
    public func parse(_ text: Span<UInt8>) throws(JSONProblem) {
        let result = unsafe text.withUnsafeBytes { bytes in
            unsafe csimdjson_parse(
                parser,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                bytes.count
            )
        }
        switch result {
        case csimdjson_ok: return
        case csimdjson_too_large: throw .tooLarge
        case csimdjson_too_deep: throw .tooDeep
        case csimdjson_not_utf8: throw .notUTF8
        case csimdjson_no_memory: throw .noMemory
        default: throw .malformed
        }
    }

    /// Hands over the value at a pointer; a string's bytes are valid during the call alone.
    public func withValue<Result, Failure: Error>(
        at pointer: JSONPointer,
        _ body: (_ kind: JSONKind, _ text: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let value = unsafe pointer.bytes.withUnsafeBytes { bytes in
            unsafe csimdjson_find(
                parser,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                bytes.count
            )
        }
        let text = unsafe UnsafeRawBufferPointer(start: value.text, count: value.length)
        return try unsafe body(JSONKind(value), text.bindMemory(to: UInt8.self).span)
    }

    /// The number of elements of the array at a pointer; nil where there is none.
    public func count(at pointer: JSONPointer) -> Int? {
        let count = unsafe pointer.bytes.withUnsafeBytes { bytes in
            unsafe csimdjson_count(
                parser,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                bytes.count
            )
        }
        return count < 0 ? nil : Int(count)
    }

    /// The value at a pointer as compact JSON; nil where there is none.
    ///
    /// Allocates: for recordings and explanations, not for the stream.
    public func serialized(at pointer: JSONPointer) -> [UInt8]? {
        unsafe pointer.bytes.withUnsafeBytes { bytes in
            let length = unsafe csimdjson_serialize(
                parser,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                bytes.count,
                nil,
                0
            )
            guard length > 0 else { return nil }
            var text = [UInt8](repeating: 0, count: length)
            _ = unsafe text.withUnsafeMutableBytes { buffer in
                unsafe csimdjson_serialize(
                    parser,
                    bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                    bytes.count,
                    buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                    length
                )
            }
            return text
        }
    }
}

/// What stands at a place in a JSON text.
public enum JSONKind: Equatable, Sendable, BitwiseCopyable {
    /// Nothing stands there.
    case absent
    /// The literal `null`.
    case null
    /// `true` or `false`.
    case boolean(Bool)
    /// A number without a fraction or an exponent that 64 bits hold.
    case integer(Int64)
    /// A number beyond those that 64 bits hold: an integer beyond `Int64`, or a real number of 1e308 or more.
    case large
    /// Any other number below 1e308.
    case real(Double)
    /// A string; its text stands beside it, unescaped.
    case string
    /// An array or an object.
    case container

    init(_ value: csimdjson_value) {
        self =
            switch unsafe value.kind {
            case csimdjson_null: .null
            case csimdjson_boolean: unsafe .boolean(value.integer != 0)
            case csimdjson_integer: unsafe .integer(value.integer)
            case csimdjson_large: .large
            case csimdjson_real: unsafe .real(value.real)
            case csimdjson_string: .string
            case csimdjson_container: .container
            default: .absent
            }
    }
}
