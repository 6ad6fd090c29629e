#include <stdlib.h>
#include <string.h>

#include "disk_private.h"

// 16 MiB: beyond that the page cache writes back on its own.
enum { most_changes = 32768 };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

struct file *new_file(bool is_temporary) {
    struct file *file = allocate(sizeof *file);
    file->references = 1;
    file->is_temporary = is_temporary;
    file->lowest_cut = SIZE_MAX;
    return file;
}

void retain_file(struct file *file) { file->references += 1; }

void release_file(struct file *file) {
    if (--file->references > 0) return;
    free(file->written.data);
    free(file->durable.data);
    free(file->changes);
    free(file->stale);
    free(file);
}

// What was written becomes durable

static void store_image(struct file *file, const struct change *change) {
    struct bytes *durable = &file->durable;
    if (change->offset >= durable->size) return;
    size_t count = smaller(sector_size, durable->size - change->offset);
    memcpy(durable->data + change->offset, change->image, count);
}

static void make_durable(struct file *file, const struct change *change) {
    if (change->is_truncation) {
        resize(&file->durable, change->offset);
        return;
    }
    if (change->end > file->durable.size) resize(&file->durable, change->end);
    store_image(file, change);
}

static void write_back(struct file *file, size_t count) {
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) make_durable(file, &file->changes[i]);
    file->change_count -= count;
    memmove(file->changes, file->changes + count, file->change_count * sizeof *file->changes);
}

void sync_file(struct file *file) {
    write_back(file, file->change_count);
    file->lowest_cut = SIZE_MAX;
}

void replace_content(struct file *file, const void *bytes, size_t count) {
    resize(&file->written, count);
    if (count > 0) memcpy(file->written.data, bytes, count);
    resize(&file->durable, count);
    copy_range(&file->durable, &file->written, 0, count);
    file->change_count = 0;
    file->stale_count = 0;
    file->lowest_cut = SIZE_MAX;
}

// Changes

static struct change *append_change(struct simulated_disk *disk, struct file *file) {
    if (file->change_count >= most_changes) write_back(file, file->change_count / 2);
    file->changes =
        grow(file->changes, file->change_count, &file->change_capacity, sizeof *file->changes);
    struct change *change = &file->changes[file->change_count++];
    change->operation = disk->counts.operations;
    return change;
}

void write_file(
    struct simulated_disk *disk, struct file *file, const void *bytes, size_t count, size_t offset
) {
    if (count == 0) return;
    size_t end = offset + count;
    if (end > file->written.size) resize(&file->written, end);
    memcpy(file->written.data + offset, bytes, count);
    if (file->is_temporary) return;
    for (size_t place = offset - offset % sector_size; place < end; place += sector_size) {
        struct change *change = append_change(disk, file);
        change->offset = place;
        change->end = smaller(end, place + sector_size);
        change->is_truncation = false;
        size_t there = smaller(sector_size, file->written.size - place);
        memcpy(change->image, file->written.data + place, there);
        memset(change->image + there, 0, sector_size - there);
    }
}

void truncate_file(struct simulated_disk *disk, struct file *file, size_t size) {
    resize(&file->written, size);
    if (file->is_temporary) return;
    struct change *change = append_change(disk, file);
    change->offset = size;
    change->is_truncation = true;
    file->lowest_cut = smaller(file->lowest_cut, size);
}

// What survives

static void fill_with_garbage(struct simulated_disk *disk, uint8_t *bytes, size_t count) {
    while (count > 0) {
        uint64_t word = draw(disk, UINT64_MAX);
        size_t part = smaller(count, sizeof word);
        memcpy(bytes, &word, part);
        bytes += part;
        count -= part;
    }
}

// What lies between the old end and this sector was never written: zeros.
static void extend(
    struct simulated_disk *disk, struct file *file, size_t from, size_t end, bool garbage
) {
    resize(&file->durable, end);
    if (garbage) fill_with_garbage(disk, file->durable.data + from, end - from);
}

// How many of the changes, in order, have their effect on the size survive.
static size_t surviving_sizes(
    struct simulated_disk *disk, const struct file *file, const struct crash *crash, bool keeps_file
) {
    size_t count = file->change_count;
    size_t in_order = 0;
    switch (crash->survival) {
    case survival_everything: return count;
    case survival_nothing: return chance(disk, 192) ? 0 : draw(disk, count + 1);
    case survival_of_files:
        if (keeps_file) return count;
        return chance(disk, 192) ? 0 : draw(disk, count + 1);
    case survival_in_order:
        while (in_order < count && file->changes[in_order].operation <= crash->last_operation)
            in_order += 1;
        return in_order;
    case survival_of_writes:
    case survival_of_sectors: break;
    }
    switch (draw(disk, 4)) {
    case 0: return 0;
    case 1: return draw(disk, count + 1);
    default: return count;
    }
}

