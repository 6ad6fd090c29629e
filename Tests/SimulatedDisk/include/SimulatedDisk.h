#pragma once
/// A disk for SQLite that loses power, fails and fills up on purpose, the same way for the same
/// seed.
///
/// Each disk is a VFS of its own, with its own files, in memory. SQLite opens a database there as
/// `file:/journal.sqlite?vfs=NAME` with the NAME of `simulated_disk_name`. There is no shared
/// memory: WAL needs `PRAGMA locking_mode=EXCLUSIVE` before the database is first read.
///
/// **Two images.** A file is what was written (the page cache, which every read sees) and what is
/// durable. Between them lies the order of un-synced writes, sector by sector (512 bytes), and of
/// un-synced changes of size. A sync makes all of its file durable. Names have two images too: a
/// file's creation and its renaming become durable with a sync of the file, and all names with a
/// deletion that asks for it (SQLite's `syncDir`), with the first sync of a journal or WAL since it
/// was opened (SQLite's own VFS syncs the directory there, and relies on it: the rollback journal
/// that was deleted before would come back hot and undo the WAL with its database) and with
/// `simulated_disk_sync_directory`.
///
/// **A crash** keeps what is durable and, of the rest, what the seed says. One of these for a
/// crash: nothing, everything, all in order up to a point in the middle of a write, some of the
/// writes, some of the sectors (one in eight, half, all but one in eight), all of some files and
/// nothing of others. A sector that was written more than once may come out as any of its versions.
/// How much of a file's change of size survives is decided apart from its sectors, in order: where
/// the size survived and the sector did not, zeros or garbage stand. A write after a truncation
/// that was lost is lost with what was cut. The last sector that was written to a file may be cut
/// anywhere: new bytes on one side, old ones on the other. Un-synced changes of names survive one
/// by one, except that none survives a lost one of the same name; a rename is atomic.
///
/// What was durable never changes but where it was written over, except with
/// `simulated_disk_damage_sectors`.
///
/// **A sync that fails** leaves the pages clean, as Linux does: what the seed says of the un-synced
/// writes is durable, the rest is in the cache alone, and no later sync makes it durable unless it
/// is written anew. A sector that is written to is written whole, so that it takes its neighbours'
/// bytes along.
///
/// The page cache writes its older half back on its own when 16 MiB of a file are un-synced.
///
/// **Randomness.** SQLite seeds its one generator from the default VFS, not from this one. This
/// target defines `sqlite3_randomness` itself: on a thread that called into a disk, and whose disk
/// no other thread has used since, the numbers (so the salts of the WAL) are that disk's; all
/// others are the library's. `simulated_disk_is_deterministic` tells whether the linker obeyed.
///
/// Threads: a disk is used by one thread at a time; disks are independent. (A connection that runs
/// its statements with `DispatchQueue.sync` does so on the calling thread.)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simulated_disk;

/// An empty disk, registered with SQLite under a name of its own.
struct simulated_disk *simulated_disk_create(uint64_t seed);

/// Every connection must be closed: ends the process otherwise.
void simulated_disk_destroy(struct simulated_disk *disk);

/// The name of the VFS; lives as long as the disk.
const char *simulated_disk_name(const struct simulated_disk *disk);

/// Whether the salts of the WAL follow from the seed in this process.
bool simulated_disk_is_deterministic(void);

/// What `xDeviceCharacteristics` says: 0 unless told otherwise. The one promise that this disk
/// keeps is `SQLITE_IOCAP_POWERSAFE_OVERWRITE`, which SQLite takes for granted on a real disk:
/// without it frames of the WAL are padded to whole sectors, so that a commit writes more.
void simulated_disk_set_characteristics(struct simulated_disk *disk, int characteristics);

/// Whether a crash may leave garbage in a whole sector that was being written over, durable bytes
/// beside the write included: what SQLite reckons with where the disk doesn't say
/// `SQLITE_IOCAP_POWERSAFE_OVERWRITE`. Off unless told otherwise.
void simulated_disk_damage_sectors(struct simulated_disk *disk, bool damages);

// Power

/// The machine loses power and starts again: every open file is dead, all calls on it fail with
/// SQLITE_IOERR, and the files are what survived. Faults stay as told.
///
/// Close the dead connections before anything is opened anew: a deletion doesn't say who asked.
void simulated_disk_crash(struct simulated_disk *disk);

/// The process is killed: every open file is dead, the page cache is whole.
void simulated_disk_kill(struct simulated_disk *disk);

/// The power fails during the n-th mutating operation from now (1 is the next).
///
/// A write is done in part, everything else wholly or not at all; then all calls fail with
/// SQLITE_IOERR until `simulated_disk_restart`. 0 takes it back.
void simulated_disk_crash_at(struct simulated_disk *disk, uint64_t operation);

/// Whether the power has failed and the disk was not restarted.
bool simulated_disk_is_off(const struct simulated_disk *disk);

/// The power is back; the files are what survived.
void simulated_disk_restart(struct simulated_disk *disk);

// Faults

