// A broker that is only fast: it serves one client a stream of bay messages, as fast as the client reads.
//
//     cc -O2 -Wall -Wextra -Werror -o stand-in-broker stand-in-broker.c
//     ./stand-in-broker --messages 2000000 --qos 1 --window 20
//
// It listens on a free port of 127.0.0.1 and prints {"port":N}, answers CONNECT (MQTT 3.1.1 and 5), SUBSCRIBE, PUBLISH and
// PINGREQ, then sends its messages after the first SUBSCRIBE. When all are sent, acknowledged (QoS 1) and have left
// its socket, it prints one line of JSON with the seconds since the first, says nothing more, and leaves when the
// client does. It checks nothing that a benchmark doesn't need: any other packet ends it with a message.
//
// The stream: facility by facility, then bay by bay, one message a bay a round. Each round is a second later than the
// one before and every bay's state is the other one, so that every message is news. Topic bath/f-NN/bay/MMM, payload
// {"occupied":false,"time":"2026-11-23T06:12:45.000Z",…}, padded so that a packet has --bytes bytes whatever the
// QoS and the protocol. A round is encoded once and its times, states and packet identifiers are rewritten in place.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct settings {
    long messages, facilities, bays, qos, window, bytes, timeout, linger;
};

// Where the changing parts of one encoded packet stand, counted from its first byte.
struct layout {
    size_t identifier, state, second;
};

struct stream {
    struct settings settings;
    struct layout *layouts;
    unsigned char *bytes;
    long per_round;  // packets in `bytes`
    long sent;       // messages that are wholly in the socket
    long acknowledged;
    long prepared;   // messages of this round that are up to date
    size_t offset;   // bytes of the round that are in the socket
};

struct client {
    int socket;
    int version;
    bool subscribed, gone;
    unsigned char input[65536];
    size_t filled;
    unsigned char output[1024];  // answers that wait for room between two publications
    size_t waiting;
};

static double deadline;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "stand-in-broker: %s\n", what);
    exit(1);
}

static _Noreturn void fail_errno(const char *call) {
    fprintf(stderr, "stand-in-broker: %s: %s\n", call, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0) fail_errno("clock_gettime");
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// ---- The stream

enum { second_length = 19 };  // 2026-11-23T06:12:45

// Writes the time of a round, one second after the other from a day ago: a round from the future would be a fault.
static void write_second(unsigned char *place, long round) {
    static time_t first;
    static long written = -1;
    static char text[second_length + 1];
    if (written != round) {
        if (first == 0) first = time(NULL) - 86400;
        time_t second = first + round % 86400;
        struct tm parts;
        if (gmtime_r(&second, &parts) == NULL) fail_errno("gmtime_r");
        if (strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) != second_length) fail("a time that no one can write");
        written = round;
    }
    memcpy(place, text, second_length);
}

// Writes one packet with a PUBLISH of exactly `settings->bytes` bytes and returns where its changing parts are.
static struct layout encode(unsigned char *packet, const struct settings *settings, int version, long facility,
                            long bay) {
    char topic[64];
    int topic_length = snprintf(topic, sizeof topic, "bath/f-%02ld/bay/%03ld", facility, bay);
    size_t total = (size_t)settings->bytes;
    size_t length_bytes = total - 2 < 128 ? 1 : total - 3 < 16384 ? 2 : 3;
    size_t remaining = total - 1 - length_bytes;
    struct layout layout = {0};
    unsigned char *end = packet;
    *end++ = (unsigned char)(0x30 | settings->qos << 1);
    for (size_t rest = remaining, index = 0; index < length_bytes; index++, rest >>= 7)
        *end++ = (unsigned char)((rest & 127) | (index + 1 < length_bytes ? 128 : 0));
    *end++ = (unsigned char)(topic_length >> 8);
    *end++ = (unsigned char)topic_length;
    memcpy(end, topic, (size_t)topic_length);
    end += topic_length;
    if (settings->qos > 0) {
        layout.identifier = (size_t)(end - packet);
        end += 2;
    }
    if (version == 5) *end++ = 0;  // no properties
    char head[96];
    int head_length = snprintf(head, sizeof head, "{\"occupied\":false,\"time\":\"%*s.000Z\"", second_length, "");
    size_t room = total - (size_t)(end - packet);
    if (end > packet + total || room < (size_t)head_length + 1) fail("--bytes is too small for these facilities and bays");
    layout.state = (size_t)(end - packet) + strlen("{\"occupied\":");
    layout.second = (size_t)(end - packet) + strlen("{\"occupied\":false,\"time\":\"");
    memcpy(end, head, (size_t)head_length);
    memset(end + head_length, ' ', room - (size_t)head_length - 1);
    // What is left becomes a field that no rule reads, where it has room; else spaces, which JSON allows.
    static const char field[] = ",\"sensor\":\"";
    size_t pad = room - (size_t)head_length - 1;
    if (pad >= sizeof field) {
        unsigned char *tail = end + head_length;
        memcpy(tail, field, sizeof field - 1);
        memset(tail + sizeof field - 1, 'x', pad - sizeof field);
        tail[pad - 1] = '"';
    }
    end[room - 1] = '}';
    return layout;
}

