#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "transport_private.h"

// initial-exec: `read` is also called from signal handlers, where a thread-local variable must not
// be allocated.
static _Thread_local struct transport *current __attribute__((tls_model("initial-exec")));

struct transport *transport_current(void) { return current; }

// What would be called without us

typedef ssize_t (*read_function)(int, void *, size_t);
typedef ssize_t (*write_function)(int, const void *, size_t);
typedef int (*connect_function)(int, const struct sockaddr *, socklen_t);
typedef int (*socketpair_function)(int, int, int, int[2]);
typedef int (*getaddrinfo_function)(
    const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef int (*ssl_read_function)(SSL *, void *, int);
typedef void (*assert_function)(const char *, const char *, unsigned, const char *);

static read_function next_read;
static write_function next_write;
static connect_function next_connect;
static socketpair_function next_socketpair;
static getaddrinfo_function next_getaddrinfo;
static ssl_read_function next_ssl_read;
static assert_function next_assert_fail;

// Before main, on the only thread: dlsym may take locks and memory, which `read` in a signal
// handler must not.
__attribute__((constructor(101))) static void find_next(void) {
    next_getaddrinfo = (getaddrinfo_function)dlsym(RTLD_NEXT, "getaddrinfo");
    next_socketpair = (socketpair_function)dlsym(RTLD_NEXT, "socketpair");
    next_connect = (connect_function)dlsym(RTLD_NEXT, "connect");
    next_write = (write_function)dlsym(RTLD_NEXT, "write");
    next_ssl_read = (ssl_read_function)dlsym(RTLD_NEXT, "SSL_read");
    next_assert_fail = (assert_function)dlsym(RTLD_NEXT, "__assert_fail");
    next_read = (read_function)dlsym(RTLD_NEXT, "read");
}

// Other constructors may run before ours: until then the kernel is asked directly.
static ssize_t system_read(int descriptor, void *buffer, size_t count) {
    if (next_read) return next_read(descriptor, buffer, count);
    return syscall(SYS_read, descriptor, buffer, count);
}

static ssize_t system_write(int descriptor, const void *buffer, size_t count) {
    if (next_write) return next_write(descriptor, buffer, count);
    return syscall(SYS_write, descriptor, buffer, count);
}

static int system_connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    if (next_connect) return next_connect(descriptor, address, length);
    return (int)syscall(SYS_connect, descriptor, address, length);
}

static int system_socketpair(int domain, int type, int protocol, int pair[2]) {
    if (next_socketpair) return next_socketpair(domain, type, protocol, pair);
    return (int)syscall(SYS_socketpair, domain, type, protocol, pair);
}

static int system_getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    if (next_getaddrinfo) return next_getaddrinfo(node, service, hints, result);
    return EAI_AGAIN;
}

static int system_ssl_read(SSL *ssl, void *buffer, int count) {
    if (next_ssl_read) return next_ssl_read(ssl, buffer, count);
    return -1;
}

// Reading ahead

static ssize_t noted(struct transport *transport, ssize_t count, size_t asked) {
    if (count > 0) {
        transport->drained = (size_t)count < asked;
    } else {
        transport->drained = true;
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) transport->ended = true;
    }
    return count;
}

static ssize_t read_ahead(struct transport *transport, void *buffer, size_t count) {
    if (transport->in_start == transport->in_end) {
        if (transport->reads_left <= 0) {
            errno = EAGAIN;
            return -1;
        }
        transport->reads_left--;
        // What is larger than the buffer goes straight to where it is wanted.
        if (count >= sizeof transport->in) {
            return noted(transport, system_read(transport->socket, buffer, count), count);
        }
        ssize_t filled = noted(
            transport, system_read(transport->socket, transport->in, sizeof transport->in),
            sizeof transport->in);
        if (filled <= 0) return filled;
        transport->in_start = 0;
        transport->in_end = (size_t)filled;
    }
    size_t available = transport->in_end - transport->in_start;
    if (count > available) count = available;
    memcpy(buffer, transport->in + transport->in_start, count);
    transport->in_start += count;
    return (ssize_t)count;
}

// Following packets

