#ifndef EARSHOT_MEDIA_RING_H
#define EARSHOT_MEDIA_RING_H

#include <stddef.h>
#include <stdint.h>

// One io_uring of one media worker, for UDP sockets: multishot receives into a ring of provided buffers, sends that
// are carried out while they are submitted, and a wait for many completions at once. What is done with completions is
// the caller's business. Everything here must be called by the thread that opened the ring (IORING_SETUP_SINGLE_ISSUER).
// Errors are negative errno values.

#pragma clang assume_nonnull begin

/// A completion, as the kernel lays it out.
struct media_ring_completion {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};

/// The completion says which provided buffer it filled.
#define MEDIA_RING_HAS_BUFFER 1u
/// The request goes on; without it, it has ended and must be made again.
#define MEDIA_RING_HAS_MORE 2u

/// What the kernel writes at the start of a provided buffer.
struct media_ring_message {
    uint32_t name_length;
    uint32_t control_length;
    uint32_t payload_length;
    uint32_t flags;
};

/// Octets before the payload: the message header and room for the sender's address. A multiple of 16.
#define MEDIA_RING_HEADROOM 48

/// Where opening a ring failed.
enum media_ring_stage {
    MEDIA_RING_STAGE_SETUP,
    MEDIA_RING_STAGE_FEATURES,
    MEDIA_RING_STAGE_BUFFERS,
    MEDIA_RING_STAGE_MEMORY,
};

struct media_ring_options {
    uint32_t submissions;
    uint32_t completions;
    /// Provided buffers at most; a power of two, at most 32,768. Their memory is touched when they are first given.
    uint32_t buffers;
    /// How many of them are given to the kernel at first.
    uint32_t first_buffers;
    /// Payload octets that a buffer takes.
    uint32_t payload;
    /// Octets after the payload that the kernel never writes.
    uint32_t tail_room;
    /// Slots for registered files; 0: none are registered.
    uint32_t files;
};

struct media_ring {
    void *_Nullable uring;
    struct media_ring_completion *_Null_unspecified completions;
    uint32_t *_Null_unspecified completion_head;
    const uint32_t *_Null_unspecified completion_tail;
    uint32_t completion_mask;
    uint32_t completion_count;
    uint8_t *_Nullable memory;
    size_t memory_size;
    struct media_ring_buffer *_Null_unspecified provided;
    size_t provided_size;
    uint32_t buffer_count;
    /// How many of them have been given: those from here on wait for `media_ring_grow`.
    uint32_t buffers_given;
    uint32_t buffer_stride;
    uint32_t buffer_capacity;
    uint32_t files;
    uint16_t staged_tail;
    uint16_t published_tail;
    enum media_ring_stage stage;
};

/// An entry of the provided-buffer ring, as the kernel lays it out; the tail lies in the first one's last field.
struct media_ring_buffer {
    uint64_t address;
    uint32_t length;
    uint16_t identifier;
    uint16_t tail;
};

/// Sets the ring up with everything that is used. On an error nothing is left open and `stage` says what failed.
int media_ring_open(struct media_ring *ring, const struct media_ring_options *options);
/// Cancels every request, lets the kernel let go of the sockets, and closes.
void media_ring_close(struct media_ring *ring);

/// Puts a socket into a slot of the registered files; -1 empties the slot.
int media_ring_set_file(struct media_ring *ring, uint32_t slot, int fd);

// Requests. -EBUSY when the submission queue is full: submit first. `fixed` says that `target` is a slot of the
// registered files, not a descriptor.

/// Receives until cancelled or out of buffers.
int media_ring_receive(struct media_ring *ring, int target, int fixed, uint64_t user_data);
/// Sends one datagram while it is submitted; completes only when it fails. `address` is what
/// `media_ring_destination` wrote. Both must stay as they are until the next submission is over.
int media_ring_send(struct media_ring *ring, int target, int fixed, const void *octets, uint32_t count,
                    const void *address, uint32_t address_length, uint64_t user_data);