static bool survives(
    struct simulated_disk *disk, const struct change *change, const struct crash *crash,
    bool keeps_file
) {
    switch (crash->survival) {
    case survival_nothing: return false;
    case survival_everything: return true;
    case survival_in_order:
        if (change->operation == crash->last_operation) return chance(disk, 128);
        return change->operation < crash->last_operation;
    case survival_of_writes: return mix(crash->salt ^ change->operation) % 256 < crash->odds;
    case survival_of_sectors: return chance(disk, crash->odds);
    case survival_of_files: return keeps_file;
    }
    return false;
}

// The power went while this sector, the last of the file, was on its way.
static void tear(struct simulated_disk *disk, struct file *file, const struct change *change) {
    struct bytes *durable = &file->durable;
    if (change->offset >= durable->size) return;
    size_t count = smaller(sector_size, durable->size - change->offset);
    uint8_t *sector = durable->data + change->offset;
    size_t cut = draw(disk, count + 1);
    if (disk->damages_sectors && chance(disk, 128))
        fill_with_garbage(disk, sector, count);
    else if (chance(disk, 128))
        memcpy(sector, change->image, cut);
    else
        memcpy(sector + cut, change->image + cut, count - cut);
}

// Decides what of the changes becomes durable; truncations are left alone where the file lives on.
static void settle(
    struct simulated_disk *disk, struct file *file, const struct crash *crash, bool truncates
) {
    bool keeps_file = chance(disk, 128);
    bool garbage = chance(disk, 128);
    bool tears = chance(disk, 64);
    size_t sizes = surviving_sizes(disk, file, crash, keeps_file);
    size_t lost_cut = SIZE_MAX;
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        bool size_survives = i < sizes && lost_cut == SIZE_MAX;
        if (change->is_truncation) {
            if (size_survives && truncates)
                resize(&file->durable, change->offset);
            else
                lost_cut = smaller(lost_cut, change->offset);
            continue;
        }
        bool is_torn = tears && i + 1 == file->change_count;
        bool is_kept = change->end <= lost_cut && survives(disk, change, crash, keeps_file);
        if (size_survives && change->end > file->durable.size) {
            size_t from = file->durable.size > change->offset ? file->durable.size : change->offset;
            size_t end = is_torn ? from + draw(disk, change->end - from + 1) : change->end;
            if (end > from) extend(disk, file, from, end, garbage);
        }
        if (is_torn && change->end <= lost_cut)
            tear(disk, file, change);
        else if (is_kept)
            store_image(file, change);
        if (!is_kept) disk->counts.lost_sectors += 1;
    }
}

static void restore(struct file *file, size_t offset, size_t count) {
    copy_range(&file->written, &file->durable, offset, count);
}

void crash_file(struct simulated_disk *disk, struct file *file, const struct crash *crash) {
    if (file->change_count > 0) settle(disk, file, crash, true);
    resize(&file->written, file->durable.size);
    for (size_t i = 0; i < file->change_count; i++)
        if (!file->changes[i].is_truncation) restore(file, file->changes[i].offset, sector_size);
    for (size_t i = 0; i < file->stale_count; i++) restore(file, file->stale[i], sector_size);
    if (file->lowest_cut < file->durable.size)
        restore(file, file->lowest_cut, file->durable.size - file->lowest_cut);
    file->change_count = 0;
    file->stale_count = 0;
    file->lowest_cut = SIZE_MAX;
}

void fail_sync(struct simulated_disk *disk, struct file *file) {
    if (file->change_count == 0) return;
    static const enum survival survivals[] = {
        survival_nothing, survival_everything, survival_of_writes, survival_of_sectors};
    struct crash part = {.survival = survivals[draw(disk, 4)], .odds = 128};
    part.salt = draw(disk, UINT64_MAX);
    settle(disk, file, &part, false);
    size_t truncations = 0;
    for (size_t i = 0; i < file->change_count; i++) {
        if (file->changes[i].is_truncation) {
            file->changes[truncations++] = file->changes[i];
            continue;
        }
        file->stale =
            grow(file->stale, file->stale_count, &file->stale_capacity, sizeof *file->stale);
        file->stale[file->stale_count++] = file->changes[i].offset;
    }
    file->change_count = truncations;
}
