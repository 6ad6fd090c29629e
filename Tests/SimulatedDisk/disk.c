#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_private.h"

struct simulated_disk *simulated_disk_create(uint64_t seed) {
    static _Atomic uint64_t created;
    struct simulated_disk *disk = allocate(sizeof *disk);
    snprintf(
        disk->name, sizeof disk->name, "simulated-%llu",
        (unsigned long long)atomic_fetch_add(&created, 1));
    disk->state = mix(seed + 1);
    atomic_init(&disk->randomness, mix(~seed));
    disk->milliseconds = 1767225600000;
    prepare_vfs(disk);
    register_disk(disk);
    sqlite3_vfs_register(&disk->vfs, 0);
    return disk;
}

void simulated_disk_destroy(struct simulated_disk *disk) {
    if (disk->handles) {
        const char *name = disk->handles->name;
        fprintf(
            stderr, "simulated disk: destroyed while %s is open\n",
            name ? name : "a temporary file");
        abort();
    }
    sqlite3_vfs_unregister(&disk->vfs);
    unregister_disk(disk);
    destroy_directory(disk);
    free(disk);
}

const char *simulated_disk_name(const struct simulated_disk *disk) { return disk->name; }

void simulated_disk_set_characteristics(struct simulated_disk *disk, int characteristics) {
    disk->characteristics = characteristics;
}

void simulated_disk_damage_sectors(struct simulated_disk *disk, bool damages) {
    disk->damages_sectors = damages;
}

void simulated_disk_set_time(struct simulated_disk *disk, int64_t milliseconds) {
    disk->milliseconds = milliseconds;
}

int64_t simulated_disk_time(const struct simulated_disk *disk) { return disk->milliseconds; }

struct simulated_disk_counts simulated_disk_counts(const struct simulated_disk *disk) {
    struct simulated_disk_counts counts = disk->counts;
    for (const struct handle *handle = disk->handles; handle; handle = handle->next)
        counts.open_files += 1;
    return counts;
}

// Power

void unlock_file(struct handle *handle) {
    struct file *file = handle->file;
    if (file->reserved == handle) file->reserved = NULL;
    if (file->pending == handle) file->pending = NULL;
    if (file->exclusive == handle) file->exclusive = NULL;
}

void drop_handle(struct handle *handle) {
    if (!handle->file) return;
    unlock_file(handle);
    if (handle->lock >= SQLITE_LOCK_SHARED) handle->file->shared -= 1;
    release_file(handle->file);
    handle->file = NULL;
}

static void drop_all_handles(struct simulated_disk *disk) {
    for (struct handle *handle = disk->handles; handle; handle = handle->next) drop_handle(handle);
}

static uint64_t first_unsynced_operation(const struct simulated_disk *disk) {
    uint64_t first = disk->counts.operations;
    if (disk->entry_count > 0 && disk->entries[0].operation < first)
        first = disk->entries[0].operation;
    for (size_t i = 0; i < disk->current.count; i++) {
        const struct file *file = disk->current.names[i].file;
        if (file->change_count > 0 && file->changes[0].operation < first)
            first = file->changes[0].operation;
    }
    return first;
}

static struct crash draw_crash(struct simulated_disk *disk) {
    static const enum survival survivals[] = {
        survival_nothing,    survival_everything, survival_in_order,   survival_in_order,
        survival_of_sectors, survival_of_sectors, survival_of_writes, survival_of_files,
    };
    static const unsigned odds[] = {32, 128, 224};
    uint64_t first = first_unsynced_operation(disk);
    // One draw a statement: within an initialiser the order would be the compiler's.
    struct crash crash = {.survival = survivals[draw(disk, 8)]};
    crash.odds = odds[draw(disk, 3)];
    crash.salt = draw(disk, UINT64_MAX);
    crash.last_operation = first + draw(disk, disk->counts.operations - first + 1);
    return crash;
}

static void lose_power(struct simulated_disk *disk) {
    drop_all_handles(disk);
    struct crash crash = draw_crash(disk);
    crash_directory(disk, &crash);
    for (size_t i = 0; i < disk->durable.count; i++)
        crash_file(disk, disk->durable.names[i].file, &crash);
    disk->operations_to_crash = 0;
    disk->is_off = true;
    disk->counts.crashes += 1;
}

void simulated_disk_crash(struct simulated_disk *disk) {
    if (!disk->is_off) lose_power(disk);
    disk->is_off = false;
}

