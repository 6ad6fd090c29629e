#pragma once

#include <stddef.h>
#include <stdint.h>

// What Linux offers and Swift's Glibc module can't say: macros, unions, and calls behind _GNU_SOURCE.
// Every function returns 0 or an error number, never -1 with errno, so that nothing comes in between.

/// The words for an error number, in English; never null, never freed.
const char *_Nonnull clinux_error_words(int code);

/// The C name of an error number ("ENOENT"); never null, never freed.
const char *_Nonnull clinux_error_name(int code);

/// The mount that an open file stands on: two directories with one mount can rename between each other.
///
/// Kernels before 5.8 don't tell; then the identifier is 0.
int clinux_mount_identifier(int descriptor, uint64_t *_Nonnull identifier);

/// Locks a whole file that is open for writing, or fails with EAGAIN where somebody else has it.
///
/// The lock is the open file's: no other descriptor of this process gives it away when it is closed, as POSIX's locks do.
int clinux_lock_file(int descriptor);

/// Lets go of that lock, also where a child on its way to another program still has a copy of the descriptor.
void clinux_unlock_file(int descriptor);

/// Whether somebody else holds such a lock: a question that takes none.
int clinux_is_file_locked(int descriptor, int *_Nonnull is_locked);

/// Sends one datagram to a Unix socket. An address that begins with '@' is an abstract one.
int clinux_send_datagram(
    const uint8_t *_Nonnull address, size_t address_count, const uint8_t *_Nonnull message, size_t message_count);

/// Starts a joinable thread of this name (at most 15 bytes) that has every signal blocked.
///
/// The thread calls `body` with `context`. Blocked signals go to the threads of the runtime, which wait for them.
int clinux_start_thread(
    uintptr_t *_Nonnull thread, const char *_Nonnull name, void (*_Nonnull body)(void *_Nonnull), void *_Nonnull context);

/// Waits for a thread of `clinux_start_thread` to end.
int clinux_join_thread(uintptr_t thread);

/// Creates an eventfd: a counter that a thread can wait for.
int clinux_create_event(int *_Nonnull descriptor);

/// Adds one to the counter. It can't fail: that takes 2^64 - 2 signals that nobody waited for.
void clinux_signal_event(int descriptor);

/// Waits until the counter is above zero, and sets it to zero.
void clinux_wait_event(int descriptor);
