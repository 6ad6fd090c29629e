#pragma once
/// What libmosquitto 2.0.11 can't do for a daemon, done between it and the system.
///
/// libmosquitto reads three or four times for each message, writes each four-byte acknowledgement
/// on its own, connects and resolves names without a bound, and checks certificates without saying
/// what is wrong with them. It takes packets of any size, and keeps to itself whether a message is
/// a redelivery and what a broker answers to an UNSUBSCRIBE. It has no interface to change any of
/// that, but it reaches the system through `read`, `write`, `connect`, `getaddrinfo` and
/// `socketpair`, and TLS through `SSL_read`, like everybody else. This target defines those six. An
/// executable's own definition comes before a library's in the dynamic linker's search, so that
/// libmosquitto and OpenSSL find ours.
///
/// Ours do something else only on a thread that has entered a transport, and there only for that
/// transport's socket (read, write, SSL_read) or while it says so (connect, getaddrinfo,
/// socketpair). Every other call of the process goes to whatever would have been called without us
/// (`RTLD_NEXT`), arguments, result and errno untouched.
///
/// Where another definition wins (`transport_is_interposed` tells), everything still works: slower,
/// with the system's own bounds on connecting, without a bound on a packet's size, and without
/// knowledge of the packet in hand.
///
/// Threads: a transport belongs to the thread that entered it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One connection's way to the system.
struct transport;

/// Whether libmosquitto and OpenSSL reach each other and the system through this target.
bool transport_is_interposed(void);

/// A descriptor that wakes its waiters once and for all when it is raised, from any thread; -1
/// where there is none left.
int transport_abort_create(void);

/// Wakes all who wait, now and later.
void transport_abort_raise(int descriptor);

/// Waits; true if it was raised.
bool transport_abort_wait(int descriptor, int milliseconds);

/// Closes it.
void transport_abort_destroy(int descriptor);

/// A transport without a socket; NULL where memory is short.
///
/// `abort_descriptor` ends a bounded connect or name look-up when it becomes readable; -1 is none.
struct transport *transport_create(int abort_descriptor);

/// Frees a transport that no thread has entered.
void transport_destroy(struct transport *transport);

/// Makes this the calling thread's transport, or no transport where it is NULL.
void transport_enter(struct transport *transport);

/// While set, `socketpair` fails on this thread.
///
/// libmosquitto opens a pair to wake its own loop, which isn't used here, and then writes a byte
/// into it for every packet that it queues. Without the pair it doesn't.
void transport_refuse_socket_pair(struct transport *transport, bool refuses);

/// While positive, each `connect` and each `getaddrinfo` on this thread takes no longer than this,
/// and ends when the abort descriptor becomes readable: `ETIMEDOUT` and `EAI_AGAIN`, `ECANCELED`
/// and `EAI_CANCELED`.
void transport_bound_connecting(struct transport *transport, int milliseconds);

/// What a broker may make libmosquitto keep; 0 is no bound.
struct transport_bounds {
    /// The largest remaining length of a packet.
    size_t largest_rest;
    /// The same of a message at QoS 2, which libmosquitto holds until the broker releases it.
    size_t largest_held;
    /// How many of those it holds. libmosquitto 2.0.11 counts them, too, but believes any PUBREL, and
    /// with MQTT 3.1.1 it doesn't.
    uint32_t most_held;
};

/// From now on this socket (under `ssl`, where that is not NULL) is served from the read-ahead, its
/// writes are gathered, and the packets that come are followed.
///
/// Also sets what the system should know about it: dead peers are noticed within about
/// `timeout_seconds` (keep-alive probes, `TCP_USER_TIMEOUT`). A packet that crosses one of the bounds
/// is refused while its length is read, before libmosquitto reserves memory for it; so are
/// acknowledgements with more than 4 KiB of properties in all.
void transport_attach(
    struct transport *transport, int socket, const void *ssl, int timeout_seconds,
    struct transport_bounds bounds);

/// The socket is closed, or about to be: forget it and what is buffered for it.
void transport_detach(struct transport *transport);

/// Starts a batch: the socket itself is read at most `reads` times, then `read` says `EAGAIN` until
/// the next batch.
void transport_begin_batch(struct transport *transport, int reads);