/// Takes note of what was read for libmosquitto; a refusal is an error of the read.
static ssize_t followed(struct transport *transport, const void *buffer, ssize_t count) {
    if (count <= 0) return count;
    int refusal = framing_follow(
        &transport->framing, buffer, (size_t)count, &transport->bounds);
    if (!refusal) return count;
    transport->refusal = refusal;
    errno = EBADMSG;
    return -1;
}

// Writing behind

int transport_flush(struct transport *transport) {
    while (transport->out_start < transport->out_end) {
        ssize_t written = system_write(
            transport->socket, transport->out + transport->out_start,
            transport->out_end - transport->out_start);
        if (written < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? 1 : -1;
        }
        transport->out_start += (size_t)written;
    }
    transport->out_start = transport->out_end = 0;
    return 0;
}

static ssize_t write_behind(struct transport *transport, const void *buffer, size_t count) {
    size_t space = sizeof transport->out - transport->out_end;
    if (!transport->gathers || count > space) {
        int rest = transport_flush(transport);
        if (rest < 0) return -1;
        if (rest > 0) {
            errno = EAGAIN;
            return -1;
        }
        if (!transport->gathers || count > sizeof transport->out) {
            return system_write(transport->socket, buffer, count);
        }
    }
    memcpy(transport->out + transport->out_end, buffer, count);
    transport->out_end += count;
    return (ssize_t)count;
}

// Connecting within bounds

static int64_t now_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// Waits for an event; 1 it came, 0 time is up, -1 aborted.
static int wait_for(struct transport *transport, int descriptor, short events, int64_t deadline) {
    for (;;) {
        struct pollfd waits[2] = {
            {.fd = descriptor, .events = events},
            {.fd = transport->abort_descriptor, .events = POLLIN},
        };
        int64_t left = deadline - now_milliseconds();
        int ready = poll(waits, 2, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return 0;
        if (waits[1].revents) return -1;
        return 1;
    }
}

static int connect_within(
    struct transport *transport, int descriptor, const struct sockaddr *address, socklen_t length) {
    int64_t deadline = now_milliseconds() + transport->connect_milliseconds;
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
    int problem = 0;
    if (system_connect(descriptor, address, length) < 0) {
        problem = errno;
        if (problem == EINPROGRESS || problem == EINTR) {
            switch (wait_for(transport, descriptor, POLLOUT, deadline)) {
            case 1: {
                socklen_t size = sizeof problem;
                if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size) < 0) {
                    problem = errno;
                }
                break;
            }
            case 0: problem = ETIMEDOUT; break;
            default: problem = ECANCELED; break;
            }
        }
    }
    if (fcntl(descriptor, F_SETFL, flags) < 0 && !problem) problem = errno;
    errno = problem;
    return problem ? -1 : 0;
}

// A name look-up can't be ended: it gets a thread of its own that is left behind where nobody waits
// any longer.

struct look_up {
    atomic_int owners;
    // Says what the eventfd says, in a form that the memory model knows.
    atomic_bool is_done;
    int done;
    int status;
    struct addrinfo hints;
    struct addrinfo *result;
    char node[];
};

static void look_up_release(struct look_up *look_up) {
    if (atomic_fetch_sub(&look_up->owners, 1) > 1) return;
    if (look_up->result) freeaddrinfo(look_up->result);
    close(look_up->done);
    free(look_up);
}

static void *look_up_main(void *argument) {
    struct look_up *look_up = argument;
    look_up->status = system_getaddrinfo(look_up->node, NULL, &look_up->hints, &look_up->result);
    if (look_up->status) look_up->result = NULL;
    atomic_store(&look_up->is_done, true);
    eventfd_write(look_up->done, 1);
    look_up_release(look_up);
    return NULL;
}

static struct look_up *look_up_start(const char *node, const struct addrinfo *hints) {
    size_t size = strlen(node) + 1;
    struct look_up *look_up = calloc(1, sizeof *look_up + size);
    if (!look_up) return NULL;
    memcpy(look_up->node, node, size);
    if (hints) look_up->hints = *hints;
    atomic_init(&look_up->owners, 2);
    look_up->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_t thread;
    if (look_up->done >= 0 && pthread_create(&thread, NULL, look_up_main, look_up) == 0) {
        pthread_detach(thread);
        return look_up;
    }
    if (look_up->done >= 0) close(look_up->done);
    free(look_up);
    return NULL;
}

