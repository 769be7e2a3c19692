#ifndef EARSHOT_ALLOCATION_COUNTER_H
#define EARSHOT_ALLOCATION_COUNTER_H

// Stands in for the allocator of the whole program and counts, thread by thread, what is asked of it.

/// Allocations (malloc, calloc, realloc, aligned ones) of the calling thread so far.
long allocation_count(void);

#endif
