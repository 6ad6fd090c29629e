// A JSON text parsed once by simdjson (3.0, Debian's libsimdjson-dev), read by JSON Pointer, without C++ in sight.
//
// A parser owns its buffers and reuses them: after the first text of a size it allocates nothing. Not for two threads at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct csimdjson_parser csimdjson_parser;

typedef enum {
    csimdjson_absent = 0,   // nothing is there
    csimdjson_null,
    csimdjson_boolean,      // integer: 0 or 1
    csimdjson_integer,      // integer
    csimdjson_large,        // an integer beyond int64_t, or 1e308 and beyond
    csimdjson_real,         // real
    csimdjson_string,       // text, length: UTF-8, unescaped; valid until the next parse
    csimdjson_container,    // an array or an object
} csimdjson_kind;

typedef struct {
    csimdjson_kind kind;
    int64_t integer;
    double real;
    const char *text;
    size_t length;
} csimdjson_value;

typedef enum {
    csimdjson_ok = 0,
    csimdjson_too_large,
    csimdjson_too_deep,
    csimdjson_malformed,
    csimdjson_not_utf8,
    csimdjson_no_memory,
} csimdjson_result;

// NULL where memory is short. Texts of up to `bytes` bytes and `depth` levels of arrays and objects.
csimdjson_parser *csimdjson_create(size_t bytes, size_t depth);
void csimdjson_destroy(csimdjson_parser *parser);

// Copies the text and parses all of it.
csimdjson_result csimdjson_parse(csimdjson_parser *parser, const char *text, size_t length);

// The value at an RFC 6901 pointer in the text that was parsed last. A value of kind absent where there is none.
csimdjson_value csimdjson_find(const csimdjson_parser *parser, const char *pointer, size_t length);

// The number of elements of the array at a pointer; -1 where there is none.
int64_t csimdjson_count(const csimdjson_parser *parser, const char *pointer, size_t length);

// Writes the value at a pointer as compact JSON into `out` and returns its length; 0 where it is absent, and a length above
// `capacity` where it does not fit (nothing is written then).
size_t csimdjson_serialize(
    const csimdjson_parser *parser, const char *pointer, size_t length, char *out, size_t capacity);

// A value of the text by what it is and how large it is, not by what it says.
typedef struct {
    csimdjson_kind kind;    // csimdjson_container is an array, unless is_object
    bool is_object;
    size_t depth;           // 0 is the whole text
    const char *name;       // a member's name, UTF-8, unescaped; NULL where it has none; valid until the next parse
    size_t name_length;
    size_t length;          // the bytes of a string, the members of an object, the elements of an array (2^24 - 1 at the most)
} csimdjson_part;

// Writes the values of the text that was parsed last, each before those in it, and returns how many: of each container the first
// `breadth`, down to `depth` levels below the whole, at most `capacity` in all.
size_t csimdjson_outline(
    const csimdjson_parser *parser, csimdjson_part *parts, size_t capacity, size_t depth, size_t breadth);

#ifdef __cplusplus
}
#endif
