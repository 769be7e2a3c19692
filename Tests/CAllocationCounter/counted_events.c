#define _GNU_SOURCE
#include "counted_events.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

_Atomic int counted_on;

// Each is written by the thread it belongs to, and read by others after counting has ended.
struct watched {
    _Atomic int32_t thread;
    int64_t times[COUNTED_KINDS];
    int64_t without_place;
    struct counted_place places[COUNTED_PLACES];
};

static struct watched watched[COUNTED_THREADS];
static _Atomic int threads;
// Goes up with every change of who is watched.
static _Atomic int generation = 1;
static __thread int known_generation;
static __thread struct watched *self;

static struct watched *find(int32_t thread) {
    int count = atomic_load_explicit(&threads, memory_order_acquire);
    for (int i = 0; i < count; i++)
        if (atomic_load_explicit(&watched[i].thread, memory_order_relaxed) == thread) return &watched[i];
    return NULL;
}

// Frames form a list through the frame pointers; code without them breaks it, hence the checks. A thread's control
// block lies above its stack.
static void walk(uintptr_t place, uintptr_t *out, int depth) {
    uintptr_t top = (uintptr_t)pthread_self();
    while (depth < COUNTED_DEPTH && place % sizeof(void *) == 0 && place < top) {
        const uintptr_t *pair = (const uintptr_t *)place;
        if (pair[1] < 4096) break;
        out[depth++] = pair[1];
        if (pair[0] <= place || pair[0] - place > 1 << 17) break;
        place = pair[0];
    }
}

static struct watched *find_self(void) {
    int now = atomic_load_explicit(&generation, memory_order_acquire);
    if (known_generation != now) {
        known_generation = now;
        self = find(gettid());
    }
    return self;
}

static void note(struct watched *one, const struct counted_place *found) {
    one->times[found->kind]++;
    uintptr_t hash = (uintptr_t)found->kind;
    for (int i = 0; i < COUNTED_DEPTH; i++) hash = hash * 31 + (found->frames[i] >> 2);
    for (int step = 0; step < 32; step++) {
        struct counted_place *place = &one->places[(hash + (uintptr_t)step) % COUNTED_PLACES];
        if (place->times == 0) {
            *place = *found;
            place->times = 1;
            return;
        }
        if (place->kind == found->kind && memcmp(place->frames, found->frames, sizeof found->frames) == 0) {
            place->times++;
            return;
        }
    }
    one->without_place++;
}

void counted_note(enum counted_kind kind, void *frame) {
    struct watched *one = find_self();
    if (!one) return;
    struct counted_place found = {.thread = one->thread, .kind = kind};
    walk((uintptr_t)frame, found.frames, 0);
    note(one, &found);
}

void counted_note_at(enum counted_kind kind, uintptr_t place, uintptr_t frame) {
    struct watched *one = find_self();
    if (!one) return;
    // Behind its first octet, as a return address lies behind its call.
    struct counted_place found = {.thread = one->thread, .kind = kind, .frames = {place + 1}};
    // A function that needs no stack has no frame of its own, and leaves the stack pointer's page to its caller.
    if (frame >= (uintptr_t)&found) walk(frame, found.frames, 1);
    note(one, &found);
}

int counted_restart(int32_t thread) {
    struct watched *one = find(thread);
    if (!one) return 0;
    memset(one->times, 0, sizeof one->times);
    memset(one->places, 0, sizeof one->places);
    one->without_place = 0;
    return 1;
}

int counted_watch(int32_t thread) {
    int count = atomic_load(&threads);
    if (count >= COUNTED_THREADS) return 0;
    memset(watched[count].times, 0, sizeof watched[count].times);
    atomic_store(&watched[count].thread, thread);
    atomic_store_explicit(&threads, count + 1, memory_order_release);
    atomic_fetch_add(&generation, 1);
    return 1;
}

int32_t counted_this_thread(void) { return gettid(); }

void counted_begin(void) {
    int count = atomic_load(&threads);
    for (int i = 0; i < count; i++) counted_restart(watched[i].thread);
    atomic_store(&counted_on, 1);
}

void counted_end(void) {
    atomic_store(&counted_on, 0);
    // Who is in the middle of counting is done soon after.
    usleep(20000);
}

int64_t counted_times(int32_t thread, enum counted_kind kind) {
    struct watched *one = find(thread);
    return one && kind < COUNTED_KINDS ? one->times[kind] : 0;
}

int counted_place(int32_t thread, int index, struct counted_place *out) {
    struct watched *one = find(thread);
    for (int i = 0; one && i < COUNTED_PLACES; i++) {
        if (one->places[i].times == 0 || index-- > 0) continue;
        *out = one->places[i];
        return 1;
    }
    return 0;
}

int64_t counted_without_place(int32_t thread) {
    struct watched *one = find(thread);
    return one ? one->without_place : 0;
}

void counted_forget(void) {
    atomic_store(&counted_on, 0);
    atomic_store(&threads, 0);
    atomic_fetch_add(&generation, 1);
}
