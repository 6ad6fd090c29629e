import CZlib

/// A piece of content, deflated so that it can be joined with others in any order.
public struct GzipBlock: Equatable, Sendable {
    /// Deflate data that ends at a byte and refers to nothing before it.
    public let bytes: [UInt8]

    /// The CRC-32 of the content.
    fileprivate let checksum: UInt

    /// The length of the content.
    fileprivate let contentCount: Int
}

/// Deflates pieces of content, and joins them to gzip files without deflating anything twice.
///
/// A feed of which little changed is compressed for what changed: each block ends in a full flush, and the checksum
/// of the whole is computed from those of the blocks. Equal content gives equal bytes: the header carries no time.
///
/// Threads: one at a time; it holds the compressor's memory (about 270 KB) between uses.
/// Source: RFC 1952 (gzip), RFC 1951 (deflate), zlib.h (`Z_FULL_FLUSH`, `crc32_combine`).
@safe public struct GzipCompressor: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private var output: [UInt8] = []

    /// A compressor of this level, 1 (fast) to 9 (small).
    public init(level: Int32 = 6) {
        precondition((1...9).contains(level))
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe czlib_deflate_init_raw(stream, level)
        // The parameters are right, so what is left is a lack of memory, and then Swift itself ends.
        guard code == Z_OK else { fatalError("zlib: deflateInit2 returned \(code)") }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// Deflates one piece of content.
    public mutating func block(_ content: [UInt8]) -> GzipBlock {
        guard !content.isEmpty else { return GzipBlock(bytes: [], checksum: 0, contentCount: 0) }
        unsafe deflateReset(stream)
        // The bound is for a finished stream; a full flush adds an empty stored block (5 bytes).
        let bound = Int(unsafe deflateBound(stream, UInt(content.count))) + 16
        if output.count < bound { output = [UInt8](repeating: 0, count: bound) }
        var checksum: UInt = 0
        var produced = 0
        unsafe content.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe checksum = crc32_z(0, input.baseAddress, input.count)
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(input.count)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(output.count)
                let code = unsafe deflate(stream, Z_FULL_FLUSH)
                let left = unsafe (stream.pointee.avail_in, stream.pointee.avail_out)
                guard code == Z_OK, left.0 == 0, left.1 > 0 else {
                    fatalError("zlib: deflate returned \(code) with \(left) left")
                }
                produced = output.count - Int(left.1)
            }
        }
        return GzipBlock(
            bytes: Array(output[..<produced]),
            checksum: checksum,
            contentCount: content.count
        )
    }

    /// The gzip file of these blocks, in chunks.
    public static func file(of blocks: [GzipBlock]) -> [[UInt8]] {
        var checksum: UInt = 0
        var count = 0
        var chunks: [[UInt8]] = []
        chunks.reserveCapacity(blocks.count + 2)
        // Magic, deflate, no flags, no time, no extra flags, Unix.
        chunks.append([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
        for block in blocks where block.contentCount > 0 {
            checksum = crc32_combine(checksum, block.checksum, Int(block.contentCount))
            count += block.contentCount
            chunks.append(block.bytes)
        }
        // An empty last block with fixed codes, then CRC-32 and length, least significant byte first.
        var trailer: [UInt8] = [0x03, 0x00]
        for number in [UInt32(truncatingIfNeeded: checksum), UInt32(truncatingIfNeeded: count)] {
            for shift in stride(from: 0, to: 32, by: 8) {
                trailer.append(UInt8(truncatingIfNeeded: number >> UInt32(shift)))
            }
        }
        chunks.append(trailer)
        return chunks
    }
}