/// Whether a read would probably yield bytes without waiting: from the read-ahead, from TLS, or from
/// the socket.
bool transport_has_more(const struct transport *transport);

/// Whether this batch may read the socket again.
bool transport_may_read(const struct transport *transport);

/// Whether the socket's end (or an error) was seen by a read.
bool transport_has_ended(const struct transport *transport);

struct mosquitto;

/// What `transport_shielded` returns where an assertion failed; no result code of libmosquitto.
enum { TRANSPORT_ASSERTED = -100 };

/// Calls `read_packet` (`mosquitto_loop_read`), and survives the assertion that a broker can fail.
///
/// libmosquitto 2.0.11 wants to log a property that it doesn't know (MQTT 5.0) without saying for
/// which client, and its `log__printf` asserts that there is one: any broker could end the whole
/// process. That one assertion leads back here with `TRANSPORT_ASSERTED`; the client can then only
/// be destroyed. All others abort as ever.
int transport_shielded(
    struct transport *transport, int (*read_packet)(struct mosquitto *client, int max_packets),
    struct mosquitto *client);

/// Why `transport_refusal` says that a packet was refused: it is larger than agreed, it is none, or it is
/// one too many.
enum { TRANSPORT_OVERSIZED = 1, TRANSPORT_MALFORMED = 2, TRANSPORT_EXCESSIVE = 3 };

/// Why a packet was refused while its first bytes were read; 0 where none was.
int transport_refusal(const struct transport *transport);

/// libmosquitto has handed over a message at QoS 2, and holds it no longer.
void transport_release(struct transport *transport);

/// The first byte of the packet in hand (type and flags), in a callback of libmosquitto the one that
/// led there; -1 where it is unknown.
int transport_first_byte(const struct transport *transport);

/// What follows the fixed header of the UNSUBACK in hand, until the next packet is read; NULL where
/// it is unknown, or longer than 4 KiB.
const uint8_t *transport_answer(const struct transport *transport, size_t *count);

/// What `transport_wait` saw.
enum { TRANSPORT_READABLE = 1, TRANSPORT_WRITABLE = 2, TRANSPORT_ABORTED = 4 };

/// Waits (with poll: any descriptor number will do) until the socket is what is wished, readable or
/// writable, or, where wished, aborted; 0 when the time is up. An error of the socket counts as
/// readable, wished or not: the next read tells which.
int transport_wait(
    const struct transport *transport, int events_wanted, bool abortable, int milliseconds);

/// While unset, writes go straight to the socket, after what is gathered.
void transport_gather(struct transport *transport, bool gathers);

/// Writes what is gathered: 0 all of it, 1 not yet all (wait until the socket is writable), -1 an
/// error (errno).
int transport_flush(struct transport *transport);

// TLS

/// Certificates and keys as paths to PEM files; NULL where there is none.
struct transport_tls_files {
    const char *authorities;
    const char *certificate;
    const char *key;
};

/// A TLS context (`SSL_CTX`) that trusts the authorities (the system's where there are none),
/// accepts `host` alone and speaks TLS 1.2 and later; NULL with a text where a file can't be used.
void *transport_tls_create(
    const struct transport_tls_files *files, const char *host, char *problem, size_t problem_size);

/// Gives one reference of the context back.
void transport_tls_release(void *context);

/// Whether the handshake of this `SSL` still goes on; false for NULL.
bool transport_tls_is_shaking_hands(const void *ssl);

/// Whether that handshake waits until it can write.
bool transport_tls_waits_to_write(const void *ssl);

/// What went wrong with TLS on this transport.
struct transport_tls_trouble {
    /// The `X509_V_ERR_…` of the server's certificate, or 0.
    int verification;
    /// The fatal alert that we sent, or -1.
    int sent_alert;
    /// The fatal alert that the server sent, or -1.
    int received_alert;
};

/// What went wrong with TLS on this transport since it was created.
struct transport_tls_trouble transport_tls_trouble(const struct transport *transport);

/// OpenSSL's words for an `X509_V_ERR_…`.
const char *transport_tls_verification_text(int verification);

/// OpenSSL's words for an alert.
const char *transport_tls_alert_text(int alert);
