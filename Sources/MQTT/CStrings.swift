internal import Glibc

/// Lends a C string, or NULL.
func withOptionalCString<Result>(
    _ text: String?,
    _ body: (UnsafePointer<CChar>?) -> Result
) -> Result {
    guard let text else { return body(nil) }
    return unsafe text.withCString(body)
}

/// Lends an array of C strings.
func withCStrings<Result>(
    _ texts: ArraySlice<String>,
    _ body: (UnsafeBufferPointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for text in texts {
        offsets.append(bytes.count)
        bytes.append(contentsOf: text.utf8.lazy.map { CChar(bitPattern: $0) })
        bytes.append(0)
    }
    return unsafe bytes.withUnsafeMutableBufferPointer { bytes in
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe []
        for offset in offsets { unsafe pointers.append(bytes.baseAddress?.advanced(by: offset)) }
        return unsafe pointers.withUnsafeBufferPointer(body)
    }
}

/// The bytes of a C string before its NUL.
func byteCount(of text: UnsafePointer<CChar>) -> Int { unsafe strlen(text) }
