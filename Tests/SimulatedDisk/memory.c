#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_private.h"

static void *checked(void *memory) {
    if (memory) return memory;
    fputs("simulated disk: no memory\n", stderr);
    abort();
}

void *allocate(size_t size) { return checked(calloc(1, size)); }

char *copy_text(const char *text) { return checked(strdup(text)); }

void *grow(void *elements, size_t count, size_t *capacity, size_t element_size) {
    if (count < *capacity) return elements;
    *capacity = *capacity ? *capacity * 2 : 8;
    return checked(realloc(elements, *capacity * element_size));
}

void resize(struct bytes *bytes, size_t size) {
    if (size > bytes->capacity) {
        size_t capacity = bytes->capacity ? bytes->capacity * 2 : 4096;
        bytes->capacity = capacity > size ? capacity : size;
        bytes->data = checked(realloc(bytes->data, bytes->capacity));
    }
    if (size > bytes->size) memset(bytes->data + bytes->size, 0, size - bytes->size);
    bytes->size = size;
}

void copy_range(struct bytes *to, const struct bytes *from, size_t offset, size_t count) {
    if (offset >= to->size) return;
    if (count > to->size - offset) count = to->size - offset;
    size_t there = from->size > offset ? from->size - offset : 0;
    if (there > count) there = count;
    if (there > 0) memcpy(to->data + offset, from->data + offset, there);
    memset(to->data + offset + there, 0, count - there);
}
