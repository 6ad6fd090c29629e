import Glibc
import LinuxSystem
import Parking
import TestSupport
import Testing

@testable import Feeds

/// The citizens' page in a real browser, served as a static host serves it.
@Suite(.serialized)
struct PageTests {
    @Test(.enabled(if: Browser.isPossible, "needs chromium and python3"))
    func `The page shows names, numbers, states and what is stale, and hostile names are text`()
        throws
    {
        let browser = try Browser()
        var facilities = [
            try facility("open", name: "Charlotte Street", capacity: 1056),
            try facility("full", name: "Podium", capacity: 521),
            try facility("almost", name: "Avon Street", capacity: 630),
            try facility("closed", name: "SouthGate", capacity: 720),
            try facility("fault", name: "Lansdown", capacity: 837),
            try facility("stale", name: "Newbridge", capacity: 698),
            try facility("unknown", name: "Odd Down", capacity: 1230),
        ]
        for (index, name) in hostileNames.enumerated() {
            facilities.append(try facility("hostile-\(index)", name: name, capacity: 5000 + index))
        }
        let observed = SystemClock.wallMilliseconds() - 185_000
        let dom = try browser.page(of: facilities, ageMilliseconds: 0) { publisher in
            publisher.update(
                0,
                status: status(600, trend: .increasing, observed: observed)
            )
            publisher.update(1, status: status(525, state: .full, trend: nil, observed: observed))
            publisher.update(
                2,
                status: status(607, state: .almostFull, trend: .decreasing, observed: observed)
            )
            publisher.update(3, status: status(3, state: .closed, observed: observed))
            publisher.update(4, status: status(4, state: .fault, observed: observed))
            publisher.update(
                5,
                status: status(298, trend: nil, observed: observed - 7_200_000, isStale: true)
            )
        }
        let cards = Dictionary(
            dom.components(after: "<li ").map { card in
                (String(card.components(after: "data-id=\"")[0].prefix { $0 != "\"" }), card)
            },
            uniquingKeysWith: { first, _ in first }
        )
        #expect(cards.count == facilities.count)
        let expected: [String: [String]] = [
            "open": [
                ">Charlotte Street<", ">456<", "spaces free of 1,056", ">Open<", "↗ Filling",
                ", 3 min ago", "<svg",
            ],
            "full": [">Podium<", ">0<", "spaces free of 521", ">Full<"],
            "almost": [">Avon Street<", ">23<", ">Almost full<", "↘ Emptying"],
            "closed": [">SouthGate<", ">Closed<", "720 spaces"],
            "fault": [">Lansdown<", ">Fault<", "837 spaces"],
            "stale": [">Newbridge<", ">400<", ">No recent data<", "Last reading", ", 2 h ago"],
            "unknown": [">Odd Down<", ">No data<", "Nothing heard yet"],
            "hostile-0": ["&lt;script&gt;document.title = 'hacked'&lt;/script&gt;"],
            "hostile-6": ["&lt;img src=x onerror=alert(1)&gt;"],
        ]
        for (id, texts) in expected {
            let card = try #require(cards[id])
            for text in texts { #expect(card.contains(text), "\(id)") }
        }
        #expect(!dom.contains("<img"))
        #expect(dom.contains("<title>Car parks: spaces free now</title>"))
        #expect(dom.components(after: "<script>").count == 1)
        #expect(dom.contains(">Bath &amp; North East Somerset Council<"))
        #expect(dom.contains("Licence: OGL-UK-3.0."))
        #expect(!dom.contains(">The feed has not been updated since"))
    }

    @Test(.enabled(if: Browser.isPossible, "needs chromium and python3"))
    func `Zones and classes are lists with names, and hostile names are text`() throws {
        let browser = try Browser()
        let facilities = [
            try zonedFacility(name: "Podium", zone: hostileNames[0]), try facility("plain"),
        ]
        let dom = try browser.page(of: facilities, ageMilliseconds: 0) { publisher in
            publisher.update(0, status: zonedStatus())
            publisher.update(1, status: status(1))
        }
        for text in [
            ">spaces free of 521, 7 unknown<",
            #"<ul class="kinds" role="list" aria-label="Kinds of space in Podium">"#,
            ">Disabled <b>6</b><span> free of 20, 2 unknown</span><",
            ">Parent and child <b>No data</b><span> of 10</span><",
            #"<ul class="zones" role="list" aria-label="Levels and areas of Podium">"#,
            ">Electric <b>2</b><span> free of 4, 1 unknown</span><",
            "<bdi>&lt;script&gt;document.title = 'hacked'&lt;/script&gt;</bdi>"
                + "<span><b>75</b><span> free of 200, 5 unknown</span></span>",
            "<bdi>Level 2</bdi><span><b>No data</b><span> of 300</span></span>",
        ] {
            #expect(dom.contains(text), "\(text)")
        }
        #expect(dom.components(after: "class=\"zones\"").count == 1)
        #expect(dom.components(after: "class=\"kinds\"").count == 2)
        #expect(dom.contains("<title>Car parks: spaces free now</title>"))
    }

    @Test(.enabled(if: Browser.isPossible, "needs chromium and python3"))
    func `A feed that is older than three heartbeats is called dead`() throws {
        let browser = try Browser()
        let facilities = [try facility("a")]
        let dom = try browser.page(of: facilities, ageMilliseconds: 181_000) { publisher in
            publisher.update(0, status: status(50))
        }
        #expect(dom.contains(">The feed has not been updated since"))
        #expect(dom.contains("<body class=\"dead\">"))
    }

    @Test(.enabled(if: Browser.isPossible, "needs chromium and python3"))
    func `A missing feed is told`() throws {
        let browser = try Browser()
        let dom = try browser.page(of: [try facility("a")], ageMilliseconds: 0, isFeedKept: false) {
            _ in
        }
        #expect(dom.contains(">The feed can't be reached; trying again.<"))
    }

    @Test func `The page loads nothing from elsewhere and makes no HTML of text`() {
        let page = String(decoding: Site.files[0].content, as: UTF8.self)
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            #expect(!page.contains(word))
        }
        for word in ["src=\"http", "url(http", "@import", "unsafe-inline"] {
            #expect(!page.contains(word))
        }
        #expect(page.contains("default-src 'none'; connect-src 'self'"))
    }