static void encode_round(struct stream *stream, int version) {
    const struct settings *settings = &stream->settings;
    stream->per_round = settings->facilities * settings->bays;
    stream->bytes = malloc((size_t)(stream->per_round * settings->bytes));
    stream->layouts = calloc((size_t)stream->per_round, sizeof *stream->layouts);
    if (stream->bytes == NULL || stream->layouts == NULL) fail("no memory for a round");
    for (long index = 0; index < stream->per_round; index++)
        stream->layouts[index] = encode(stream->bytes + index * settings->bytes, settings, version,
                                        index / settings->bays, index % settings->bays);
}

// Makes the next message of the round news.
static void refresh(struct stream *stream, long message) {
    long index = message % stream->per_round, round = message / stream->per_round;
    unsigned char *packet = stream->bytes + index * stream->settings.bytes;
    struct layout layout = stream->layouts[index];
    if (stream->settings.qos > 0) {
        long identifier = message % 65535 + 1;
        packet[layout.identifier] = (unsigned char)(identifier >> 8);
        packet[layout.identifier + 1] = (unsigned char)identifier;
    }
    memcpy(packet + layout.state, (round + index) % 2 == 0 ? "true " : "false", 5);
    write_second(packet + layout.second, round);
}

// Writes what the window, the socket and the round allow; whether it wrote anything.
static bool send_some(struct stream *stream, struct client *client) {
    const struct settings *settings = &stream->settings;
    long round_start = stream->sent - stream->sent % stream->per_round;
    long last = round_start + stream->per_round;
    if (last > settings->messages) last = settings->messages;
    if (settings->qos > 0 && last > stream->acknowledged + settings->window)
        last = stream->acknowledged + settings->window;
    // No more at once than a socket takes: what is prepared stays in the cache until it is written.
    long chunk = stream->sent + 262144 / settings->bytes + 1;
    if (last > chunk) last = chunk;
    while (stream->prepared < last) refresh(stream, stream->prepared++);
    size_t end = (size_t)((last - round_start) * settings->bytes);
    if (end <= stream->offset) return false;
    ssize_t written = write(client->socket, stream->bytes + stream->offset, end - stream->offset);
    if (written < 0) {
        if (errno == EAGAIN || errno == EINTR) return false;
        if (errno == EPIPE || errno == ECONNRESET) fail("the client left before it had everything");
        fail_errno("write");
    }
    stream->offset += (size_t)written;
    stream->sent = round_start + (long)(stream->offset / (size_t)settings->bytes);
    if (stream->offset == (size_t)(stream->per_round * settings->bytes)) stream->offset = 0;
    return written > 0;
}

// ---- The client's packets

static void answer(struct client *client, const unsigned char *bytes, size_t count) {
    if (client->waiting + count > sizeof client->output) fail("the client does not read its answers");
    memcpy(client->output + client->waiting, bytes, count);
    client->waiting += count;
}

static bool flush_answers(struct client *client) {
    if (client->waiting == 0) return true;
    ssize_t written = write(client->socket, client->output, client->waiting);
    if (written < 0) {
        if (errno == EAGAIN || errno == EINTR) return false;
        fail_errno("write");
    }
    memmove(client->output, client->output + written, client->waiting - (size_t)written);
    client->waiting -= (size_t)written;
    return client->waiting == 0;
}

static void handle_connect(struct client *client, const unsigned char *body, size_t length) {
    if (length < 7 || body[1] != 4 || memcmp(body + 2, "MQTT", 4) != 0) fail("a CONNECT that is neither 3.1.1 nor 5");
    client->version = body[6];
    if (client->version == 4) answer(client, (const unsigned char[]){0x20, 2, 0, 0}, 4);
    else if (client->version == 5) answer(client, (const unsigned char[]){0x20, 3, 0, 0, 0}, 5);
    else fail("a CONNECT that is neither 3.1.1 nor 5");
}