/// Completes each time the descriptor becomes readable.
int media_ring_poll(struct media_ring *ring, int fd, uint64_t user_data);
/// Ends the request with that user data; completes (with `own`) only when there is none.
int media_ring_cancel(struct media_ring *ring, uint64_t user_data, uint64_t own);

/// Requests not submitted yet.
uint32_t media_ring_pending(const struct media_ring *ring);
/// Submits, without looking for completions. 0, or why something is left unsubmitted.
int media_ring_submit(struct media_ring *ring);
/// Submits and lets the kernel do the receiving that is due, without waiting.
int media_ring_reap(struct media_ring *ring);
/// Submits, and waits for `count` completions, at most `nanoseconds`.
int media_ring_wait(struct media_ring *ring, uint32_t count, int64_t nanoseconds);

/// Room that a socket address needs.
#define MEDIA_RING_ADDRESS_ROOM 32
/// Writes the socket address of an IPv6 (or mapped IPv4) address, given as two numbers; returns its length.
uint32_t media_ring_destination(void *address, int v6, uint64_t high, uint64_t low, uint16_t port);

// The path of each packet.

static inline uint32_t media_ring_tail(const struct media_ring *ring) {
    return __atomic_load_n(ring->completion_tail, __ATOMIC_ACQUIRE);
}

static inline struct media_ring_completion *media_ring_at(const struct media_ring *ring, uint32_t position) {
    return &ring->completions[position & ring->completion_mask];
}

/// Everything before `position` may be overwritten.
static inline void media_ring_consume(const struct media_ring *ring, uint32_t position) {
    __atomic_store_n(ring->completion_head, position, __ATOMIC_RELEASE);
}

static inline uint8_t *media_ring_buffer_at(const struct media_ring *ring, uint32_t identifier) {
    return ring->memory + (size_t)identifier * ring->buffer_stride;
}

/// Puts a buffer back; the kernel sees it after `media_ring_publish`.
static inline void media_ring_give(struct media_ring *ring, uint32_t identifier) {
    struct media_ring_buffer *entry = &ring->provided[ring->staged_tail & (ring->buffer_count - 1)];
    entry->address = (uint64_t)(uintptr_t)media_ring_buffer_at(ring, identifier);
    entry->length = ring->buffer_capacity;
    entry->identifier = (uint16_t)identifier;
    ring->staged_tail++;
}

/// Gives twice as many buffers, as long as there are more; seen after `media_ring_publish`. How many there are now.
static inline uint32_t media_ring_grow(struct media_ring *ring) {
    uint32_t wanted = ring->buffers_given * 2 < ring->buffer_count ? ring->buffers_given * 2 : ring->buffer_count;
    while (ring->buffers_given < wanted) media_ring_give(ring, ring->buffers_given++);
    return ring->buffers_given;
}

static inline void media_ring_publish(struct media_ring *ring) {
    if (ring->staged_tail == ring->published_tail) return;
    ring->published_tail = ring->staged_tail;
    __atomic_store_n(&ring->provided->tail, ring->staged_tail, __ATOMIC_RELEASE);
}

struct media_ring_source {
    uint64_t high;
    uint64_t low;
    uint16_t port;
};

/// Reads the sender's address behind the message header; an IPv4 address is mapped into IPv6.
static inline struct media_ring_source media_ring_sender(const uint8_t *buffer) {
    struct media_ring_source source = {0, 0, 0};
    const uint8_t *name = buffer + sizeof(struct media_ring_message);
    uint16_t family, port;
    __builtin_memcpy(&family, name, 2);
    __builtin_memcpy(&port, name + 2, 2);
    source.port = __builtin_bswap16(port);
    if (family == 2 /* AF_INET */) {
        uint32_t address;
        __builtin_memcpy(&address, name + 4, 4);
        source.low = 0xFFFF00000000ull | __builtin_bswap32(address);
    } else {
        uint64_t halves[2];
        __builtin_memcpy(halves, name + 8, 16);
        source.high = __builtin_bswap64(halves[0]);
        source.low = __builtin_bswap64(halves[1]);
    }
    return source;
}

static inline void media_ring_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

#pragma clang assume_nonnull end

#endif