/// Kinds of operations, as bits.
enum simulated_disk_operation {
    SIMULATED_DISK_CREATE = 1 << 0,
    SIMULATED_DISK_WRITE = 1 << 1,
    SIMULATED_DISK_TRUNCATE = 1 << 2,
    SIMULATED_DISK_SYNC = 1 << 3,
    SIMULATED_DISK_DELETE = 1 << 4,
    SIMULATED_DISK_RENAME = 1 << 5,
    /// All of the above: what `simulated_disk_crash_at` counts.
    SIMULATED_DISK_MUTATING = (1 << 6) - 1,
    /// Opening a file that is there.
    SIMULATED_DISK_OPEN = 1 << 6,
    SIMULATED_DISK_READ = 1 << 7,
};

/// What an operation that fails does.
enum simulated_disk_fault {
    /// Nothing is done. SQLITE_IOERR_WRITE, _TRUNCATE, _FSYNC, _DELETE, _READ as fits;
    /// SQLITE_CANTOPEN for a file that is opened or created; EIO.
    SIMULATED_DISK_IO_ERROR,
    /// The same, but a write is SQLITE_FULL; ENOSPC.
    SIMULATED_DISK_NO_SPACE,
    /// The first bytes of a write are written, how many says the seed; then as
    /// SIMULATED_DISK_IO_ERROR.
    SIMULATED_DISK_SHORT_IO_ERROR,
    /// The first bytes of a write are written, how many says the seed; then as
    /// SIMULATED_DISK_NO_SPACE.
    SIMULATED_DISK_SHORT_NO_SPACE,
};

/// From the n-th operation of these kinds from now (1 is the next) so many fail: UINT64_MAX is
/// until told otherwise. Replaces what was told before.
void simulated_disk_fail(
    struct simulated_disk *disk, int operations, uint64_t nth, enum simulated_disk_fault fault,
    uint64_t count);

/// No more faults: takes back `fail`, `set_full` and `set_read_only`.
void simulated_disk_mend(struct simulated_disk *disk);

/// While full, a write that makes a file longer writes what fits and fails with SQLITE_FULL.
void simulated_disk_set_full(struct simulated_disk *disk, bool full);

/// While read-only, files are opened for reading alone or, where there is none, not at all; what is
/// open can't be changed (SQLITE_IOERR_WRITE and its like; EROFS).
void simulated_disk_set_read_only(struct simulated_disk *disk, bool read_only);

// The clock

/// Milliseconds since 1970. Begins at 2026-01-01T00:00:00Z; SQLite's sleep moves it and returns at
/// once.
void simulated_disk_set_time(struct simulated_disk *disk, int64_t milliseconds);
int64_t simulated_disk_time(const struct simulated_disk *disk);

// Files. Names are as in `/journal.sqlite`.

/// The number of names, and the index-th of them in the order in which they came; NULL beyond. A
/// name lives until the next call that changes names.
size_t simulated_disk_file_count(const struct simulated_disk *disk);
const char *simulated_disk_file_name(const struct simulated_disk *disk, size_t index);

/// The size of what was written; -1 where there is no such file.
int64_t simulated_disk_file_size(const struct simulated_disk *disk, const char *name);

/// Copies what was written, and tells how many bytes there were.
size_t simulated_disk_read(
    const struct simulated_disk *disk, const char *name, size_t offset, void *buffer, size_t count);

/// The same of what is durable: what a crash that loses everything un-synced would leave.
int64_t simulated_disk_durable_size(const struct simulated_disk *disk, const char *name);
size_t simulated_disk_read_durable(
    const struct simulated_disk *disk, const char *name, size_t offset, void *buffer, size_t count);

/// Puts this content in the place of the file's, durable at once; makes the file where there is
/// none.
void simulated_disk_replace(
    struct simulated_disk *disk, const char *name, const void *bytes, size_t count);

/// The medium decays: each of these bytes is exclusively or-ed with the mask, in both images. Tells
/// how many there were.
size_t simulated_disk_flip(
    struct simulated_disk *disk, const char *name, size_t offset, size_t count, uint8_t mask);

// What a program does to files itself. Operations like SQLite's: counted, failing, crashing,
// durable once synced. SQLite's result codes; a name that isn't there is SQLITE_IOERR_DELETE_NOENT
// to remove or rename, SQLITE_CANTOPEN to truncate or sync.

/// Makes the file where there is none: then two operations.
int simulated_disk_write(
    struct simulated_disk *disk, const char *name, size_t offset, const void *bytes, size_t count);
int simulated_disk_truncate(struct simulated_disk *disk, const char *name, size_t size);
int simulated_disk_sync(struct simulated_disk *disk, const char *name);
/// Takes the place of a file that has the name already. An open file stays open under its new name.
int simulated_disk_rename(struct simulated_disk *disk, const char *from, const char *to);
int simulated_disk_remove(struct simulated_disk *disk, const char *name);
int simulated_disk_sync_directory(struct simulated_disk *disk);

// What happened

struct simulated_disk_counts {
    /// Mutating operations, those that failed included.
    uint64_t operations;
    uint64_t writes;
    uint64_t bytes;
    uint64_t syncs;
    uint64_t crashes;
    uint64_t kills;
    /// Operations that failed because they were told to.
    uint64_t faults;
    /// Versions of sectors that crashes and failed syncs lost.
    uint64_t lost_sectors;
    /// Files open now.
    uint64_t open_files;
};

struct simulated_disk_counts simulated_disk_counts(const struct simulated_disk *disk);
