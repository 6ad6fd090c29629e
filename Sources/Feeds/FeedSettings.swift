/// What a feed says and where it stands.
public struct FeedSettings: Equatable, Sendable {
    /// Who publishes it, under which terms.
    public struct Publisher: Equatable, Sendable {
        /// The publisher's name.
        public var name: String?
        /// The publisher's page.
        public var url: String?
        /// The licence, by its SPDX identifier or in words.
        public var licence: String?
        /// The sentence that whoever uses the data must show.
        public var attribution: String?

        /// A publisher.
        public init(
            name: String? = nil,
            url: String? = nil,
            licence: String? = nil,
            attribution: String? = nil
        ) {
            self.name = name
            self.url = url
            self.licence = licence
            self.attribution = attribution
        }
    }

    /// The directory that the web host serves.
    public var directory: String
    /// Where files grow before they are renamed; on the same file system, and not served.
    public var temporaryDirectory: String
    /// How often a snapshot is taken.
    public var interval: Duration
    /// After this time a feed is written again, whether it changed or not.
    public var heartbeat: Duration
    /// Who publishes it.
    public var publisher: Publisher

    /// Settings of these values.
    public init(
        directory: String,
        temporaryDirectory: String,
        interval: Duration = .seconds(1),
        heartbeat: Duration = .seconds(60),
        publisher: Publisher = Publisher()
    ) {
        self.directory = directory
        self.temporaryDirectory = temporaryDirectory
        self.interval = interval
        self.heartbeat = heartbeat
        self.publisher = publisher
    }
}