    /// The policy allows the page's own style and script by their hashes; after a change they are those of the message.
    @Test(
        .enabled(if: Browser.isPossible, "needs python3"),
        arguments: ["style", "script"]
    )
    func `The policy names the hashes of what the page contains`(element: String) throws {
        let page = String(decoding: Site.files[0].content, as: UTF8.self)
        let content = page.components(after: "<\(element)>")[0].components(before: "</\(element)>")
        let scratch = ScratchDirectory()
        scratch.write(Array(content.utf8), to: "content")
        let program = """
            import base64, hashlib, sys
            digest = hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()
            print(base64.b64encode(digest).decode(), end='')
            """
        let arguments = ["python3", "-c", program, "\(scratch.path)/content"]
        try #require(Command.run(arguments, output: "\(scratch.path)/hash"))
        let source = "\(element)-src 'sha256-\(try #require(scratch.text("hash")))'"
        #expect(page.contains(source), "index.html needs \(source)")
    }
}

/// A headless Chromium and a static web server on a port of its own.
struct Browser {
    static let isPossible =
        unsafe access("/usr/bin/chromium", X_OK) == 0 && Command.run(["python3", "--version"])

    private let scratch: ScratchDirectory

    init() throws {
        scratch = ScratchDirectory()
    }

    /// The page's document after its scripts ran, over a feed of this age.
    func page(
        of facilities: [Facility],
        ageMilliseconds: Int64,
        isFeedKept: Bool = true,
        _ update: (inout FeedPublisher) -> Void
    ) throws -> String {
        var publisher = FeedPublisher(
            settings: FeedSettings(
                directory: "\(scratch.path)/feed",
                publisher: samplePublisher,
                historyStep: .seconds(60)
            ),
            facilities: facilities
        )
        update(&publisher)
        let now = SystemClock.wallMilliseconds()
        let report = publisher.flush(
            at: Moment(wallMilliseconds: now - ageMilliseconds, monotonicMilliseconds: 0)
        ) { _ in
            let slots = (0..<1440).map { minute -> HistorySlot? in
                HistorySlot(
                    occupied: minute % 300,
                    lowest: 0,
                    highest: minute % 300,
                    arrivals: 1,
                    departures: 1
                )
            }
            return HistorySeries(
                startMilliseconds: now / 60_000 * 60_000 - 1439 * 60_000,
                stepMilliseconds: 60_000,
                slots: slots
            )
        }
        try #require(report.problems == [])
        if !isFeedKept { try #require(Command.run(["rm", "\(scratch.path)/feed/parking.json"])) }
        return try dumped()
    }

    /// Serves the feed and lets the browser print what became of the page.
    private func dumped() throws -> String {
        let program = """
            import functools, http.server, sys
            handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
            server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
            print(server.server_port, flush=True)
            server.serve_forever()
            """
        let server = try #require(
            Command.start(
                ["python3", "-c", program, "\(scratch.path)/feed"],
                output: "\(scratch.path)/port"
            )
        )
        defer { Command.stop(server) }
        var port = ""
        for _ in 0..<500 where !port.hasSuffix("\n") {
            usleep(20_000)
            port = scratch.text("port") ?? ""
        }
        try #require(port.hasSuffix("\n"), "the web server didn't start")
        let arguments = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--lang=en-GB",
            "--user-data-dir=\(scratch.path)/profile", "--window-size=1280,4000",
            "--virtual-time-budget=4000", "--dump-dom", "http://127.0.0.1:\(port.dropLast())/",
        ]
        try #require(Command.run(arguments, output: "\(scratch.path)/dom"))
        return try #require(scratch.text("dom"))
    }
}

extension String {
    /// What stands after each occurrence of a text, up to the next one.
    fileprivate func components(after text: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            rest = rest[range.upperBound...]
            parts.append(String(rest[..<(rest.firstRange(of: text)?.lowerBound ?? rest.endIndex)]))
        }
        return parts
    }

    /// What stands before the first occurrence of a text.
    fileprivate func components(before text: String) -> String {
        String(self[..<(firstRange(of: text)?.lowerBound ?? endIndex)])
    }
}