void simulated_disk_kill(struct simulated_disk *disk) {
    drop_all_handles(disk);
    disk->counts.kills += 1;
}

void simulated_disk_crash_at(struct simulated_disk *disk, uint64_t operation) {
    disk->operations_to_crash = operation;
}

bool simulated_disk_is_off(const struct simulated_disk *disk) { return disk->is_off; }

void simulated_disk_restart(struct simulated_disk *disk) { disk->is_off = false; }

// Faults

void simulated_disk_fail(
    struct simulated_disk *disk, int operations, uint64_t nth, enum simulated_disk_fault fault,
    uint64_t count
) {
    disk->failing_operations = nth > 0 ? operations : 0;
    disk->operations_to_fault = nth;
    disk->fault = fault;
    disk->faults_left = count;
}

void simulated_disk_mend(struct simulated_disk *disk) {
    disk->failing_operations = 0;
    disk->is_full = false;
    disk->is_read_only = false;
}

void simulated_disk_set_full(struct simulated_disk *disk, bool full) { disk->is_full = full; }

void simulated_disk_set_read_only(struct simulated_disk *disk, bool read_only) {
    disk->is_read_only = read_only;
}

static int error_code(enum simulated_disk_operation operation, bool lacks_space) {
    switch (operation) {
    case SIMULATED_DISK_CREATE:
    case SIMULATED_DISK_OPEN: return SQLITE_CANTOPEN;
    case SIMULATED_DISK_WRITE: return lacks_space ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    case SIMULATED_DISK_TRUNCATE: return SQLITE_IOERR_TRUNCATE;
    case SIMULATED_DISK_SYNC: return SQLITE_IOERR_FSYNC;
    case SIMULATED_DISK_DELETE: return SQLITE_IOERR_DELETE;
    case SIMULATED_DISK_READ: return SQLITE_IOERR_READ;
    case SIMULATED_DISK_RENAME:
    case SIMULATED_DISK_MUTATING: break;
    }
    return SQLITE_IOERR;
}

struct outcome {
    // SQLITE_OK where the operation is done as asked.
    int code;
    // Where it is not: how much of a write is done nonetheless, and whether anything else is.
    size_t count;
    bool is_done;
    // The power is to be cut after that.
    bool is_crash;
};

static struct outcome failure(struct simulated_disk *disk, int code, int error) {
    disk->last_errno = error;
    return (struct outcome){.code = code};
}

static bool is_told_to_fail(
    struct simulated_disk *disk, enum simulated_disk_operation operation
) {
    if (!(disk->failing_operations & operation) || disk->faults_left == 0) return false;
    if (disk->operations_to_fault > 1) {
        disk->operations_to_fault -= 1;
        return false;
    }
    if (disk->faults_left != UINT64_MAX) disk->faults_left -= 1;
    disk->counts.faults += 1;
    return true;
}

// Counts one operation and decides what becomes of it; `count` is a write's.
static struct outcome begin_operation(
    struct simulated_disk *disk, enum simulated_disk_operation operation, size_t count
) {
    if (disk->is_off) return failure(disk, SQLITE_IOERR, EIO);
    if (operation & SIMULATED_DISK_MUTATING) {
        disk->counts.operations += 1;
        if (disk->operations_to_crash > 0 && --disk->operations_to_crash == 0) {
            struct outcome crash = failure(disk, SQLITE_IOERR, EIO);
            crash.is_crash = true;
            crash.is_done = chance(disk, 128);
            crash.count = draw(disk, count + 1);
            return crash;
        }
    }
    if (disk->is_read_only && operation & SIMULATED_DISK_MUTATING
        && operation != SIMULATED_DISK_SYNC)
        return failure(disk, error_code(operation, false), EROFS);
    if (!is_told_to_fail(disk, operation)) return (struct outcome){.code = SQLITE_OK};
    enum simulated_disk_fault fault = disk->fault;
    bool lacks_space =
        fault == SIMULATED_DISK_NO_SPACE || fault == SIMULATED_DISK_SHORT_NO_SPACE;
    bool is_short =
        fault == SIMULATED_DISK_SHORT_IO_ERROR || fault == SIMULATED_DISK_SHORT_NO_SPACE;
    struct outcome failed =
        failure(disk, error_code(operation, lacks_space), lacks_space ? ENOSPC : EIO);
    if (is_short && count > 0) failed.count = draw(disk, count);
    return failed;
}

