import Feeds
import JSONDocument
import Occupancy
import Parking
import TestSupport

/// The feed of a simulated daemon: the real documents, in a real directory.
///
/// Threads: one.
final class SimulatedFeed {
    private let scenery: Scenery
    private let directory: ScratchDirectory
    private var board: StatusBoard
    private var publisher: FeedPublisher

    /// A feed as a new process begins it, in a directory in which an earlier one may stand.
    init(_ scenery: Scenery, _ occupancy: LiveOccupancy, in directory: ScratchDirectory) {
        self.scenery = scenery
        self.directory = directory
        board = StatusBoard(
            facilities: scenery.facilities,
            occupancy: occupancy,
            trendWindow: .seconds(900)
        )
        publisher = FeedPublisher(
            settings: FeedSettings(
                directory: directory.path("feed"),
                publisher: Publisher(name: "Simulation"),
                historyStep: nil
            ),
            facilities: scenery.facilities
        )
    }

    /// Publishes what is due, and checks what then stands there.
    func flush(truth: LiveOccupancy, at now: Moment) throws {
        for change in board.refresh(at: now) {
            publisher.update(change.facility, status: change.after)
        }
        let report = publisher.flush(at: now)
        if let problem = report.problems.first { throw Wrong(description: "\(problem)") }
        guard report.isFeedPublished else { return }
        let served = try served()
        for (number, facility) in scenery.facilities.enumerated() {
            let counts = truth.counts(of: number)
            let expected = Served(
                occupied: counts.occupied,
                state: facility.state(
                    occupied: counts.occupied,
                    operating: counts.operating,
                    band: counts.band
                ).rawValue
            )
            guard served[number] == expected else {
                throw Wrong(
                    description:
                        "the feed says \(served[number]) of \(facility.id), not \(expected)"
                )
            }
        }
    }

    private struct Served: Equatable {
        var occupied: Int?
        var state: String
    }

    private func served() throws -> [Served] {
        let document = JSONDocument(maximumBytes: 1 << 20, maximumDepth: 16)
        guard let bytes = directory.read("feed/parking.json") else {
            throw Wrong(description: "no feed is served")
        }
        do { try document.parse(bytes.span) } catch {
            throw Wrong(description: "the feed is no JSON: \(error)")
        }
        return scenery.facilities.indices.map { number in
            var served = Served(occupied: nil, state: "")
            if let pointer = JSONPointer("/facilities/\(number)/occupied") {
                document.withValue(at: pointer) { kind, _ in
                    if case .integer(let count) = kind { served.occupied = Int(count) }
                }
            }
            if let pointer = JSONPointer("/facilities/\(number)/state") {
                document.withValue(at: pointer) { _, text in
                    served.state = String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
                }
            }
            return served
        }
    }
}