// Counts the filters of a SUBSCRIBE and grants each the QoS of the stream.
static void handle_subscribe(struct client *client, const unsigned char *body, size_t length, long qos) {
    if (client->version == 0) fail("a SUBSCRIBE before the CONNECT");
    size_t at = 2, filters = 0;
    if (client->version == 5) {
        size_t properties = 0;
        for (int shift = 0; at < length && shift < 28; shift += 7) {
            properties |= (size_t)(body[at] & 127) << shift;
            if ((body[at++] & 128) == 0) break;
        }
        at += properties;
    }
    while (at + 2 <= length) {
        at += 2 + ((size_t)body[at] << 8 | body[at + 1]) + 1;
        filters++;
    }
    if (at != length || filters == 0 || filters > 100) fail("a SUBSCRIBE that is malformed or has over 100 filters");
    unsigned char packet[128] = {0x90};
    size_t count = 2;
    packet[count++] = body[0];
    packet[count++] = body[1];
    if (client->version == 5) packet[count++] = 0;
    for (size_t index = 0; index < filters; index++) packet[count++] = (unsigned char)qos;
    packet[1] = (unsigned char)(count - 2);
    answer(client, packet, count);
    client->subscribed = true;
}

// A client's own message, such as its birth: taken, acknowledged where it asks for that, and forgotten.
static void handle_publish(struct client *client, unsigned char kind, const unsigned char *body, size_t length) {
    if ((kind >> 1 & 3) == 0) return;
    size_t topic = length < 2 ? 0 : (size_t)body[0] << 8 | body[1];
    if ((kind >> 1 & 3) != 1 || topic + 4 > length) fail("a PUBLISH that is malformed or at QoS 2");
    answer(client, (const unsigned char[]){0x40, 2, body[topic + 2], body[topic + 3]}, 4);
}

static void handle(struct client *client, struct stream *stream, unsigned char kind, const unsigned char *body,
                   size_t length) {
    switch (kind >> 4) {
    case 1: handle_connect(client, body, length); break;
    case 3: handle_publish(client, kind, body, length); break;
    case 4:
        // In the order of the messages, as MQTT 5.0, 4.6 has it: so the identifier tells which is meant.
        if (length < 2 || (body[0] << 8 | body[1]) != stream->acknowledged % 65535 + 1 ||
            stream->acknowledged >= stream->sent)
            fail("a PUBACK out of order");
        stream->acknowledged++;
        break;
    case 8: handle_subscribe(client, body, length, stream->settings.qos); break;
    case 12: answer(client, (const unsigned char[]){0xd0, 0}, 2); break;
    case 14: client->gone = true; break;
    default: fail("a packet that is no CONNECT, SUBSCRIBE, PUBLISH, PUBACK, PINGREQ or DISCONNECT");
    }
}

// Handles each packet that is wholly there.
static void handle_input(struct client *client, struct stream *stream) {
    size_t at = 0;
    while (!client->gone) {
        size_t length = 0, header = 1;
        for (bool more = true; more; header++) {
            if (header == 5) fail("a packet whose length is malformed");
            if (at + header >= client->filled) goto incomplete;
            length |= (size_t)(client->input[at + header] & 127) << 7 * (header - 1);
            more = (client->input[at + header] & 128) != 0;
        }
        if (header + length > sizeof client->input) fail("a packet of more than 64 KiB");
        if (at + header + length > client->filled) break;
        handle(client, stream, client->input[at], client->input + at + header, length);
        at += header + length;
    }
incomplete:
    memmove(client->input, client->input + at, client->filled - at);
    client->filled -= at;
}

static void read_input(struct client *client, struct stream *stream) {
    for (;;) {
        ssize_t count = read(client->socket, client->input + client->filled, sizeof client->input - client->filled);
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != ECONNRESET) fail_errno("read");
        if (count <= 0) {
            client->gone = true;
            return;
        }
        client->filled += (size_t)count;
        handle_input(client, stream);
        if (client->gone) return;
    }
}

// ---- The run

// Waits for the socket, at most until `until`; false when that time has come.
static bool wait_for(struct client *client, short events, double until) {
    double rest = until - now();
    if (rest <= 0) return false;
    struct pollfd descriptor = {.fd = client->socket, .events = events};
    int milliseconds = rest > 3600 ? 3600000 : (int)(rest * 1000) + 1;
    if (poll(&descriptor, 1, milliseconds) < 0 && errno != EINTR) fail_errno("poll");
    return true;
}

static void subscribe(struct client *client, struct stream *stream) {
    while (!client->subscribed || client->waiting > 0) {
        if (client->gone) fail("the client left before it subscribed");
        if (!wait_for(client, client->waiting > 0 ? POLLIN | POLLOUT : POLLIN, deadline))
            fail("--timeout: the client did not subscribe");
        read_input(client, stream);
        flush_answers(client);
    }
}

