/// The files that never change while the process runs: the page, and the descriptions of the feed.
enum Site {
    /// Name and content of each.
    static let files: [(name: String, content: [UInt8])] = [
        ("index.html", PackageResources.index_html),
        ("parking.schema.json", PackageResources.parking_schema_json),
        ("history.schema.json", PackageResources.history_schema_json),
    ]
}
