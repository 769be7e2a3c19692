// Stands between a program and the C library (LD_PRELOAD), for faults that no peer can bring about. Each part does nothing
// unless its environment variable is there; interposing.py makes the files and says what stands in them.
//
// INTERPOSED_CLOCK   a file of eight bytes: nanoseconds by which CLOCK_REALTIME is off. Other clocks stay as they are.
// INTERPOSED_KILL    a file of `struct kill_order`: the process kills itself at the n-th change of a file of some name.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { BEFORE = 0, HALF = 1, AFTER = 2 };

struct kill_order {
    int32_t armed;      // 1: count
    int32_t countdown;  // reaches 0 at the change that is to be the last
    int32_t when;       // BEFORE, HALF (of what is written), AFTER
    int32_t seen;       // changes of such files since it was armed
    char pattern[240];  // of the path, fnmatch(3)
};

static volatile int64_t *offset;
static struct kill_order *order;

static void *mapped(const char *variable, size_t size) {
    const char *path = getenv(variable);
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return NULL;
    void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return found == MAP_FAILED ? NULL : found;
}

__attribute__((constructor)) static void begin(void) {
    offset = mapped("INTERPOSED_CLOCK", sizeof *offset);
    order = mapped("INTERPOSED_KILL", sizeof *order);
}

#define ORIGINAL(type, name, ...)                                 \
    static type (*original)(__VA_ARGS__);                         \
    if (!original) original = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

// --- the clock

int clock_gettime(clockid_t clock, struct timespec *time) {
    ORIGINAL(int, clock_gettime, clockid_t, struct timespec *);
    int result = original(clock, time);
    if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t all = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + *offset;
        time->tv_sec = all / 1000000000;
        time->tv_nsec = all % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *time, void *zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}

// --- the end in the middle of a change

static void end_now(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/// Whether this change of the file is the last; counts it.
static int is_last(const char *path) {
    if (fnmatch(order->pattern, path, 0) != 0) return 0;
    __atomic_add_fetch(&order->seen, 1, __ATOMIC_SEQ_CST);
    return __atomic_sub_fetch(&order->countdown, 1, __ATOMIC_SEQ_CST) == 0;
}

static int is_last_of(int file) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_last(path);
}

static int is_armed(void) { return order && order->armed; }

#define LAST_WRITE(call_all, call_half)          \
    if (is_armed() && is_last_of(file)) {        \
        if (order->when == HALF) call_half;      \
        if (order->when == AFTER) call_all;      \
        end_now();                               \
    }                                            \
    return call_all

ssize_t write(int file, const void *bytes, size_t count) {
    ORIGINAL(ssize_t, write, int, const void *, size_t);
    LAST_WRITE(original(file, bytes, count), original(file, bytes, count / 2));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    ORIGINAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    LAST_WRITE(original(file, bytes, count, at), original(file, bytes, count / 2, at));
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    ORIGINAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    LAST_WRITE(original(file, bytes, count, at), original(file, bytes, count / 2, at));
}

int ftruncate(int file, off_t length) {
    ORIGINAL(int, ftruncate, int, off_t);
    LAST_WRITE(original(file, length), (void)0);
}

int ftruncate64(int file, off64_t length) {
    ORIGINAL(int, ftruncate64, int, off64_t);
    LAST_WRITE(original(file, length), (void)0);
}

#define LAST_NAME(path, call)                            \
    if (is_armed() && is_last(path)) {                   \
        if (order->when != BEFORE) call;                 \
        end_now();                                       \
    }                                                    \
    return call

int rename(const char *from, const char *to) {
    ORIGINAL(int, rename, const char *, const char *);
    LAST_NAME(to, original(from, to));
}

int link(const char *from, const char *to) {
    ORIGINAL(int, link, const char *, const char *);
    LAST_NAME(to, original(from, to));
}

int unlink(const char *path) {
    ORIGINAL(int, unlink, const char *);
    LAST_NAME(path, original(path));
}
