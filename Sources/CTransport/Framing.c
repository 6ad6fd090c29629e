#include <string.h>

#include "transport_private.h"

enum { TYPE_UNSUBACK = 11 };

size_t framing_room(const struct framing *framing, size_t count) {
    size_t room = framing->next == FRAMING_REST ? framing->length - framing->received : 1;
    return count < room ? count : room;
}

static int follow_length(struct framing *framing, uint8_t byte, size_t largest) {
    framing->length |= (uint32_t)(byte & 0x7f) << framing->shift;
    framing->shift += 7;
    if (byte & 0x80) return framing->shift < 28 ? 0 : TRANSPORT_MALFORMED;
    if (largest && framing->length > largest) return TRANSPORT_OVERSIZED;
    framing->next = framing->length ? FRAMING_REST : FRAMING_FIRST;
    return 0;
}

static void follow_rest(struct framing *framing, const uint8_t *bytes, size_t count) {
    if (framing->first >> 4 == TYPE_UNSUBACK && framing->length <= sizeof framing->answer) {
        memcpy(framing->answer + framing->received, bytes, count);
    }
    framing->received += (uint32_t)count;
    if (framing->received == framing->length) framing->next = FRAMING_FIRST;
}

int framing_follow(
    struct framing *framing, const uint8_t *bytes, size_t count, size_t largest) {
    if (count == 0) return 0;
    switch (framing->next) {
    case FRAMING_FIRST:
        // Type 0 is reserved. To libmosquitto a first byte of 0 means that there was none yet: it
        // would go out of step with us.
        if (bytes[0] >> 4 == 0) return TRANSPORT_MALFORMED;
        framing->next = FRAMING_LENGTH;
        framing->first = bytes[0];
        framing->shift = 0;
        framing->length = framing->received = 0;
        return 0;
    case FRAMING_LENGTH: return follow_length(framing, bytes[0], largest);
    case FRAMING_REST: follow_rest(framing, bytes, count); return 0;
    }
    return TRANSPORT_MALFORMED;
}

const uint8_t *framing_answer(const struct framing *framing) {
    bool is_kept = framing->first >> 4 == TYPE_UNSUBACK && framing->next == FRAMING_FIRST
        && framing->length <= sizeof framing->answer;
    return is_kept ? framing->answer : NULL;
}
