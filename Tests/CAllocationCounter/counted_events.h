#ifndef EARSHOT_COUNTED_EVENTS_H
#define EARSHOT_COUNTED_EVENTS_H

// How the stand-ins tell what they saw. Takes no memory and no lock, since it is called from within both.

#include <stdatomic.h>

#include "allocation_counter.h"

extern _Atomic int counted_on;

static inline int counted_is_on(void) { return atomic_load_explicit(&counted_on, memory_order_relaxed); }

/// `frame` is the stand-in's own frame (`__builtin_frame_address(0)`), from which the callers are found.
void counted_note(enum counted_kind kind, void *frame);
/// The same for an instruction at `place` of a function with the frame pointer `frame`.
void counted_note_at(enum counted_kind kind, uintptr_t place, uintptr_t frame);
/// Forgets what a thread did; 0 when it is not watched.
int counted_restart(int32_t thread);

#endif
