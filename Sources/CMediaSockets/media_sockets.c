#define _GNU_SOURCE
#include "media_sockets.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static socklen_t make_address(int v6, const uint8_t address[16], uint16_t port, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (v6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
        a->sin6_family = AF_INET6;
        a->sin6_port = htons(port);
        memcpy(&a->sin6_addr, address, 16);
        return sizeof *a;
    }
    struct sockaddr_in *a = (struct sockaddr_in *)out;
    a->sin_family = AF_INET;
    a->sin_port = htons(port);
    memcpy(&a->sin_addr, address + 12, 4);
    return sizeof *a;
}

int media_socket_open(int v6, const uint8_t address[16], uint16_t port, int receive_buffer) {
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int one = 1;
    if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    struct sockaddr_storage local;
    socklen_t length = make_address(v6, address, port, &local);
    if (bind(fd, (struct sockaddr *)&local, length) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

uint16_t media_socket_port(int fd) {
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    if (getsockname(fd, (struct sockaddr *)&local, &length) < 0) return 0;
    if (local.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&local)->sin6_port);
    return ntohs(((struct sockaddr_in *)&local)->sin_port);
}

ssize_t media_socket_receive(int fd, uint8_t *buffer, size_t capacity, uint8_t source[16], uint16_t *port) {
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    ssize_t count = recvfrom(fd, buffer, capacity, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (count < 0) return -errno;
    if (from.ss_family == AF_INET6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)&from;
        memcpy(source, &a->sin6_addr, 16);
        *port = ntohs(a->sin6_port);
    } else {
        struct sockaddr_in *a = (struct sockaddr_in *)&from;
        memcpy(source, mapped, 12);
        memcpy(source + 12, &a->sin_addr, 4);
        *port = ntohs(a->sin_port);
    }
    return count;
}

ssize_t media_socket_take(int fd, void *buffer, size_t capacity, struct media_source *source) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } from;
    socklen_t length = sizeof from;
    ssize_t count = recvfrom(fd, buffer, capacity, MSG_DONTWAIT | MSG_TRUNC, &from.any, &length);
    if (count < 0) return -errno;
    if (from.any.sa_family == AF_INET) {
        source->high = 0;
        source->low = 0xFFFF00000000u | ntohl(from.v4.sin_addr.s_addr);
        source->port = ntohs(from.v4.sin_port);
    } else {
        uint64_t halves[2];
        memcpy(halves, &from.v6.sin6_addr, sizeof halves);
        source->high = be64toh(halves[0]);
        source->low = be64toh(halves[1]);
        source->port = ntohs(from.v6.sin6_port);
    }
    return count;
}

ssize_t media_socket_send_to(int fd, int v6, const void *bytes, size_t count, uint64_t high, uint64_t low,
                             uint16_t port) {
    if (!v6) {
        struct sockaddr_in to = {
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl((uint32_t)low)};
        ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
        return sent < 0 ? -errno : sent;
    }
    uint64_t halves[2] = {htobe64(high), htobe64(low)};
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&to.sin6_addr, halves, sizeof halves);
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
    return sent < 0 ? -errno : sent;
}

ssize_t media_socket_send(int fd, int v6, const uint8_t *bytes, size_t count, const uint8_t destination[16],
                          uint16_t port) {
    struct sockaddr_storage to;
    socklen_t length = make_address(v6, destination, port, &to);
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, length);
    return sent < 0 ? -errno : sent;
}

uint32_t media_socket_drops(int fd) {
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0) return 0;
    return length > SK_MEMINFO_DROPS * sizeof(uint32_t) ? info[SK_MEMINFO_DROPS] : 0;
}

static uint32_t discard(int fd) {
    uint32_t count = 0;
    uint8_t octet;
    // Bounded, although a socket at rest takes in next to nothing.
    while (count < 65536) {
        ssize_t got = recv(fd, &octet, sizeof octet, MSG_DONTWAIT | MSG_TRUNC);
        if (got >= 0) {
            count++;
        } else if (errno != EINTR) {
            break;
        }
    }
    return count;
}

uint32_t media_socket_rest(int fd) {
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    int least = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    return discard(fd);
}

uint32_t media_socket_rested(int fd, uint32_t before) {
    uint32_t unread = discard(fd);
    return media_socket_drops(fd) - before + unread;
}

int media_local_address(int v6, const uint8_t remote[16], uint8_t local[16]) {
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct sockaddr_storage address;
    // Connecting a UDP socket only asks the routing table.
    socklen_t length = make_address(v6, remote, 9, &address);
    int result = connect(fd, (struct sockaddr *)&address, length);
    length = sizeof address;
    if (result == 0) result = getsockname(fd, (struct sockaddr *)&address, &length);
    int error = errno;
    close(fd);
    if (result < 0) return -error;
    if (address.ss_family == AF_INET6) {
        memcpy(local, &((struct sockaddr_in6 *)&address)->sin6_addr, 16);
    } else {
        memcpy(local, mapped, 12);
        memcpy(local + 12, &((struct sockaddr_in *)&address)->sin_addr, 4);
    }
    return 0;
}

int media_poll_open(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int media_poll_add(int poll, int fd, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int media_poll_add_edge(int poll, int fd, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = token}};
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int media_poll_remove(int poll, int fd) { return epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0; }

int media_poll_wait(int poll, uint64_t *tokens, int capacity, int milliseconds) {
    struct epoll_event events[512];
    if (capacity > 512) capacity = 512;
    int count = epoll_wait(poll, events, capacity, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

int media_wake_open(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void media_wake_signal(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; // full means that it is already awake
}

void media_wake_clear(int fd) {
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t media_clock_monotonic(void) { return nanoseconds(CLOCK_MONOTONIC); }
int64_t media_clock_realtime(void) { return nanoseconds(CLOCK_REALTIME); }
int64_t media_clock_thread(void) { return nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

void media_sleep_until(int64_t monotonic) {
    struct timespec t = {.tv_sec = monotonic / 1000000000, .tv_nsec = monotonic % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

void media_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int media_processors(void) {
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) < 0 ? 0 : CPU_COUNT(&allowed);
    return count > 0 ? count : 1;
}

int media_thread_pin(int number) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0) return -errno;
    int count = CPU_COUNT(&allowed);
    if (count <= 0 || number < 0) return -EINVAL;
    int left = number % count;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || left-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return sched_setaffinity(0, sizeof one, &one) < 0 ? -errno : 0;
    }
    return -EINVAL;
}
