#include <string.h>

#include "transport_private.h"

enum {
    TYPE_PUBLISH = 3,
    TYPE_PUBACK = 4,
    TYPE_PUBCOMP = 7,
    TYPE_UNSUBACK = 11,
    TYPE_AUTH = 15,
};

static bool is_held(uint8_t first) { return first >> 4 == TYPE_PUBLISH && (first & 0x06) == 0x04; }

size_t framing_room(const struct framing *framing, size_t count) {
    size_t room = framing->next == FRAMING_REST ? framing->length - framing->received : 1;
    return count < room ? count : room;
}

/// Takes note of a packet whose length is known; 0, or why it must not be.
static int judge(struct framing *framing, const struct transport_bounds *bounds) {
    size_t length = framing->length;
    if (bounds->largest_rest && length > bounds->largest_rest) return TRANSPORT_OVERSIZED;
    if (is_held(framing->first)) {
        if (bounds->largest_held && length > bounds->largest_held) return TRANSPORT_OVERSIZED;
        framing->held++;
        if (bounds->most_held && framing->held > bounds->most_held) return TRANSPORT_EXCESSIVE;
    }
    uint8_t type = framing->first >> 4;
    if (type >= TYPE_PUBACK && type <= TYPE_PUBCOMP && length > ACKNOWLEDGEMENT_BYTES) {
        if (length > TRANSPORT_WORDS_BYTES - framing->words) return TRANSPORT_EXCESSIVE;
        framing->words += (uint32_t)length;
    }
    return 0;
}

static int follow_length(
    struct framing *framing, uint8_t byte, const struct transport_bounds *bounds) {
    framing->length |= (uint32_t)(byte & 0x7f) << framing->shift;
    framing->shift += 7;
    if (byte & 0x80) return framing->shift < 28 ? 0 : TRANSPORT_MALFORMED;
    framing->next = framing->length ? FRAMING_REST : FRAMING_FIRST;
    return judge(framing, bounds);
}

static void follow_rest(struct framing *framing, const uint8_t *bytes, size_t count) {
    if (framing->first >> 4 == TYPE_UNSUBACK && framing->length <= sizeof framing->answer) {
        memcpy(framing->answer + framing->received, bytes, count);
    }
    framing->received += (uint32_t)count;
    if (framing->received == framing->length) framing->next = FRAMING_FIRST;
}

int framing_follow(
    struct framing *framing, const uint8_t *bytes, size_t count,
    const struct transport_bounds *bounds) {
    if (count == 0) return 0;
    switch (framing->next) {
    case FRAMING_FIRST:
        // Type 0 is reserved. To libmosquitto a first byte of 0 means that there was none yet: it
        // would go out of step with us.
        if (bytes[0] >> 4 == 0) return TRANSPORT_MALFORMED;
        // Nobody agreed on a way to authenticate. (libmosquitto would call an empty one a lack of memory.)
        if (bytes[0] >> 4 == TYPE_AUTH) return TRANSPORT_MALFORMED;
        framing->next = FRAMING_LENGTH;
        framing->first = bytes[0];
        framing->shift = 0;
        framing->length = framing->received = 0;
        return 0;
    case FRAMING_LENGTH: return follow_length(framing, bytes[0], bounds);
    case FRAMING_REST: follow_rest(framing, bytes, count); return 0;
    }
    return TRANSPORT_MALFORMED;
}

void framing_release(struct framing *framing) {
    if (framing->held > 0) framing->held--;
}

const uint8_t *framing_answer(const struct framing *framing) {
    bool is_kept = framing->first >> 4 == TYPE_UNSUBACK && framing->next == FRAMING_FIRST
        && framing->length <= sizeof framing->answer;
    return is_kept ? framing->answer : NULL;
}
