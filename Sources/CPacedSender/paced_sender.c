#define _GNU_SOURCE
#include "CPacedSender.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static int is_v4(const uint8_t address[16]) { return memcmp(address, mapped, 12) == 0; }

static socklen_t make_address(const uint8_t address[16], uint16_t port, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (is_v4(address)) {
        struct sockaddr_in *a = (struct sockaddr_in *)out;
        a->sin_family = AF_INET;
        a->sin_port = htons(port);
        memcpy(&a->sin_addr, address + 12, 4);
        return sizeof *a;
    }
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(port);
    memcpy(&a->sin6_addr, address, 16);
    return sizeof *a;
}

static int read_address(const struct sockaddr *from, uint8_t address[16], uint16_t *port) {
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)from;
        memcpy(address, mapped, 12);
        memcpy(address + 12, &a->sin_addr, 4);
        *port = ntohs(a->sin_port);
        return 0;
    }
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)from;
        memcpy(address, &a->sin6_addr, 16);
        *port = ntohs(a->sin6_port);
        return 0;
    }
    return -EAFNOSUPPORT;
}

int paced_resolve(const char *host, uint8_t address[16]) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return -1;
    int result = -1;
    uint16_t port;
    for (struct addrinfo *one = found; one && result != 0; one = one->ai_next) {
        result = read_address(one->ai_addr, address, &port);
    }
    freeaddrinfo(found);
    return result == 0 ? 0 : -1;
}

static int local_address(int descriptor, uint8_t address[16], uint16_t *port) {
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    if (getsockname(descriptor, (struct sockaddr *)&local, &length) < 0) return -errno;
    return read_address((struct sockaddr *)&local, address, port);
}

static int open_socket(const uint8_t family_of[16]) {
    int v4 = is_v4(family_of);
    int descriptor = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    int one = 1;
    if (!v4) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    return descriptor;
}

int paced_source_address(const uint8_t remote[16], uint8_t local[16]) {
    int descriptor = open_socket(remote);
    if (descriptor < 0) return descriptor;
    uint16_t port;
    int result = paced_connect(descriptor, remote, 9);
    if (result == 0) result = local_address(descriptor, local, &port);
    close(descriptor);
    return result;
}

static int open_bound(const uint8_t local[16], uint16_t *port) {
    int descriptor = open_socket(local);
    if (descriptor < 0) return descriptor;
    struct sockaddr_storage address;
    uint8_t bound[16];
    socklen_t length = make_address(local, *port, &address);
    int result = bind(descriptor, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
    if (result == 0) result = local_address(descriptor, bound, port);
    if (result < 0) {
        close(descriptor);
        return result;
    }
    return descriptor;
}

int paced_pair_open(const uint8_t local[16], int descriptors[2], uint16_t *port) {
    // The kernel gives any free port; its neighbour is free most of the time.
    for (int attempt = 0; attempt < 64; attempt++) {
        uint16_t first = 0;
        int one = open_bound(local, &first);
        if (one < 0) return one;
        uint16_t second = first ^ 1;
        int other = second == 0 ? -EADDRINUSE : open_bound(local, &second);
        if (other >= 0) {
            int is_even = (first & 1) == 0;
            descriptors[0] = is_even ? one : other;
            descriptors[1] = is_even ? other : one;
            *port = is_even ? first : second;
            return 0;
        }
        close(one);
        if (other != -EADDRINUSE && other != -EACCES) return other;
    }
    return -EADDRINUSE;
}

int paced_connect(int descriptor, const uint8_t remote[16], uint16_t port) {
    struct sockaddr_storage address;
    socklen_t length = make_address(remote, port, &address);
    return connect(descriptor, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
}

void paced_close(int descriptor) { close(descriptor); }

/// 1 when the kernel took it.
static int send_whole(struct paced_packet *packet, const uint8_t *bytes, size_t count) {
    // An earlier packet's ICMP error is reported on the next call, which then has sent nothing: once more.
    packet->error = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (send(packet->descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 1;
        packet->error = errno;
        if (errno != ECONNREFUSED) break;
    }
    return 0;
}

int paced_send(struct paced_packet *packets, int count) {
    int sent = 0;
    uint8_t bytes[12 + PACED_PAYLOAD_MAX];
    bytes[0] = 0x80;
    for (int i = 0; i < count; i++) {
        struct paced_packet *packet = &packets[i];
        if (packet->octets > PACED_PAYLOAD_MAX + (packet->is_whole ? 64 : 0)) {
            packet->error = EMSGSIZE;
            continue;
        }
        if (packet->is_whole) {
            sent += send_whole(packet, packet->payload, packet->octets);
            continue;
        }
        bytes[1] = packet->type;
        uint16_t sequence = htons(packet->sequence);
        uint32_t timestamp = htonl(packet->timestamp), ssrc = htonl(packet->ssrc);
        memcpy(bytes + 2, &sequence, 2);
        memcpy(bytes + 4, &timestamp, 4);
        memcpy(bytes + 8, &ssrc, 4);
        memcpy(bytes + 12, packet->payload, packet->octets);
        sent += send_whole(packet, bytes, 12 + (size_t)packet->octets);
    }
    return sent;
}

ssize_t paced_send_datagram(int descriptor, const uint8_t *bytes, size_t count) {
    ssize_t sent = send(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

ssize_t paced_receive(int descriptor, uint8_t *bytes, size_t capacity) {
    ssize_t count = recv(descriptor, bytes, capacity, MSG_DONTWAIT);
    return count < 0 ? -errno : count;
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t paced_clock_monotonic(void) { return nanoseconds(CLOCK_MONOTONIC); }
int64_t paced_clock_realtime(void) { return nanoseconds(CLOCK_REALTIME); }
int64_t paced_clock_thread(void) { return nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

int paced_bell_open(void) {
    int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return bell < 0 ? -errno : bell;
}

void paced_bell_ring(int bell) {
    uint64_t one = 1;
    ssize_t written = write(bell, &one, sizeof one);
    (void)written; // full means that it rings already
}

void paced_wait(int bell, int64_t deadline) {
    struct pollfd entry = {.fd = bell, .events = POLLIN};
    struct timespec timeout = {0};
    if (deadline >= 0) {
        int64_t left = deadline - paced_clock_monotonic();
        if (left <= 0) return;
        timeout.tv_sec = left / 1000000000;
        timeout.tv_nsec = left % 1000000000;
    }
    if (ppoll(&entry, 1, deadline < 0 ? NULL : &timeout, NULL) > 0) {
        uint64_t count;
        ssize_t got = read(bell, &count, sizeof count);
        (void)got;
    }
}

void paced_thread_prepare(const char *name) {
    pthread_setname_np(pthread_self(), name);
    // The default slack of 50 µs would be added to every deadline.
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
}
