#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "disk_private.h"

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
static const uint64_t golden_gamma = 0x9e3779b97f4a7c15;

uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

uint64_t draw(struct simulated_disk *disk, uint64_t bound) {
    disk->state += golden_gamma;
    return (uint64_t)((unsigned __int128)mix(disk->state) * bound >> 64);
}

bool chance(struct simulated_disk *disk, unsigned of_256) { return draw(disk, 256) < of_256; }

void give_randomness(struct simulated_disk *disk, size_t count, uint8_t *bytes) {
    while (count > 0) {
        uint64_t word = mix(atomic_fetch_add(&disk->randomness, golden_gamma) + golden_gamma);
        size_t part = count < sizeof word ? count : sizeof word;
        memcpy(bytes, &word, part);
        bytes += part;
        count -= part;
    }
}

// Which disk a thread uses

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct simulated_disk *registry;
static _Thread_local char this_thread;
// Only ever compared with the disks in the registry: it may be gone.
static _Thread_local const struct simulated_disk *current;

void register_disk(struct simulated_disk *disk) {
    pthread_mutex_lock(&registry_lock);
    disk->next = registry;
    registry = disk;
    pthread_mutex_unlock(&registry_lock);
}

void unregister_disk(struct simulated_disk *disk) {
    pthread_mutex_lock(&registry_lock);
    struct simulated_disk **link = &registry;
    while (*link != disk) link = &(*link)->next;
    *link = disk->next;
    pthread_mutex_unlock(&registry_lock);
}

void enter(struct simulated_disk *disk) {
    current = disk;
    atomic_store_explicit(&disk->thread, &this_thread, memory_order_relaxed);
}

// The lock keeps the disk from being destroyed meanwhile. One that was made at the same address
// after ours had gone doesn't have this thread.
static bool give_from_current(size_t count, uint8_t *bytes) {
    if (!current) return false;
    pthread_mutex_lock(&registry_lock);
    struct simulated_disk *disk = registry;
    while (disk && disk != current) disk = disk->next;
    bool is_ours =
        disk && atomic_load_explicit(&disk->thread, memory_order_relaxed) == &this_thread;
    if (is_ours) give_randomness(disk, count, bytes);
    pthread_mutex_unlock(&registry_lock);
    return is_ours;
}

// SQLite's own function

typedef void (*randomness_function)(int, void *);

// An executable's definition comes before a library's in the dynamic linker's search, so that the
// library's own calls arrive here too.
void sqlite3_randomness(int count, void *bytes) {
    if (count > 0 && bytes && give_from_current((size_t)count, bytes)) return;
    static _Atomic(randomness_function) next;
    randomness_function function = atomic_load(&next);
    if (!function) {
        function = (randomness_function)dlsym(RTLD_NEXT, "sqlite3_randomness");
        atomic_store(&next, function);
    }
    if (function) function(count, bytes);
}

bool simulated_disk_is_deterministic(void) {
    return dlsym(RTLD_DEFAULT, "sqlite3_randomness") == (void *)sqlite3_randomness;
}
