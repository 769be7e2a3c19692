#ifndef EARSHOT_MEDIA_SOCKETS_H
#define EARSHOT_MEDIA_SOCKETS_H

#include <stdint.h>
#include <sys/types.h>

// UDP sockets of the media engine. Addresses are 16 octets: IPv6, with IPv4 mapped into it (RFC 4291 2.5.5.2).
// Errors are returned as negative errno values.

/// A non-blocking, close-on-exec UDP socket bound to `address` and `port`. `v6` chooses the family.
int media_socket_open(int v6, const uint8_t address[16], uint16_t port, int receive_buffer);

/// One datagram, or -EAGAIN. Writes where it came from.
ssize_t media_socket_receive(int fd, uint8_t *buffer, size_t capacity, uint8_t source[16], uint16_t *port);

/// The port a socket is bound to; 0 when it is not.
uint16_t media_socket_port(int fd);

/// Where a datagram came from: an address in host order, with IPv4 mapped into IPv6.
struct media_source {
    uint64_t high;
    uint64_t low;
    uint16_t port;
};

/// One datagram, or a negative errno (-EAGAIN when there is none). Returns its whole length, even where that is more
/// than `capacity`: then it has been cut.
ssize_t media_socket_take(int fd, void *buffer, size_t capacity, struct media_source *source);

/// One datagram to `destination`. `v6` is the family the socket was opened with.
ssize_t media_socket_send(int fd, int v6, const uint8_t *bytes, size_t count, const uint8_t destination[16],
                          uint16_t port);
/// The same, with the address as two numbers in host order.
ssize_t media_socket_send_to(int fd, int v6, const void *bytes, size_t count, uint64_t high, uint64_t low,
                             uint16_t port);

/// Datagrams the kernel dropped on this socket because its buffer was full (SO_MEMINFO); 0 where it cannot tell.
uint32_t media_socket_drops(int fd);

/// Puts a socket to rest: it stays bound, and what arrives from now on is dropped in the kernel, by a filter that lets
/// nothing through, and counted there. Throws away what lay unread, and returns how many datagrams that were.
uint32_t media_socket_rest(int fd);
/// How many datagrams a socket at rest has dropped since `media_socket_drops` said `before`. Takes out what got in where
/// the filter could not be set: the smallest buffer there is holds one or two datagrams, and the rest is dropped.
uint32_t media_socket_rested(int fd, uint32_t before);

/// The address from which this machine would reach `remote`, into `local`. Sends nothing.
int media_local_address(int v6, const uint8_t remote[16], uint8_t local[16]);

int media_poll_open(void);
int media_poll_add(int poll, int fd, uint64_t token);
/// Edge-triggered: tells of a socket when something arrives, and not again before more arrives.
int media_poll_add_edge(int poll, int fd, uint64_t token);
int media_poll_remove(int poll, int fd);
/// Writes the tokens of at most `capacity` readable sockets; waits at most `milliseconds`.
int media_poll_wait(int poll, uint64_t *tokens, int capacity, int milliseconds);

int media_wake_open(void);
void media_wake_signal(int fd);
void media_wake_clear(int fd);

/// Brings `octets` from `address` on into the cache, to be written soon.
static inline void media_prefetch_for_write(const void *address, long octets) {
    for (long at = 0; at < octets; at += 64) __builtin_prefetch((const char *)address + at, 1, 3);
}

/// CLOCK_MONOTONIC and CLOCK_REALTIME, nanoseconds.
int64_t media_clock_monotonic(void);
int64_t media_clock_realtime(void);
/// CPU time of the calling thread, nanoseconds.
int64_t media_clock_thread(void);
void media_sleep_until(int64_t monotonic);
void media_thread_name(const char *name);
/// Keeps the calling thread on one processor: the one with that number, counted round among those it may use. 0, or a
/// negative errno: then it runs where it did.
int media_thread_pin(int number);
/* Processors that the process may use: fewer than the machine has in a container, or under taskset. At least 1. */
int media_processors(void);

#endif
