#include "allocation_counter.h"

#include <errno.h>
#include <stddef.h>

#include "counted_events.h"

// glibc's allocator under the names that it has for itself.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread long count;

long allocation_count(void) { return count; }

static inline void note_allocation(void *frame) {
    count++;
    if (counted_is_on()) counted_note(COUNTED_ALLOCATION, frame);
}

void *malloc(size_t size) {
    note_allocation(__builtin_frame_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
    note_allocation(__builtin_frame_address(0));
    return __libc_calloc(items, size);
}

void *realloc(void *old, size_t size) {
    note_allocation(__builtin_frame_address(0));
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    note_allocation(__builtin_frame_address(0));
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note_allocation(__builtin_frame_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    note_allocation(__builtin_frame_address(0));
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

void free(void *memory) {
    // Freeing nothing costs nothing.
    if (memory && counted_is_on()) counted_note(COUNTED_FREE, __builtin_frame_address(0));
    __libc_free(memory);
}
