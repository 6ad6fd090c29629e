#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "disk_private.h"

// One file

static struct handle *handle_of(sqlite3_file *file) {
    struct handle *handle = (struct handle *)file;
    enter(handle->disk);
    return handle;
}

static int dead(struct handle *handle, int code) {
    handle->disk->last_errno = EIO;
    return code;
}

static int file_close(sqlite3_file *file) {
    struct handle *handle = handle_of(file);
    drop_handle(handle);
    *handle->link = handle->next;
    if (handle->next) handle->next->link = handle->link;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *buffer, int amount, sqlite3_int64 offset) {
    struct handle *handle = handle_of(file);
    if (!handle->file) return dead(handle, SQLITE_IOERR_READ);
    return perform_read(handle->disk, handle->file, buffer, (size_t)amount, (size_t)offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset) {
    struct handle *handle = handle_of(file);
    if (!handle->file) return dead(handle, SQLITE_IOERR_WRITE);
    if (handle->is_read_only) return SQLITE_READONLY;
    return perform_write(handle->disk, handle->file, bytes, (size_t)amount, (size_t)offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct handle *handle = handle_of(file);
    if (!handle->file) return dead(handle, SQLITE_IOERR_TRUNCATE);
    return perform_truncate(handle->disk, handle->file, (size_t)size);
}

static int file_sync(sqlite3_file *file, int flags) {
    (void)flags;
    struct handle *handle = handle_of(file);
    if (!handle->file) return dead(handle, SQLITE_IOERR_FSYNC);
    int code = perform_sync(handle->disk, handle->file, handle->syncs_directory);
    if (code == SQLITE_OK) handle->syncs_directory = false;
    return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    struct handle *handle = handle_of(file);
    if (!handle->file) return dead(handle, SQLITE_IOERR_FSTAT);
    *size = (sqlite3_int64)handle->file->written.size;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level) {
    struct handle *handle = handle_of(base);
    struct file *file = handle->file;
    if (!file) return dead(handle, SQLITE_IOERR_LOCK);
    if (handle->lock >= level) return SQLITE_OK;
    bool others_write = (file->pending && file->pending != handle)
        || (file->exclusive && file->exclusive != handle);
    if (others_write) return SQLITE_BUSY;
    if (handle->lock == SQLITE_LOCK_NONE) {
        file->shared += 1;
        handle->lock = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    if (file->reserved && file->reserved != handle) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_RESERVED) {
        file->reserved = handle;
        handle->lock = level;
        return SQLITE_OK;
    }
    file->pending = handle;
    handle->lock = SQLITE_LOCK_PENDING;
    if (level == SQLITE_LOCK_PENDING) return SQLITE_OK;
    if (file->shared > 1) return SQLITE_BUSY;
    file->exclusive = handle;
    handle->lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level) {
    struct handle *handle = handle_of(base);
    if (!handle->file) return dead(handle, SQLITE_IOERR_UNLOCK);
    if (handle->lock <= level) return SQLITE_OK;
    unlock_file(handle);
    if (level == SQLITE_LOCK_NONE) handle->file->shared -= 1;
    handle->lock = level;
    return SQLITE_OK;
}

static int file_check_reserved_lock(sqlite3_file *base, int *is_reserved) {
    struct handle *handle = handle_of(base);
    const struct file *file = handle->file;
    if (!file) return dead(handle, SQLITE_IOERR_CHECKRESERVEDLOCK);
    *is_reserved = file->reserved || file->pending || file->exclusive;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *argument) {
    struct handle *handle = handle_of(base);
    int *number = argument;
    switch (operation) {
    case SQLITE_FCNTL_PERSIST_WAL:
        if (*number < 0)
            *number = handle->persists_wal;
        else
            handle->persists_wal = *number != 0;
        return SQLITE_OK;
    case SQLITE_FCNTL_HAS_MOVED:
        *number = handle->file && handle->name
            && find_file(&handle->disk->current, handle->name) != handle->file;
        return SQLITE_OK;
    default: return SQLITE_NOTFOUND;
    }
}

static int file_sector_size(sqlite3_file *file) {
    (void)file;
    return sector_size;
}

static int file_characteristics(sqlite3_file *file) {
    return handle_of(file)->disk->characteristics;
}

// Version 1: without shared memory.
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

// The file system

static struct simulated_disk *disk_of(sqlite3_vfs *vfs) {
    struct simulated_disk *disk = vfs->pAppData;
    enter(disk);
    return disk;
}

static int vfs_open(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags
) {
    struct simulated_disk *disk = disk_of(vfs);
    struct handle *handle = (struct handle *)base;
    memset(handle, 0, sizeof *handle);
    struct file *file = NULL;
    if (!name || flags & SQLITE_OPEN_DELETEONCLOSE) {
        if (disk->is_off) return SQLITE_IOERR;
        file = new_file(true);
    } else {
        int code = perform_open(disk, name, flags, &file);
        if (code != SQLITE_OK) return code;
        handle->name = name;
        handle->syncs_directory = flags & SQLITE_OPEN_CREATE
            && flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL);
        handle->is_read_only = flags & SQLITE_OPEN_READONLY || disk->is_read_only;
    }
    handle->disk = disk;
    handle->file = file;
    handle->next = disk->handles;
    handle->link = &disk->handles;
    if (handle->next) handle->next->link = &handle->next;
    disk->handles = handle;
    if (out_flags) {
        *out_flags = flags;
        if (handle->is_read_only)
            *out_flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE))
                | SQLITE_OPEN_READONLY;
    }
    handle->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory) {
    return perform_remove(disk_of(vfs), name, sync_directory != 0);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    struct simulated_disk *disk = disk_of(vfs);
    if (disk->is_off) return SQLITE_IOERR_ACCESS;
    const struct file *file = find_file(&disk->current, name);
    // As on a real system: an empty file is none, so that no empty journal is hot.
    if (flags == SQLITE_ACCESS_EXISTS)
        *result = file && file->written.size > 0;
    else
        *result = file && (flags != SQLITE_ACCESS_READWRITE || !disk->is_read_only);
    return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *result) {
    const char *root = name[0] == '/' ? "" : "/";
    int length = snprintf(result, (size_t)size, "%s%s", root, name);
    if (length < size) return SQLITE_OK;
    disk_of(vfs)->last_errno = ENAMETOOLONG;
    return SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int count, char *bytes) {
    give_randomness(disk_of(vfs), (size_t)count, (uint8_t *)bytes);
    return count;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    disk_of(vfs)->milliseconds += (microseconds + 999) / 1000;
    return microseconds;
}

static int vfs_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds) {
    // From noon of 24 November 4714 BC, where Julian days begin, to 1970.
    *milliseconds = 210866760000000 + disk_of(vfs)->milliseconds;
    return SQLITE_OK;
}

static int vfs_current_time(sqlite3_vfs *vfs, double *days) {
    sqlite3_int64 milliseconds;
    int code = vfs_current_time_int64(vfs, &milliseconds);
    *days = (double)milliseconds / 86400000.0;
    return code;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *text) {
    (void)size;
    (void)text;
    return disk_of(vfs)->last_errno;
}

void prepare_vfs(struct simulated_disk *disk) {
    disk->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = 512,
        .zName = disk->name,
        .pAppData = disk,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_current_time_int64,
    };
}