// Cuts the power where the outcome says so.
static int end_operation(struct simulated_disk *disk, struct outcome outcome) {
    if (outcome.is_crash) lose_power(disk);
    return outcome.code;
}

// Operations

static size_t read_bytes(const struct bytes *bytes, size_t offset, void *buffer, size_t count) {
    if (offset >= bytes->size) return 0;
    if (count > bytes->size - offset) count = bytes->size - offset;
    memcpy(buffer, bytes->data + offset, count);
    return count;
}

static bool is_done(struct outcome outcome) {
    return outcome.code == SQLITE_OK || outcome.is_done;
}

int perform_open(struct simulated_disk *disk, const char *name, int flags, struct file **file) {
    *file = find_file(&disk->current, name);
    if (!disk->is_off) {
        if (!*file && !(flags & SQLITE_OPEN_CREATE))
            return failure(disk, SQLITE_CANTOPEN, ENOENT).code;
        if (*file && flags & SQLITE_OPEN_EXCLUSIVE)
            return failure(disk, SQLITE_CANTOPEN, EEXIST).code;
    }
    enum simulated_disk_operation operation = *file ? SIMULATED_DISK_OPEN : SIMULATED_DISK_CREATE;
    struct outcome outcome = begin_operation(disk, operation, 0);
    if (!*file && is_done(outcome)) *file = create_entry(disk, name);
    if (outcome.code == SQLITE_OK) retain_file(*file);
    return end_operation(disk, outcome);
}

int perform_read(
    struct simulated_disk *disk, struct file *file, void *buffer, size_t count, size_t offset
) {
    if (!file->is_temporary) {
        struct outcome outcome = begin_operation(disk, SIMULATED_DISK_READ, 0);
        if (outcome.code != SQLITE_OK) return outcome.code;
    }
    size_t there = read_bytes(&file->written, offset, buffer, count);
    if (there == count) return SQLITE_OK;
    // SQLite relies on it: what isn't there reads as zeros.
    memset((uint8_t *)buffer + there, 0, count - there);
    return SQLITE_IOERR_SHORT_READ;
}

// How much of a write fits on a full disk.
static struct outcome fit(
    struct simulated_disk *disk, const struct file *file, size_t offset, size_t count
) {
    size_t size = file->written.size;
    if (!disk->is_full || offset + count <= size) return (struct outcome){.code = SQLITE_OK};
    struct outcome full = failure(disk, SQLITE_FULL, ENOSPC);
    full.count = size > offset ? size - offset : 0;
    return full;
}

int perform_write(
    struct simulated_disk *disk, struct file *file, const void *bytes, size_t count, size_t offset
) {
    if (file->is_temporary) {
        write_file(disk, file, bytes, count, offset);
        return SQLITE_OK;
    }
    struct outcome outcome = begin_operation(disk, SIMULATED_DISK_WRITE, count);
    if (outcome.code == SQLITE_OK) outcome = fit(disk, file, offset, count);
    if (outcome.code != SQLITE_OK) count = outcome.count;
    write_file(disk, file, bytes, count, offset);
    disk->counts.writes += 1;
    disk->counts.bytes += count;
    return end_operation(disk, outcome);
}

int perform_truncate(struct simulated_disk *disk, struct file *file, size_t size) {
    struct outcome outcome = {.code = SQLITE_OK};
    if (!file->is_temporary) outcome = begin_operation(disk, SIMULATED_DISK_TRUNCATE, 0);
    if (is_done(outcome)) truncate_file(disk, file, size);
    return end_operation(disk, outcome);
}

int perform_sync(struct simulated_disk *disk, struct file *file, bool syncs_directory) {
    if (file->is_temporary) return SQLITE_OK;
    struct outcome outcome = begin_operation(disk, SIMULATED_DISK_SYNC, 0);
    disk->counts.syncs += 1;
    if (is_done(outcome)) {
        sync_file(file);
        if (syncs_directory)
            sync_all_entries(disk);
        else
            sync_entries_of(disk, file);
    } else if (!outcome.is_crash) {
        fail_sync(disk, file);
    }
    return end_operation(disk, outcome);
}

static int no_such_file(struct simulated_disk *disk) {
    return failure(disk, SQLITE_IOERR_DELETE_NOENT, ENOENT).code;
}

