#pragma once
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "SimulatedDisk.h"

enum { sector_size = 512 };

// Bytes that grow; beyond `size` nothing is known of them.
struct bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

// One un-synced change of a file: a version of one sector, or a truncation.
struct change {
    // The number of the mutating operation that made it: changes of one write have it in common.
    uint64_t operation;
    // The sector's place in the file, or the size after the truncation.
    size_t offset;
    // How far into the file the write reached within this sector.
    size_t end;
    bool is_truncation;
    // The sector in the page cache after the write, zeros beyond the end of the file.
    uint8_t image[sector_size];
};

struct file {
    unsigned references;
    // Without a name: nothing of it outlives its handle, so that nothing is kept of its changes.
    bool is_temporary;
    struct bytes written;
    struct bytes durable;

    struct change *changes;
    size_t change_count;
    size_t change_capacity;

    // Where the images differ although the cache is clean: sectors' offsets, after failed syncs.
    size_t *stale;
    size_t stale_count;
    size_t stale_capacity;
    // The lowest size that an un-synced truncation set: beyond it the images may differ anywhere.
    // SIZE_MAX for none.
    size_t lowest_cut;

    // Locks: how many handles read, and which one will write, waits to and writes.
    unsigned shared;
    const struct handle *reserved;
    const struct handle *pending;
    const struct handle *exclusive;
};

struct name {
    char *text;
    struct file *file;
};

struct directory {
    struct name *names;
    size_t count;
    size_t capacity;
};

enum entry_kind { entry_created, entry_removed, entry_renamed };

// One un-synced change of the directory.
struct entry {
    enum entry_kind kind;
    uint64_t operation;
    char *name;
    char *other_name;
    struct file *file;
};

// What SQLite holds; it allocates `szOsFile` bytes.
struct handle {
    sqlite3_file base;
    struct simulated_disk *disk;
    // NULL once the machine or the process has died.
    struct file *file;
    // SQLite's, for as long as the handle is open; NULL for a file without a name.
    const char *name;
    int lock;
    bool is_read_only;
    bool persists_wal;
    // The first sync is one of the directory, too.
    bool syncs_directory;
    struct handle *next;
    struct handle **link;
};

struct simulated_disk {
    sqlite3_vfs vfs;
    char name[32];
    struct simulated_disk *next;

    // Crashes and faults draw from one generator, SQLite from the other.
    uint64_t state;
    _Atomic uint64_t randomness;
    // The thread that called last, by the address of one of its variables.
    _Atomic(const void *) thread;

    int characteristics;
    bool damages_sectors;
    bool is_off;
    bool is_full;
    bool is_read_only;
    uint64_t operations_to_crash;
    int64_t milliseconds;
    int last_errno;

    int failing_operations;
    enum simulated_disk_fault fault;
    uint64_t operations_to_fault;
    uint64_t faults_left;

    struct directory current;
    struct directory durable;
    struct entry *entries;
    size_t entry_count;
    size_t entry_capacity;
    struct handle *handles;

    struct simulated_disk_counts counts;
};

// memory.c

void *allocate(size_t size);
char *copy_text(const char *text);
// Room for one more element of this size.
void *grow(void *elements, size_t count, size_t *capacity, size_t element_size);
// Bytes that join are zero.
void resize(struct bytes *bytes, size_t size);
// Zeros where the source ends.
void copy_range(struct bytes *to, const struct bytes *from, size_t offset, size_t count);

// random.c

uint64_t mix(uint64_t value);
// In 0..<bound.
uint64_t draw(struct simulated_disk *disk, uint64_t bound);
bool chance(struct simulated_disk *disk, unsigned of_256);
void give_randomness(struct simulated_disk *disk, size_t count, uint8_t *bytes);
void register_disk(struct simulated_disk *disk);
void unregister_disk(struct simulated_disk *disk);
// The calling thread uses this disk from now on.
void enter(struct simulated_disk *disk);

// file.c

struct file *new_file(bool is_temporary);
void retain_file(struct file *file);
void release_file(struct file *file);
void write_file(
    struct simulated_disk *disk, struct file *file, const void *bytes, size_t count, size_t offset);
void truncate_file(struct simulated_disk *disk, struct file *file, size_t size);
void sync_file(struct file *file);
// Both images become this, and nothing is un-synced.
void replace_content(struct file *file, const void *bytes, size_t count);
void fail_sync(struct simulated_disk *disk, struct file *file);

// One crash: how un-synced changes survive.
enum survival {
    survival_nothing,
    survival_everything,
    survival_in_order,
    survival_of_writes,
    survival_of_sectors,
    survival_of_files,
};

struct crash {
    enum survival survival;
    // Where changes survive by chance, of 256; the salt makes those of one write alike.
    unsigned odds;
    uint64_t salt;
    // Where they survive in order: the operation during which it ended.
    uint64_t last_operation;
};

void crash_file(struct simulated_disk *disk, struct file *file, const struct crash *crash);

// directory.c

struct file *find_file(const struct directory *directory, const char *name);
struct file *create_entry(struct simulated_disk *disk, const char *name);
void remove_entry(struct simulated_disk *disk, const char *name);
void rename_entry(struct simulated_disk *disk, const char *from, const char *to);
void sync_entries_of(struct simulated_disk *disk, const struct file *file);
void sync_all_entries(struct simulated_disk *disk);
void crash_directory(struct simulated_disk *disk, const struct crash *crash);
void destroy_directory(struct simulated_disk *disk);

// disk.c: operations, which are counted, fail and crash as told. SQLite's result codes.

// Finds or creates a file; retained where it is SQLITE_OK.
int perform_open(struct simulated_disk *disk, const char *name, int flags, struct file **file);
int perform_read(
    struct simulated_disk *disk, struct file *file, void *buffer, size_t count, size_t offset);
int perform_write(
    struct simulated_disk *disk, struct file *file, const void *bytes, size_t count, size_t offset);
int perform_truncate(struct simulated_disk *disk, struct file *file, size_t size);
int perform_sync(struct simulated_disk *disk, struct file *file, bool syncs_directory);
int perform_remove(struct simulated_disk *disk, const char *name, bool syncs_directory);

void unlock_file(struct handle *handle);
void drop_handle(struct handle *handle);

// vfs.c

void prepare_vfs(struct simulated_disk *disk);
