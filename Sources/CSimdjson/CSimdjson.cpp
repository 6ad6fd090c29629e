#include "CSimdjson.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
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

// What stands in the place of a number that 64 bits can't hold: csimdjson_large, as simdjson's own integers above INT64_MAX are.
// Neither is longer than the shortest number of its kind that is too large.
static const std::string_view large_integer = "18446744073709551615";
static const std::string_view large_real = "1e308";
static const double least_large_real = 1e308;

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static size_t skip_digits(std::string_view text, size_t at) {
    while (at < text.size() && is_digit(text[at])) at++;
    return at;
}

// The length of the number (RFC 8259, section 6) that a text begins with; 0 where it begins with none.
static size_t number_length(std::string_view text, bool &is_real) {
    size_t start = !text.empty() && text[0] == '-' ? 1 : 0;
    size_t at = skip_digits(text, start);
    if (at == start || (at > start + 1 && text[start] == '0')) return 0;
    size_t whole = at;
    if (at < text.size() && text[at] == '.') {
        size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        if (at == fraction) return 0;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        size_t exponent = at + 1;
        if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) exponent++;
        at = skip_digits(text, exponent);
        if (at == exponent) return 0;
    }
    is_real = at > whole;
    return at;
}

// `number` is followed by a byte that is none of a number.
static bool is_too_large(std::string_view number, bool is_real) {
    if (is_real) return std::isinf(std::strtod(number.data(), nullptr));
    const char *end = number.data() + number.size();
    int64_t below;
    uint64_t above;
    return number[0] == '-'
        ? std::from_chars(number.data(), end, below).ec == std::errc::result_out_of_range
        : std::from_chars(number.data(), end, above).ec == std::errc::result_out_of_range;
}

// simdjson refuses a whole text for one number that 64 bits can't hold, which is JSON all the same: a sensor may send its 20 digits of
// ICCID beside what is asked of it. Replaces all of them; false where there is none.
static bool replace_large_numbers(char *text, size_t length) {
    bool found = false;
    bool in_string = false;
    for (size_t at = 0; at < length; at++) {
        if (text[at] == '"') in_string = !in_string;
        if (in_string && text[at] == '\\') at++;
        if (in_string || !(text[at] == '-' || is_digit(text[at]))) continue;
        bool is_real = false;
        size_t size = number_length(std::string_view(text + at, length - at), is_real);
        if (size == 0) return false;
        if (is_too_large(std::string_view(text + at, size), is_real)) {
            std::string_view large = is_real ? large_real : large_integer;
            std::memset(text + at, ' ', size);
            std::memcpy(text + at, large.data(), large.size());
            found = true;
        }
        at += size - 1;
    }
    return found;
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
    if (error == NUMBER_ERROR && replace_large_numbers(parser->buffer, length)) {
        error = parser->parser.parse(parser->buffer, length, false).get(parser->root);
    }
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
        value.real = double(element);
        value.kind = std::abs(value.real) < least_large_real ? csimdjson_real : csimdjson_large;
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
