#ifndef EARSHOT_PACED_SENDER_H
#define EARSHOT_PACED_SENDER_H

#include <stdint.h>
#include <sys/types.h>

// Sockets, clock and batches of the recording client's RTP sender. Addresses are 16 octets: IPv6, with IPv4 mapped
// into it (RFC 4291 2.5.5.2). Errors are returned as negative errno values.

/// The first address of a host name or address; -1 when it has none.
int paced_resolve(const char *host, uint8_t address[16]);
/// The address this machine uses towards `remote`.
int paced_source_address(const uint8_t remote[16], uint8_t local[16]);

/// Two non-blocking UDP sockets on an even port and the one after it (RFC 3550 11), both free before the call.
int paced_pair_open(const uint8_t local[16], int descriptors[2], uint16_t *port);
/// Fixes where a socket sends to; only datagrams from there are received afterwards.
int paced_connect(int descriptor, const uint8_t remote[16], uint16_t port);
void paced_close(int descriptor);

/// One RTP packet to send (RFC 3550 5.1), without CSRC and extension.
struct paced_packet {
    /// `octets` of it are the payload, at most PACED_PAYLOAD_MAX; where `is_whole`, the whole datagram with its header.
    const uint8_t *payload;
    uint32_t ssrc;
    uint32_t timestamp;
    /// A connected socket.
    int32_t descriptor;
    uint16_t sequence;
    uint16_t octets;
    /// Payload type, and 0x80 for the marker.
    uint8_t type;
    /// Not 0: nothing is put before `payload`; at most PACED_PAYLOAD_MAX + 64 octets.
    uint8_t is_whole;
    /// Written: 0 or the errno.
    int32_t error;
};

#define PACED_PAYLOAD_MAX 1024

/// Sends all packets in order without waiting. Returns how many were sent.
int paced_send(struct paced_packet *packets, int count);
/// Sends one datagram on a connected socket.
ssize_t paced_send_datagram(int descriptor, const uint8_t *bytes, size_t count);
/// Takes one waiting datagram; -EAGAIN when there is none.
ssize_t paced_receive(int descriptor, uint8_t *bytes, size_t capacity);

/// CLOCK_MONOTONIC and CLOCK_REALTIME, nanoseconds.
int64_t paced_clock_monotonic(void);
int64_t paced_clock_realtime(void);
/// CPU time of the calling thread, nanoseconds.
int64_t paced_clock_thread(void);

int paced_bell_open(void);
void paced_bell_ring(int bell);
/// Waits until the monotonic time `deadline` or until the bell rings, and silences the bell. A negative deadline: for
/// ever.
void paced_wait(int bell, int64_t deadline);
/// Names the calling thread and asks the kernel to wake it as exactly as it can.
void paced_thread_prepare(const char *name);

#endif