int perform_remove(struct simulated_disk *disk, const char *name, bool syncs_directory) {
    if (!disk->is_off && !find_file(&disk->current, name)) return no_such_file(disk);
    struct outcome outcome = begin_operation(disk, SIMULATED_DISK_DELETE, 0);
    if (is_done(outcome)) remove_entry(disk, name);
    if (outcome.code == SQLITE_OK && syncs_directory) sync_all_entries(disk);
    return end_operation(disk, outcome);
}

// What a program does itself

int simulated_disk_write(
    struct simulated_disk *disk, const char *name, size_t offset, const void *bytes, size_t count
) {
    struct file *file;
    int code = perform_open(disk, name, SQLITE_OPEN_CREATE, &file);
    if (code != SQLITE_OK) return code;
    code = perform_write(disk, file, bytes, count, offset);
    release_file(file);
    return code;
}

int simulated_disk_truncate(struct simulated_disk *disk, const char *name, size_t size) {
    struct file *file;
    int code = perform_open(disk, name, 0, &file);
    if (code != SQLITE_OK) return code;
    code = perform_truncate(disk, file, size);
    release_file(file);
    return code;
}

int simulated_disk_sync(struct simulated_disk *disk, const char *name) {
    struct file *file;
    int code = perform_open(disk, name, 0, &file);
    if (code != SQLITE_OK) return code;
    code = perform_sync(disk, file, false);
    release_file(file);
    return code;
}

int simulated_disk_rename(struct simulated_disk *disk, const char *from, const char *to) {
    if (!disk->is_off && !find_file(&disk->current, from)) return no_such_file(disk);
    struct outcome outcome = begin_operation(disk, SIMULATED_DISK_RENAME, 0);
    if (is_done(outcome) && strcmp(from, to) != 0) rename_entry(disk, from, to);
    return end_operation(disk, outcome);
}

int simulated_disk_remove(struct simulated_disk *disk, const char *name) {
    return perform_remove(disk, name, false);
}

int simulated_disk_sync_directory(struct simulated_disk *disk) {
    struct outcome outcome = begin_operation(disk, SIMULATED_DISK_SYNC, 0);
    disk->counts.syncs += 1;
    if (is_done(outcome)) sync_all_entries(disk);
    return end_operation(disk, outcome);
}

// Files, past SQLite

size_t simulated_disk_file_count(const struct simulated_disk *disk) { return disk->current.count; }

const char *simulated_disk_file_name(const struct simulated_disk *disk, size_t index) {
    return index < disk->current.count ? disk->current.names[index].text : NULL;
}

int64_t simulated_disk_file_size(const struct simulated_disk *disk, const char *name) {
    const struct file *file = find_file(&disk->current, name);
    return file ? (int64_t)file->written.size : -1;
}

size_t simulated_disk_read(
    const struct simulated_disk *disk, const char *name, size_t offset, void *buffer, size_t count
) {
    const struct file *file = find_file(&disk->current, name);
    return file ? read_bytes(&file->written, offset, buffer, count) : 0;
}

int64_t simulated_disk_durable_size(const struct simulated_disk *disk, const char *name) {
    const struct file *file = find_file(&disk->durable, name);
    return file ? (int64_t)file->durable.size : -1;
}

size_t simulated_disk_read_durable(
    const struct simulated_disk *disk, const char *name, size_t offset, void *buffer, size_t count
) {
    const struct file *file = find_file(&disk->durable, name);
    return file ? read_bytes(&file->durable, offset, buffer, count) : 0;
}

void simulated_disk_replace(
    struct simulated_disk *disk, const char *name, const void *bytes, size_t count
) {
    struct file *file = find_file(&disk->current, name);
    if (!file) file = create_entry(disk, name);
    replace_content(file, bytes, count);
    sync_entries_of(disk, file);
}

static size_t flip(struct bytes *bytes, size_t offset, size_t count, uint8_t mask) {
    size_t end = offset + count < bytes->size ? offset + count : bytes->size;
    for (size_t i = offset; i < end; i++) bytes->data[i] ^= mask;
    return end > offset ? end - offset : 0;
}

size_t simulated_disk_flip(
    struct simulated_disk *disk, const char *name, size_t offset, size_t count, uint8_t mask
) {
    struct file *file = find_file(&disk->current, name);
    if (!file) return 0;
    flip(&file->durable, offset, count, mask);
    return flip(&file->written, offset, count, mask);
}
