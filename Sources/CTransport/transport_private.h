#pragma once
#include <setjmp.h>

#include "CTransport.h"

// 64 KiB hold some 500 sensor messages: at that number the system call costs less than a hundredth
// of the rest.
enum { TRANSPORT_BUFFER_BYTES = 64 * 1024 };

// A hundred reason codes, and room for a reason string.
enum { TRANSPORT_ANSWER_BYTES = 4 * 1024 };

// What libmosquitto 2.0.11 keeps for ever of each PUBACK, PUBREL and PUBCOMP that nobody waits for: its
// properties, some twenty times their size. A broker acknowledges two messages of ours a connection.
enum { TRANSPORT_WORDS_BYTES = 4 * 1024 };

// An acknowledgement without properties: identifier, reason, the length of no properties.
enum { ACKNOWLEDGEMENT_BYTES = 4 };

/// Follows the control packets in what a broker sends (MQTT 5.0, section 2.1): a first byte, the
/// remaining length in one to four bytes, the rest.
///
/// A packet is in hand until the first byte of the next one.
struct framing {
    enum { FRAMING_FIRST, FRAMING_LENGTH, FRAMING_REST } next;
    uint8_t first;
    uint8_t shift;
    // Of the rest: how long it is, and how much of it has come.
    uint32_t length, received;
    // The QoS 2 messages that were not released, and the bytes of acknowledgements with properties.
    uint32_t held, words;
    // The rest of an UNSUBACK.
    uint8_t answer[TRANSPORT_ANSWER_BYTES];
};

/// So many of `count` bytes may be handed over at once: never bytes of two packets, nor of the
/// length and the rest.
size_t framing_room(const struct framing *framing, size_t count);

/// Takes note of bytes that are about to be handed over, no more than there was room for; 0, or why
/// they must not be: `TRANSPORT_OVERSIZED`, `TRANSPORT_MALFORMED` or `TRANSPORT_EXCESSIVE`.
int framing_follow(
    struct framing *framing, const uint8_t *bytes, size_t count,
    const struct transport_bounds *bounds);

/// A QoS 2 message was released.
void framing_release(struct framing *framing);

/// The rest of the UNSUBACK in hand, `length` bytes; NULL where it is none or too long.
const uint8_t *framing_answer(const struct framing *framing);

struct transport {
    int socket;
    // The socket where `read` and `write` are ours, else -1.
    int served;
    // The connection's `SSL`; NULL without TLS.
    const void *ssl;
    int abort_descriptor;
    int connect_milliseconds;
    int reads_left;
    bool refuses_socket_pair;
    bool gathers;
    bool drained;
    bool ended;
    bool shielded;
    jmp_buf shield;
    int refusal;
    struct transport_bounds bounds;
    struct framing framing;
    size_t in_start, in_end;
    size_t out_start, out_end;
    struct transport_tls_trouble trouble;
    uint8_t in[TRANSPORT_BUFFER_BYTES];
    uint8_t out[TRANSPORT_BUFFER_BYTES];
};

/// The calling thread's transport, or NULL.
struct transport *transport_current(void);