static int getaddrinfo_within(
    struct transport *transport, const char *node, const struct addrinfo *hints,
    struct addrinfo **result) {
    struct addrinfo numeric = {.ai_family = AF_UNSPEC};
    if (hints) numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    if (system_getaddrinfo(node, NULL, &numeric, result) == 0) return 0;

    int64_t deadline = now_milliseconds() + transport->connect_milliseconds;
    struct look_up *look_up = look_up_start(node, hints);
    if (!look_up) return EAI_MEMORY;
    int status;
    int event = wait_for(transport, look_up->done, POLLIN, deadline);
    if (event < 0) {
        status = EAI_CANCELED;
    } else if (event > 0 && atomic_load(&look_up->is_done)) {
        status = look_up->status;
        *result = look_up->result;
        look_up->result = NULL;
    } else {
        status = EAI_AGAIN;
    }
    look_up_release(look_up);
    return status;
}

// Surviving an assertion

int transport_shielded(
    struct transport *transport, int (*read_packet)(struct mosquitto *, int),
    struct mosquitto *client) {
    if (_setjmp(transport->shield)) {
        transport->shielded = false;
        return TRANSPORT_ASSERTED;
    }
    transport->shielded = true;
    int result = read_packet(client, 1);
    transport->shielded = false;
    return result;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
// What libmosquitto had allocated before that assertion is lost with it.
const char *__lsan_default_suppressions(void) { return "leak:libmosquitto.so\n"; }
#endif
#endif

// glibc's own name for what `assert` calls. Between here and `_setjmp` are frames of libmosquitto
// alone: it parses properties before it calls anybody back, and without holding a lock.
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function) {
    struct transport *transport = current;
    if (transport && transport->shielded && function && strcmp(function, "log__printf") == 0) {
        _longjmp(transport->shield, 1);
    }
    if (next_assert_fail) next_assert_fail(assertion, file, line, function);
    abort();
}

// The six names

ssize_t read(int descriptor, void *buffer, size_t count) {
    struct transport *transport = current;
    if (!transport || descriptor != transport->served || descriptor < 0) {
        return system_read(descriptor, buffer, count);
    }
    // Below TLS there are no packets yet.
    if (transport->ssl) return read_ahead(transport, buffer, count);
    count = framing_room(&transport->framing, count);
    return followed(transport, buffer, read_ahead(transport, buffer, count));
}

int SSL_read(SSL *ssl, void *buffer, int count) {
    struct transport *transport = current;
    if (!transport || transport->served < 0 || ssl != transport->ssl || count <= 0) {
        return system_ssl_read(ssl, buffer, count);
    }
    count = (int)framing_room(&transport->framing, (size_t)count);
    return (int)followed(transport, buffer, system_ssl_read(ssl, buffer, count));
}

ssize_t write(int descriptor, const void *buffer, size_t count) {
    struct transport *transport = current;
    if (!transport || descriptor != transport->served || descriptor < 0) {
        return system_write(descriptor, buffer, count);
    }
    return write_behind(transport, buffer, count);
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    struct transport *transport = current;
    if (!transport || transport->connect_milliseconds <= 0) {
        return system_connect(descriptor, address, length);
    }
    return connect_within(transport, descriptor, address, length);
}

int socketpair(int domain, int type, int protocol, int pair[2]) {
    struct transport *transport = current;
    if (transport && transport->refuses_socket_pair) {
        errno = EMFILE;
        return -1;
    }
    return system_socketpair(domain, type, protocol, pair);
}

int getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    struct transport *transport = current;
    if (!transport || transport->connect_milliseconds <= 0 || !node || service) {
        return system_getaddrinfo(node, service, hints, result);
    }
    return getaddrinfo_within(transport, node, hints, result);
}

bool transport_is_interposed(void) {
    return next_read && next_write && next_connect && next_socketpair && next_getaddrinfo
        && next_ssl_read
        && dlsym(RTLD_DEFAULT, "read") == (void *)read
        && dlsym(RTLD_DEFAULT, "write") == (void *)write
        && dlsym(RTLD_DEFAULT, "connect") == (void *)connect
        && dlsym(RTLD_DEFAULT, "socketpair") == (void *)socketpair
        && dlsym(RTLD_DEFAULT, "getaddrinfo") == (void *)getaddrinfo
        && dlsym(RTLD_DEFAULT, "SSL_read") == (void *)SSL_read;
}

