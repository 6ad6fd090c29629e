#include "CSimdjson.h"

#include <simdjson.h>

#include <cstring>
#include <new>
#include <string>
#include <string_view>

using namespace simdjson;

struct csimdjson_parser {
    dom::parser parser;
    dom::element root;
    bool has_root = false;
    size_t bytes;
    size_t depth;
    // simdjson reads up to SIMDJSON_PADDING bytes behind a text, so the text needs a home of ours.
    char *buffer = nullptr;
    size_t capacity = 0;

    // simdjson takes no text at all under a limit below its own least capacity; ours is held in csimdjson_parse.
    csimdjson_parser(size_t bytes, size_t depth)
        : parser(bytes < dom::MINIMAL_DOCUMENT_CAPACITY ? dom::MINIMAL_DOCUMENT_CAPACITY : bytes), bytes(bytes), depth(depth) {}
    ~csimdjson_parser() { delete[] buffer; }
};

csimdjson_parser *csimdjson_create(size_t bytes, size_t depth) {
    return new (std::nothrow) csimdjson_parser(bytes, depth);
}

void csimdjson_destroy(csimdjson_parser *parser) { delete parser; }

// Room for a text of this length, doubled so that a stream of growing texts costs few allocations.
static csimdjson_result reserve(csimdjson_parser *parser, size_t length) {
    if (length <= parser->capacity) return csimdjson_ok;
    size_t capacity = parser->capacity == 0 ? 1024 : parser->capacity;
    while (capacity < length) capacity *= 2;
    if (capacity > parser->bytes) capacity = parser->bytes;
    char *buffer = new (std::nothrow) char[capacity + SIMDJSON_PADDING];
    if (buffer == nullptr) return csimdjson_no_memory;
    delete[] parser->buffer;
    parser->buffer = buffer;
    parser->capacity = capacity;
    // The depth is ours from here on; parse() only grows what is too small.
    if (parser->parser.allocate(capacity, parser->depth) != SUCCESS) {
        parser->capacity = 0;
        return csimdjson_no_memory;
    }
    return csimdjson_ok;
}

csimdjson_result csimdjson_parse(csimdjson_parser *parser, const char *text, size_t length) {
    parser->has_root = false;
    if (length > parser->bytes) return csimdjson_too_large;
    if (length == 0) return csimdjson_malformed;
    csimdjson_result reserved = reserve(parser, length);
    if (reserved != csimdjson_ok) return reserved;
    if (length > 0) std::memcpy(parser->buffer, text, length);
    std::memset(parser->buffer + length, 0, SIMDJSON_PADDING);
    auto error = parser->parser.parse(parser->buffer, length, false).get(parser->root);
    switch (error) {
    case SUCCESS: parser->has_root = true; return csimdjson_ok;
    case DEPTH_ERROR: return csimdjson_too_deep;
    case UTF8_ERROR: return csimdjson_not_utf8;
    case MEMALLOC: return csimdjson_no_memory;
    case CAPACITY: return csimdjson_too_large;
    default: return csimdjson_malformed;
    }
}

static bool find(
    const csimdjson_parser *parser, const char *pointer, size_t length, dom::element &found) {
    std::string_view place = length == 0 ? std::string_view() : std::string_view(pointer, length);
    return parser->has_root && parser->root.at_pointer(place).get(found) == SUCCESS;
}

csimdjson_value csimdjson_find(const csimdjson_parser *parser, const char *pointer, size_t length) {
    csimdjson_value value = {csimdjson_absent, 0, 0, nullptr, 0};
    dom::element element;
    if (!find(parser, pointer, length, element)) return value;
    switch (element.type()) {
    case dom::element_type::NULL_VALUE: value.kind = csimdjson_null; break;
    case dom::element_type::BOOL:
        value.kind = csimdjson_boolean;
        value.integer = bool(element) ? 1 : 0;
        break;
    case dom::element_type::INT64:
        value.kind = csimdjson_integer;
        value.integer = int64_t(element);
        break;
    case dom::element_type::UINT64: value.kind = csimdjson_large; break;
    case dom::element_type::DOUBLE:
        value.kind = csimdjson_real;
        value.real = double(element);
        break;
    case dom::element_type::STRING: {
        value.kind = csimdjson_string;
        value.text = element.get_c_str().value_unsafe();
        value.length = element.get_string_length().value_unsafe();
        break;
    }
    case dom::element_type::ARRAY:
    case dom::element_type::OBJECT: value.kind = csimdjson_container; break;
    }
    return value;
}

int64_t csimdjson_count(const csimdjson_parser *parser, const char *pointer, size_t length) {
    dom::element element;
    dom::array array;
    if (!find(parser, pointer, length, element) || element.get(array) != SUCCESS) return -1;
    // array.size() saturates at 2^24 - 1; no payload that is read has so many.
    return int64_t(array.size());
}

size_t csimdjson_serialize(
    const csimdjson_parser *parser, const char *pointer, size_t length, char *out, size_t capacity) {
    dom::element element;
    if (!find(parser, pointer, length, element)) return 0;
    std::string text = minify(element);
    if (text.size() <= capacity) std::memcpy(out, text.data(), text.size());
    return text.size();
}

struct outline {
    csimdjson_part *parts;
    size_t capacity;
    size_t depth;
    size_t breadth;
    size_t count;
};

// Recursion is bounded by `depth`, and what is left out of a container costs nothing.
static void add(outline &out, dom::element element, size_t depth, const std::string_view *name) {
    if (out.count == out.capacity) return;
    csimdjson_part &part = out.parts[out.count++];
    part = {csimdjson_container, false, depth, name ? name->data() : nullptr, name ? name->size() : 0, 0};
    size_t breadth = depth < out.depth ? out.breadth : 0;
    switch (element.type()) {
    case dom::element_type::NULL_VALUE: part.kind = csimdjson_null; break;
    case dom::element_type::BOOL: part.kind = csimdjson_boolean; break;
    case dom::element_type::INT64: part.kind = csimdjson_integer; break;
    case dom::element_type::UINT64: part.kind = csimdjson_large; break;
    case dom::element_type::DOUBLE: part.kind = csimdjson_real; break;
    case dom::element_type::STRING:
        part.kind = csimdjson_string;
        part.length = element.get_string_length().value_unsafe();
        break;
    case dom::element_type::ARRAY: {
        dom::array array = dom::array(element);
        part.length = array.size();
        for (dom::element child : array) {
            if (breadth-- == 0) break;
            add(out, child, depth + 1, nullptr);
        }
        break;
    }
    case dom::element_type::OBJECT: {
        dom::object object = dom::object(element);
        part.is_object = true;
        part.length = object.size();
        for (dom::key_value_pair member : object) {
            if (breadth-- == 0) break;
            add(out, member.value, depth + 1, &member.key);
        }
        break;
    }
    }
}

size_t csimdjson_outline(
    const csimdjson_parser *parser, csimdjson_part *parts, size_t capacity, size_t depth, size_t breadth) {
    outline out = {parts, capacity, depth, breadth, 0};
    if (parser->has_root) add(out, parser->root, 0, nullptr);
    return out.count;
}