static void send_all(struct client *client, struct stream *stream) {
    const struct settings *settings = &stream->settings;
    while (stream->sent < settings->messages || client->waiting > 0 ||
           (settings->qos > 0 && stream->acknowledged < settings->messages)) {
        if (client->gone) fail("the client left before it had everything");
        // An answer goes between two packets, never into one.
        bool between = stream->offset % (size_t)settings->bytes == 0;
        bool blocked = between && !flush_answers(client);
        bool wrote = !blocked && send_some(stream, client);
        if (wrote && settings->qos == 0) {
            if (now() > deadline) fail("--timeout: the client did not read everything");
            struct pollfd descriptor = {.fd = client->socket, .events = POLLIN};
            if (poll(&descriptor, 1, 0) == 0) continue;
        }
        bool windowed = settings->qos > 0 && stream->sent - stream->acknowledged >= settings->window;
        bool finished = stream->sent == settings->messages;
        bool wants_out = client->waiting > 0 || (!windowed && !finished) || !between;
        if (!wait_for(client, wants_out ? POLLIN | POLLOUT : POLLIN, deadline))
            fail("--timeout: the client did not read and acknowledge everything");
        read_input(client, stream);
    }
}

// Waits until the client's kernel has every byte.
static void drain(struct client *client) {
    for (;;) {
        int queued = 0;
        if (ioctl(client->socket, SIOCOUTQ, &queued) != 0) fail_errno("SIOCOUTQ");
        if (queued == 0) return;
        if (now() > deadline) fail("--timeout: the client did not read everything");
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

// Answers pings until the client leaves or the time is over.
static void linger(struct client *client, struct stream *stream) {
    double until = now() + (double)stream->settings.linger;
    if (until > deadline) until = deadline;
    while (!client->gone && wait_for(client, client->waiting > 0 ? POLLIN | POLLOUT : POLLIN, until)) {
        read_input(client, stream);
        if (!client->gone) flush_answers(client);
    }
}

static long number(const char *name, const char *text, long lowest, long highest) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno == 0 && *text != '\0' && *end == '\0' && value >= lowest && value <= highest) return value;
    fprintf(stderr, "stand-in-broker: --%s is %ld to %ld, not '%s'\n", name, lowest, highest, text);
    exit(2);
}

static struct settings parse(int count, char **arguments) {
    struct settings settings = {
        .messages = 1000000, .facilities = 40, .bays = 500, .qos = 0, .window = 20, .bytes = 119, .timeout = 60,
        .linger = 10};
    const struct {
        const char *name;
        long *value, lowest, highest;
    } known[] = {
        {"messages", &settings.messages, 1, 1000000000}, {"facilities", &settings.facilities, 1, 10000},
        {"bays", &settings.bays, 1, 10000},              {"qos", &settings.qos, 0, 1},
        {"window", &settings.window, 1, 65535},          {"bytes", &settings.bytes, 90, 60000},
        {"timeout", &settings.timeout, 1, 86400},        {"linger", &settings.linger, 0, 86400},
    };
    enum { options = sizeof known / sizeof known[0] };
    struct option table[options + 1] = {0};
    for (int index = 0; index < options; index++) table[index] = (struct option){known[index].name, 1, NULL, 0};
    int index = 0, result;
    while ((result = getopt_long(count, arguments, "", table, &index)) == 0)
        *known[index].value = number(known[index].name, optarg, known[index].lowest, known[index].highest);
    if (result != -1 || optind != count) exit(2);
    // An acknowledgement names one of 65,535 identifiers, and a round is kept in memory whole.
    if (settings.facilities * settings.bays > 2000000) fail("more than 2,000,000 bays");
    return settings;
}

static int listen_and_accept(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener < 0) fail_errno("socket");
    if (bind(listener, (struct sockaddr *)&address, length) != 0) fail_errno("bind");
    if (listen(listener, 1) != 0) fail_errno("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail_errno("getsockname");
    printf("{\"port\":%d}\n", ntohs(address.sin_port));
    if (fflush(stdout) != 0) fail_errno("stdout");
    struct pollfd descriptor = {.fd = listener, .events = POLLIN};
    int ready = poll(&descriptor, 1, (int)((deadline - now()) * 1000));
    if (ready < 0) fail_errno("poll");
    if (ready == 0) fail("--timeout: no client came");
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) fail_errno("accept");
    close(listener);
    int one = 1;
    if (setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) fail_errno("TCP_NODELAY");
    return client;
}

int main(int count, char **arguments) {
    struct stream stream = {.settings = parse(count, arguments)};
    static struct client client;
    deadline = now() + (double)stream.settings.timeout;
    if (setvbuf(stdout, NULL, _IOLBF, 0) != 0) fail_errno("setvbuf");
    client.socket = listen_and_accept();
    subscribe(&client, &stream);
    encode_round(&stream, client.version);
    double start = now();
    send_all(&client, &stream);
    drain(&client);
    double seconds = now() - start;
    printf("{\"messages\":%ld,\"seconds\":%.6f,\"messages_per_second\":%.0f,\"bytes\":%ld,\"qos\":%ld,\"version\":%d}\n",
           stream.sent, seconds, (double)stream.sent / seconds, stream.settings.bytes, stream.settings.qos,
           client.version);
    linger(&client, &stream);
    return 0;
}
