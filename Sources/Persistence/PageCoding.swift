import ByteCoding
import Ingest
import Journal
import Occupancy
import Parking

/// The pages of a journal as bytes, and back: the layout that ``Journal/Journal/version`` stands for.
enum PageCoding {
    /// A name and the number of the facility that it belongs to.
    typealias Name = (bytes: [UInt8], facility: Int)

    static func names(_ names: [Name]) -> [UInt8] {
        var writer = ByteWriter()
        for name in names {
            writer.append(small: name.facility)
            writer.append(text: name.bytes.span)
        }
        return writer.bytes
    }

    /// Hands over each name on a page and the number of its facility.
    static func forEachName(
        _ bytes: [UInt8],
        _ body: (_ offset: Int, _ name: Span<UInt8>, _ facility: Int) -> Void
    ) throws(UnreadableBytes) {
        var reader = ByteReader()
        var offset = 0
        while !reader.isAtEnd(of: bytes.span) {
            let facility = try reader.small(bytes.span)
            let range = try reader.text(bytes.span)
            body(offset, bytes.span.extracting(range), facility)
            offset += 1
        }
    }

    static func words(_ words: [UInt64]) -> [UInt8] {
        var writer = ByteWriter()
        for word in words { writer.append(word: word) }
        return writer.bytes
    }

    static func words(_ bytes: [UInt8]) throws(UnreadableBytes) -> [UInt64] {
        var reader = ByteReader()
        var words: [UInt64] = []
        while !reader.isAtEnd(of: bytes.span) { words.append(try reader.word(bytes.span)) }
        return words
    }

    static func pairs(_ pairs: [WordImage]) -> [UInt8] {
        words(pairs.flatMap { [$0.first, $0.second] })
    }

    static func pairs(_ bytes: [UInt8]) throws(UnreadableBytes) -> [WordImage] {
        let words = try words(bytes)
        return stride(from: 0, to: words.count - 1, by: 2).map {
            WordImage(first: words[$0], second: words[$0 + 1])
        }
    }

    /// Beside the band; a version that doesn't know of it takes the count up again.
    private static let countAside: UInt8 = 0x80

    static func facilities(_ images: [FacilityImage]) -> [UInt8] {
        var writer = ByteWriter()
        for image in images {
            writer.append(word: image.own)
            writer.append(word: image.operating)
            writer.append(word: image.observed)
            writer.append(byte: image.heard == nil ? 0 : 1)
            writer.append(word: image.heard ?? 0)
            writer.append(word: image.moved)
            writer.append(word: Int64(image.arrivals))
            writer.append(word: Int64(image.departures))
            writer.append(word: Int64(image.drift))
            writer.append(byte: image.band.rawValue | (image.isCountAside ? countAside : 0))
        }
        return writer.bytes
    }

    /// The largest number of vehicles and the last millisecond of either clock that are read, and their opposites: what is
    /// reckoned with them can't overflow.
    private static let largest: Int64 = 1 << 53

    private static func number(
        _ reader: inout ByteReader,
        _ bytes: [UInt8]
    ) throws(UnreadableBytes) -> Int64 {
        let number = try reader.signedWord(bytes.span)
        guard number.magnitude <= largest else { throw UnreadableBytes(offset: reader.offset) }
        return number
    }

    static func facilities(_ bytes: [UInt8]) throws(UnreadableBytes) -> [FacilityImage] {
        var reader = ByteReader()
        var images: [FacilityImage] = []
        while !reader.isAtEnd(of: bytes.span) {
            var image = FacilityImage()
            image.own = try reader.word(bytes.span)
            image.operating = try reader.word(bytes.span)
            image.observed = try number(&reader, bytes)
            let wasHeard = try reader.byte(bytes.span) != 0
            let heard = try number(&reader, bytes)
            image.heard = wasHeard ? heard : nil
            image.moved = try number(&reader, bytes)
            image.arrivals = Int(try number(&reader, bytes))
            image.departures = Int(try number(&reader, bytes))
            image.drift = Int(try number(&reader, bytes))
            let band = try reader.byte(bytes.span)
            image.isCountAside = band & countAside != 0
            image.band = OccupancyBand(rawValue: band & ~countAside) ?? .vacant
            images.append(image)
        }
        return images
    }

    /// Places in a history: a bit for each that something was heard in, then their words.
    static func history(_ slots: [WordImage?]) -> [UInt8] {
        var writer = ByteWriter()
        var present: UInt64 = 0
        for (index, slot) in slots.enumerated() where slot != nil { present |= 1 << UInt64(index) }
        writer.append(word: present)
        for slot in slots {
            guard let slot else { continue }
            writer.append(word: slot.first)
            writer.append(word: slot.second)
        }
        return writer.bytes
    }

    static func history(
        _ bytes: [UInt8]
    ) throws(UnreadableBytes) -> [(index: Int, words: WordImage)] {
        var reader = ByteReader()
        var present = try reader.word(bytes.span)
        var slots: [(index: Int, words: WordImage)] = []
        while present != 0 {
            let index = present.trailingZeroBitCount
            present &= present - 1
            let first = try reader.word(bytes.span)
            slots.append((index, WordImage(first: first, second: try reader.word(bytes.span))))
        }
        return slots
    }
}

extension PagePlace {
    /// The page of some places in a facility's history.
    ///
    /// Shape: the facility's number from bit 24 on, the page's below.
    init(historyPage page: Int, facility: Int) {
        self.init(.history, Int64(facility) << 24 | Int64(page))
    }

    /// The page's and the facility's number of a page of history.
    var historyNumbers: (page: Int, facility: Int) {
        (Int(number & 0xFF_FFFF), Int(number >> 24))
    }
}