// The abort descriptor

int transport_abort_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void transport_abort_raise(int descriptor) { eventfd_write(descriptor, 1); }

bool transport_abort_wait(int descriptor, int milliseconds) {
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    return poll(&wait, 1, milliseconds) > 0;
}

void transport_abort_destroy(int descriptor) { close(descriptor); }

// A transport's life

struct transport *transport_create(int abort_descriptor) {
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport) return NULL;
    transport->socket = transport->served = -1;
    transport->abort_descriptor = abort_descriptor;
    transport->gathers = true;
    transport->trouble.sent_alert = -1;
    transport->trouble.received_alert = -1;
    return transport;
}

void transport_destroy(struct transport *transport) { free(transport); }

void transport_enter(struct transport *transport) { current = transport; }

void transport_refuse_socket_pair(struct transport *transport, bool refuses) {
    transport->refuses_socket_pair = refuses;
}

void transport_bound_connecting(struct transport *transport, int milliseconds) {
    transport->connect_milliseconds = milliseconds;
}

// These only hasten what keep alive notices anyway, so that a kernel that refuses one is no
// failure.
static void notice_dead_peer(int socket, int timeout_seconds) {
    int on = 1, probes = 3, idle = timeout_seconds, interval = timeout_seconds / 3;
    unsigned timeout_milliseconds = (unsigned)timeout_seconds * 1000;
    if (interval < 1) interval = 1;
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(
        socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_milliseconds, sizeof timeout_milliseconds);
}

void transport_attach(
    struct transport *transport, int socket, const void *ssl, int timeout_seconds,
    struct transport_bounds bounds) {
    transport_detach(transport);
    notice_dead_peer(socket, timeout_seconds);
    transport->socket = socket;
    transport->ssl = ssl;
    transport->served = transport_is_interposed() ? socket : -1;
    transport->bounds = bounds;
}

void transport_detach(struct transport *transport) {
    transport->socket = transport->served = -1;
    transport->ssl = NULL;
    transport->in_start = transport->in_end = 0;
    transport->out_start = transport->out_end = 0;
    transport->drained = true;
}

void transport_begin_batch(struct transport *transport, int reads) {
    transport->reads_left = reads;
}

bool transport_may_read(const struct transport *transport) { return transport->reads_left > 0; }

bool transport_has_more(const struct transport *transport) {
    if (transport->in_start < transport->in_end) return true;
    if (transport->ssl && SSL_pending(transport->ssl) > 0) return true;
    if (transport->served >= 0) return !transport->drained;
    int waiting = 0;
    return ioctl(transport->socket, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool transport_has_ended(const struct transport *transport) {
    if (transport->served >= 0) return transport->ended;
    uint8_t byte;
    ssize_t count = recv(transport->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

int transport_refusal(const struct transport *transport) { return transport->refusal; }

void transport_release(struct transport *transport) { framing_release(&transport->framing); }

int transport_first_byte(const struct transport *transport) {
    return transport->served >= 0 ? transport->framing.first : -1;
}

const uint8_t *transport_answer(const struct transport *transport, size_t *count) {
    const uint8_t *answer =
        transport->served >= 0 ? framing_answer(&transport->framing) : NULL;
    *count = answer ? transport->framing.length : 0;
    return answer;
}

int transport_wait(
    const struct transport *transport, int events_wanted, bool abortable, int milliseconds) {
    short wanted = (short)((events_wanted & TRANSPORT_READABLE ? POLLIN : 0)
        | (events_wanted & TRANSPORT_WRITABLE ? POLLOUT : 0));
    struct pollfd waits[2] = {
        {.fd = transport->socket, .events = wanted},
        {.fd = abortable ? transport->abort_descriptor : -1, .events = POLLIN},
    };
    // Interrupted is like time up: whoever waits looks around and waits again.
    if (poll(waits, 2, milliseconds) <= 0) return 0;
    int events = 0;
    if (waits[0].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) events |= TRANSPORT_READABLE;
    if (waits[0].revents & POLLOUT) events |= TRANSPORT_WRITABLE;
    if (waits[1].revents) events |= TRANSPORT_ABORTED;
    return events;
}

void transport_gather(struct transport *transport, bool gathers) { transport->gathers = gathers; }
