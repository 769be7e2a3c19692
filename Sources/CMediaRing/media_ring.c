#define _GNU_SOURCE
#include "media_ring.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "written for little-endian machines"
#endif

_Static_assert(AF_INET == 2, "media_ring_sender knows the number");
_Static_assert(sizeof(struct media_ring_completion) == sizeof(struct io_uring_cqe), "laid out by the kernel");
_Static_assert(sizeof(struct media_ring_buffer) == sizeof(struct io_uring_buf), "laid out by the kernel");
_Static_assert(sizeof(struct media_ring_message) == sizeof(struct io_uring_recvmsg_out), "laid out by the kernel");
_Static_assert(offsetof(struct media_ring_buffer, tail) == offsetof(struct io_uring_buf_ring, tail), "the ring's tail");
_Static_assert(MEDIA_RING_HAS_BUFFER == IORING_CQE_F_BUFFER && MEDIA_RING_HAS_MORE == IORING_CQE_F_MORE, "flags");
_Static_assert(MEDIA_RING_HEADROOM >= sizeof(struct io_uring_recvmsg_out) + sizeof(struct sockaddr_in6), "room");

/// The buffer group: a ring has one.
enum { GROUP = 1 };

// A template that every multishot receive points to: only the room for the sender's address is read from it. It must
// live as long as requests do.
static struct msghdr receive_template = {.msg_namelen = MEDIA_RING_HEADROOM - sizeof(struct io_uring_recvmsg_out)};

static struct io_uring *uring(const struct media_ring *ring) { return ring->uring; }

static size_t rounded(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

static int fail(struct media_ring *ring, enum media_ring_stage stage, int error) {
    media_ring_close(ring);
    ring->stage = stage;
    return error;
}

int media_ring_open(struct media_ring *ring, const struct media_ring_options *options) {
    memset(ring, 0, sizeof *ring);
    struct io_uring *u = calloc(1, sizeof *u);
    if (!u) return fail(ring, MEDIA_RING_STAGE_MEMORY, -ENOMEM);
    struct io_uring_params parameters = {
        // Completions are made while this thread asks for them, never by an interrupt of what it does.
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                 IORING_SETUP_SUBMIT_ALL,
        .cq_entries = options->completions,
    };
    int result = io_uring_queue_init_params(options->submissions, u, &parameters);
    if (result < 0) {
        free(u);
        return fail(ring, MEDIA_RING_STAGE_SETUP, result);
    }
    ring->uring = u;
    uint32_t needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_CQE_SKIP;
    if ((parameters.features & needed) != needed) return fail(ring, MEDIA_RING_STAGE_FEATURES, -EOPNOTSUPP);
    ring->completions = (struct media_ring_completion *)u->cq.cqes;
    ring->completion_head = u->cq.khead;
    ring->completion_tail = u->cq.ktail;
    ring->completion_mask = u->cq.ring_mask;
    ring->completion_count = u->cq.ring_entries;

    ring->buffer_count = options->buffers;
    ring->buffer_capacity = MEDIA_RING_HEADROOM + options->payload;
    // Whole cache lines, and an odd number of them: buffers then start in every set of the cache.
    ring->buffer_stride = rounded(ring->buffer_capacity + options->tail_room, 64);
    if (ring->buffer_stride / 64 % 2 == 0) ring->buffer_stride += 64;
    ring->memory_size = rounded((size_t)ring->buffer_count * ring->buffer_stride, 4096);
    ring->provided_size = rounded(ring->buffer_count * sizeof *ring->provided, 4096);
    void *memory = mmap(NULL, ring->memory_size + ring->provided_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail(ring, MEDIA_RING_STAGE_MEMORY, -errno);
    ring->memory = memory;
    ring->provided = (struct media_ring_buffer *)(ring->memory + ring->memory_size);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)ring->provided, .ring_entries = ring->buffer_count, .bgid = GROUP};
    result = io_uring_register_buf_ring(u, &registration, 0);
    if (result < 0) return fail(ring, MEDIA_RING_STAGE_BUFFERS, result);
    uint32_t first = options->first_buffers < ring->buffer_count ? options->first_buffers : ring->buffer_count;
    while (ring->buffers_given < first) media_ring_give(ring, ring->buffers_given++);
    media_ring_publish(ring);

    // Without a table, sockets are named by their descriptors, which costs a little more for each send.
    if (options->files && io_uring_register_files_sparse(u, options->files) == 0) ring->files = options->files;
    io_uring_register_ring_fd(u);
    return 0;
}

