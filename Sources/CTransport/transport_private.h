#pragma once
#include <setjmp.h>

#include "CTransport.h"

// 64 KiB hold some 500 sensor messages: at that number the system call costs less than a hundredth
// of the rest.
enum { TRANSPORT_BUFFER_BYTES = 64 * 1024 };

struct transport {
    int socket;
    // The socket where `read` and `write` are ours, else -1.
    int served;
    int abort_descriptor;
    int connect_milliseconds;
    int reads_left;
    bool refuses_socket_pair;
    bool gathers;
    bool drained;
    bool ended;
    bool oversized;
    bool shielded;
    jmp_buf shield;
    size_t largest_read;
    size_t in_start, in_end;
    size_t out_start, out_end;
    struct transport_tls_trouble trouble;
    uint8_t in[TRANSPORT_BUFFER_BYTES];
    uint8_t out[TRANSPORT_BUFFER_BYTES];
};

/// The calling thread's transport, or NULL.
struct transport *transport_current(void);
