import SimulatedDisk
import Testing

/// What a crash leaves of names.
@Suite struct `A name` {
    /// The names after a crash, for each of many seeds.
    private static func survivors(of body: (Disk) -> Void) -> Set<[String]> {
        Set(
            (UInt64(1)...200).map { seed in
                let disk = Disk(seed: seed)
                body(disk)
                disk.crash()
                return disk.names.sorted()
            }
        )
    }

    private static func writeDurably(_ name: String, on disk: Disk) {
        #expect(disk.write(name, [1]) == 0)
        #expect(disk.sync(name) == 0)
    }

    @Test func `that is new is there or not until its file is synced`() {
        let unsynced = Self.survivors { #expect($0.write("/a", [1]) == 0) }
        #expect(unsynced == [[], ["/a"]])
        let synced = Self.survivors { Self.writeDurably("/a", on: $0) }
        #expect(synced == [["/a"]])
    }

    @Test func `that was removed may come back until the directory is synced`() {
        let removed = Self.survivors { disk in
            Self.writeDurably("/a", on: disk)
            #expect(disk.remove("/a") == 0)
            #expect(disk.names.isEmpty)
        }
        #expect(removed == [[], ["/a"]])
        let synced = Self.survivors { disk in
            Self.writeDurably("/a", on: disk)
            #expect(disk.remove("/a") == 0)
            #expect(disk.syncDirectory() == 0)
        }
        #expect(synced == [[]])
    }

    @Test func `that was changed is the old one or the new one, never both and never none`() {
        let renamed = Self.survivors { disk in
            Self.writeDurably("/a", on: disk)
            #expect(disk.rename("/a", to: "/b") == 0)
            #expect(disk.names == ["/b"])
        }
        #expect(renamed == [["/a"], ["/b"]])
        let synced = Self.survivors { disk in
            Self.writeDurably("/a", on: disk)
            #expect(disk.rename("/a", to: "/b") == 0)
            #expect(disk.sync("/b") == 0)
        }
        #expect(synced == [["/b"]])
    }

    @Test func `that is taken by another file holds the one or the other`() {
        var contents: Set<[UInt8]> = []
        for seed in UInt64(1)...100 {
            let disk = Disk(seed: seed)
            disk.replace("/feed", with: [1])
            #expect(disk.write("/new", [2]) == 0)
            #expect(disk.sync("/new") == 0)
            #expect(disk.rename("/new", to: "/feed") == 0)
            disk.crash()
            contents.insert(disk.content(of: "/feed") ?? [])
        }
        #expect(contents == [[1], [2]])
    }

    @Test func `that a new file took is durable together with what made room for it`() {
        let survivors = Self.survivors { disk in
            Self.writeDurably("/a", on: disk)
            #expect(disk.rename("/a", to: "/damaged") == 0)
            Self.writeDurably("/a", on: disk)
        }
        #expect(survivors == [["/a", "/damaged"]])
    }

    @Test func `that isn't there can't be changed`() {
        let disk = Disk(seed: 1)
        #expect(disk.rename("/none", to: "/a") != 0)
        #expect(disk.remove("/none") != 0)
        #expect(disk.sync("/none") != 0)
        #expect(disk.counts.operations == 0)
    }
}
