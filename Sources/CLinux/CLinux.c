#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *clinux_error_words(int code) {
    const char *words = strerrordesc_np(code);
    return words ? words : "unknown error";
}

const char *clinux_error_name(int code) {
    const char *name = strerrorname_np(code);
    return name ? name : "E?";
}

int clinux_lock_file(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno == EACCES ? EAGAIN : errno;
}

void clinux_unlock_file(int descriptor) {
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    // Fails for no descriptor that was locked before.
    (void)fcntl(descriptor, F_OFD_SETLK, &lock);
}

int clinux_is_file_locked(int descriptor, int *is_locked) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return errno;
    *is_locked = lock.l_type != F_UNLCK;
    return 0;
}

int clinux_mount_identifier(int descriptor, uint64_t *identifier) {
    struct statx status;
    *identifier = 0;
    if (statx(descriptor, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) return errno;
    if (status.stx_mask & STATX_MNT_ID) *identifier = status.stx_mnt_id;
    return 0;
}

int clinux_send_datagram(
    const uint8_t *address, size_t address_count, const uint8_t *message, size_t message_count) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (address_count == 0 || address_count >= sizeof name.sun_path) return ENAMETOOLONG;
    memcpy(name.sun_path, address, address_count);
    // An abstract name begins with NUL and is as long as the address says; it has no NUL at its end.
    if (name.sun_path[0] == '@') name.sun_path[0] = 0;

    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address_count);
    ssize_t sent;
    do {
        sent = sendto(descriptor, message, message_count, MSG_NOSIGNAL, (struct sockaddr *)&name, length);
    } while (sent < 0 && errno == EINTR);
    int code = sent < 0 ? errno : 0;
    close(descriptor);
    return code;
}

struct start {
    void (*body)(void *);
    void *context;
};

static void *run(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    start.body(start.context);
    return NULL;
}

int clinux_start_thread(uintptr_t *thread, const char *name, void (*body)(void *), void *context) {
    struct start *start = malloc(sizeof *start);
    if (!start) return ENOMEM;
    *start = (struct start){body, context};

    // A thread inherits the mask of its creator: block before, restore after, and no signal slips in between.
    sigset_t all, before;
    sigfillset(&all);
    int code = pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t identifier;
    if (code == 0) {
        code = pthread_create(&identifier, NULL, run, start);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (code != 0) {
        free(start);
        return code;
    }
    // The name is for people who look at `top -H`: a thread without it works as well.
    pthread_setname_np(identifier, name);
    *thread = (uintptr_t)identifier;
    return 0;
}

int clinux_join_thread(uintptr_t thread) {
    return pthread_join((pthread_t)thread, NULL);
}

int clinux_create_event(int *descriptor) {
    *descriptor = eventfd(0, EFD_CLOEXEC);
    return *descriptor < 0 ? errno : 0;
}

void clinux_signal_event(int descriptor) {
    while (eventfd_write(descriptor, 1) != 0 && errno == EINTR) continue;
}

void clinux_wait_event(int descriptor) {
    eventfd_t count;
    while (eventfd_read(descriptor, &count) != 0 && errno == EINTR) continue;
}
