#ifndef EARSHOT_ALLOCATION_COUNTER_H
#define EARSHOT_ALLOCATION_COUNTER_H

// Stands in for the allocator and the locks of the whole program and counts, thread by thread, what is asked of them;
// on demand also reference counts, and the place in the code that each came from.

#include <stdint.h>

/// Allocations (malloc, calloc, realloc, aligned ones) of the calling thread so far.
long allocation_count(void);

/// What is counted of a watched thread.
enum counted_kind {
    COUNTED_ALLOCATION,
    COUNTED_FREE,
    COUNTED_RETAIN,
    COUNTED_RELEASE,
    /// A mutex, reader/writer or spin lock of the C library, taken or tried; a mutex of Swift that was not free.
    COUNTED_LOCK,
    /// A futex system call: a wait for a lock, or waking who waits. (Waits inside of the C library's locks are counted
    /// as locks only.)
    COUNTED_FUTEX,
    /// An instruction that locks memory for the other processors, as a free mutex of Swift is taken with, in place and
    /// without a call. Only seen by stepping.
    COUNTED_ATOMIC,
    COUNTED_KINDS
};

enum { COUNTED_DEPTH = 12, COUNTED_THREADS = 64, COUNTED_PLACES = 512 };

/// One place in the code, and how often it did what.
struct counted_place {
    int32_t thread;
    int32_t kind;
    int64_t times;
    /// Return addresses, innermost first; 0 behind the last one.
    uintptr_t frames[COUNTED_DEPTH];
};

/// Has Swift's runtime report retains and releases from now on; 0 where this runtime has no hooks. Not undone. Call it
/// while no other thread counts references that matter.
int counted_hook_references(void);

/// Counts what the thread with this kernel number does, from `counted_begin` on. 0 when there are too many threads.
int counted_watch(int32_t thread);
/// The kernel's number of the calling thread.
int32_t counted_this_thread(void);
/// Counting begins anew for all watched threads.
void counted_begin(void);
/// Counting ends; what was counted stays until the next `counted_begin`.
void counted_end(void);
/// Threads that this one starts from now on can be stepped: they do not block the signals for it.
void counted_step_allow(void);
/// Runs a watched thread one instruction at a time from now on, hundreds of times slower, and counts its
/// `COUNTED_ATOMIC` anew. 0 where this is not known how to do (other processors than x86-64), -1 where the thread does
/// not take the signal. One thread at a time, and not between `counted_begin` and `counted_end`.
int counted_step_begin(int32_t thread);
/// The thread runs freely again. Returns how many instructions it did.
int64_t counted_step_end(void);
/// How often a watched thread did it.
int64_t counted_times(int32_t thread, enum counted_kind kind);
/// Place number `index` of a watched thread; 0 behind the last one. Only after counting.
int counted_place(int32_t thread, int index, struct counted_place *out);
/// Events of a watched thread whose place had no room. They are in `counted_times`.
int64_t counted_without_place(int32_t thread);
/// Nobody is watched any more.
void counted_forget(void);

/// The name of the function around an address in this program or in a library of it, as its author wrote it; "" where
/// nobody knows. Not for a watched thread.
void counted_name(uintptr_t address, char *out, int room);

#endif