void media_ring_close(struct media_ring *ring) {
    struct io_uring *u = uring(ring);
    if (u) {
        // A ring is taken apart in the background once its descriptor is closed, and its requests would hold their
        // sockets, and so their ports, until then.
        struct io_uring_sync_cancel_reg all = {
            .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, .timeout = {.tv_sec = 1}};
        io_uring_register_sync_cancel(u, &all);
        if (ring->files) io_uring_unregister_files(u);
        io_uring_get_events(u);
        io_uring_queue_exit(u);
        free(u);
    }
    if (ring->memory) munmap(ring->memory, ring->memory_size + ring->provided_size);
    memset(ring, 0, sizeof *ring);
}

int media_ring_set_file(struct media_ring *ring, uint32_t slot, int fd) {
    int result = io_uring_register_files_update(uring(ring), slot, &fd, 1);
    return result < 0 ? result : 0;
}

int media_ring_receive(struct media_ring *ring, int target, int fixed, uint64_t user_data) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring(ring));
    if (!sqe) return -EBUSY;
    io_uring_prep_recvmsg_multishot(sqe, target, &receive_template, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT | (fixed ? IOSQE_FIXED_FILE : 0);
    sqe->buf_group = GROUP;
    sqe->user_data = user_data;
    return 0;
}

int media_ring_send(struct media_ring *ring, int target, int fixed, const void *octets, uint32_t count,
                    const void *address, uint32_t address_length, uint64_t user_data) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring(ring));
    if (!sqe) return -EBUSY;
    // MSG_DONTWAIT: a send that would have to wait fails at once, so that no request outlives its submission and the
    // octets may be overwritten right after it.
    io_uring_prep_send(sqe, target, octets, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    sqe->addr2 = (uintptr_t)address;
    sqe->addr_len = (uint16_t)address_length;
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS | (fixed ? IOSQE_FIXED_FILE : 0);
    sqe->user_data = user_data;
    return 0;
}

int media_ring_poll(struct media_ring *ring, int fd, uint64_t user_data) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring(ring));
    if (!sqe) return -EBUSY;
    io_uring_prep_poll_multishot(sqe, fd, POLLIN);
    sqe->user_data = user_data;
    return 0;
}

int media_ring_cancel(struct media_ring *ring, uint64_t user_data, uint64_t own) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring(ring));
    if (!sqe) return -EBUSY;
    io_uring_prep_cancel64(sqe, user_data, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = own;
    return 0;
}

uint32_t media_ring_pending(const struct media_ring *ring) { return io_uring_sq_ready(uring(ring)); }

static int settled(const struct media_ring *ring, int result) {
    // What a timeout or a signal ended was submitted all the same.
    if (media_ring_pending(ring) == 0) return 0;
    return result < 0 ? result : -EAGAIN;
}

int media_ring_submit(struct media_ring *ring) {
    int result = io_uring_submit(uring(ring));
    // The kernel takes less than everything only when it is short of memory: once more, then tell.
    if (media_ring_pending(ring)) result = io_uring_submit(uring(ring));
    return settled(ring, result);
}

int media_ring_reap(struct media_ring *ring) {
    // Asked for no completion in particular, kernels since 6.13 do twenty pieces of the work that is due and leave the
    // rest. Asked for all that could be, they do all of it.
    return media_ring_wait(ring, ring->completion_count, 0);
}

int media_ring_wait(struct media_ring *ring, uint32_t count, int64_t nanoseconds) {
    struct __kernel_timespec timeout = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    struct io_uring_cqe *first;
    return settled(ring, io_uring_submit_and_wait_timeout(uring(ring), &first, count, &timeout, NULL));
}

uint32_t media_ring_destination(void *address, int v6, uint64_t high, uint64_t low, uint16_t port) {
    if (v6) {
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        uint64_t halves[2] = {__builtin_bswap64(high), __builtin_bswap64(low)};
        memcpy(&to.sin6_addr, halves, sizeof halves);
        memcpy(address, &to, sizeof to);
        return sizeof to;
    }
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl((uint32_t)low)};
    memcpy(address, &to, sizeof to);
    return sizeof to;
}
