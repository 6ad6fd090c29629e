#include <stdlib.h>
#include <string.h>

#include "disk_private.h"

static struct name *find_name(const struct directory *directory, const char *name) {
    for (size_t i = 0; i < directory->count; i++)
        if (strcmp(directory->names[i].text, name) == 0) return &directory->names[i];
    return NULL;
}

struct file *find_file(const struct directory *directory, const char *name) {
    const struct name *found = find_name(directory, name);
    return found ? found->file : NULL;
}

static void drop_name(struct directory *directory, struct name *name) {
    free(name->text);
    release_file(name->file);
    directory->count -= 1;
    size_t index = (size_t)(name - directory->names);
    memmove(name, name + 1, (directory->count - index) * sizeof *name);
}

static void set_name(struct directory *directory, const char *text, struct file *file) {
    retain_file(file);
    struct name *found = find_name(directory, text);
    if (found) {
        release_file(found->file);
        found->file = file;
        return;
    }
    directory->names =
        grow(directory->names, directory->count, &directory->capacity, sizeof *directory->names);
    directory->names[directory->count++] = (struct name){.text = copy_text(text), .file = file};
}

static void empty(struct directory *directory) {
    while (directory->count > 0)
        drop_name(directory, &directory->names[directory->count - 1]);
}

static void apply(struct directory *directory, const struct entry *entry) {
    switch (entry->kind) {
    case entry_created: set_name(directory, entry->name, entry->file); return;
    case entry_removed: break;
    case entry_renamed: set_name(directory, entry->other_name, entry->file); break;
    }
    struct name *name = find_name(directory, entry->name);
    if (name && name->file == entry->file) drop_name(directory, name);
}

// Un-synced changes

static void append_entry(struct simulated_disk *disk, struct entry entry) {
    entry.operation = disk->counts.operations;
    entry.name = copy_text(entry.name);
    if (entry.other_name) entry.other_name = copy_text(entry.other_name);
    retain_file(entry.file);
    disk->entries =
        grow(disk->entries, disk->entry_count, &disk->entry_capacity, sizeof *disk->entries);
    disk->entries[disk->entry_count++] = entry;
    apply(&disk->current, &entry);
}

struct file *create_entry(struct simulated_disk *disk, const char *name) {
    struct file *file = new_file(false);
    append_entry(
        disk, (struct entry){.kind = entry_created, .name = (char *)name, .file = file});
    release_file(file);
    return file;
}

void remove_entry(struct simulated_disk *disk, const char *name) {
    append_entry(
        disk,
        (struct entry){
            .kind = entry_removed, .name = (char *)name, .file = find_file(&disk->current, name)});
}

void rename_entry(struct simulated_disk *disk, const char *from, const char *to) {
    append_entry(
        disk,
        (struct entry){
            .kind = entry_renamed,
            .name = (char *)from,
            .other_name = (char *)to,
            .file = find_file(&disk->current, from)});
}

static bool has_name(const struct entry *entry, const char *name) {
    if (!name) return false;
    return strcmp(entry->name, name) == 0
        || (entry->other_name && strcmp(entry->other_name, name) == 0);
}

static bool are_related(const struct entry *a, const struct entry *b) {
    return has_name(a, b->name) || has_name(a, b->other_name);
}

// Makes the marked entries durable, and forgets them or all.
static void settle_entries(struct simulated_disk *disk, const bool *marks, bool forgets_all) {
    size_t kept = 0;
    for (size_t i = 0; i < disk->entry_count; i++) {
        struct entry *entry = &disk->entries[i];
        if (marks[i]) apply(&disk->durable, entry);
        if (!marks[i] && !forgets_all) {
            disk->entries[kept++] = *entry;
            continue;
        }
        free(entry->name);
        free(entry->other_name);
        release_file(entry->file);
    }
    disk->entry_count = kept;
}

void sync_entries_of(struct simulated_disk *disk, const struct file *file) {
    if (disk->entry_count == 0) return;
    bool *marks = allocate(disk->entry_count);
    for (size_t i = disk->entry_count; i-- > 0;) {
        marks[i] = disk->entries[i].file == file;
        for (size_t later = i + 1; later < disk->entry_count && !marks[i]; later++)
            marks[i] = marks[later] && are_related(&disk->entries[i], &disk->entries[later]);
    }
    settle_entries(disk, marks, false);
    free(marks);
}

void sync_all_entries(struct simulated_disk *disk) {
    for (size_t i = 0; i < disk->entry_count; i++) {
        struct entry *entry = &disk->entries[i];
        apply(&disk->durable, entry);
        free(entry->name);
        free(entry->other_name);
        release_file(entry->file);
    }
    disk->entry_count = 0;
}

static bool entry_survives(
    struct simulated_disk *disk, const struct entry *entry, const struct crash *crash
) {
    switch (crash->survival) {
    case survival_nothing: return false;
    case survival_everything: return true;
    case survival_in_order: return entry->operation <= crash->last_operation;
    case survival_of_writes:
    case survival_of_sectors:
    case survival_of_files: break;
    }
    return chance(disk, 128);
}

void crash_directory(struct simulated_disk *disk, const struct crash *crash) {
    if (disk->entry_count == 0) return;
    bool *marks = allocate(disk->entry_count);
    for (size_t i = 0; i < disk->entry_count; i++) {
        marks[i] = entry_survives(disk, &disk->entries[i], crash);
        for (size_t earlier = 0; earlier < i && marks[i]; earlier++)
            marks[i] = marks[earlier] || !are_related(&disk->entries[earlier], &disk->entries[i]);
    }
    settle_entries(disk, marks, true);
    free(marks);
    empty(&disk->current);
    for (size_t i = 0; i < disk->durable.count; i++)
        set_name(&disk->current, disk->durable.names[i].text, disk->durable.names[i].file);
}

void destroy_directory(struct simulated_disk *disk) {
    sync_all_entries(disk);
    empty(&disk->current);
    empty(&disk->durable);
    free(disk->current.names);
    free(disk->durable.names);
    free(disk->entries);
}
