#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "counted_events.h"

// The definition behind ours, looked up when first needed: that may be before any constructor has run.
#define NEXT(name)                                                                                       \
    static __typeof__(&name) next;                                                                       \
    __typeof__(&name) real = __atomic_load_n(&next, __ATOMIC_RELAXED);                                   \
    if (!real) {                                                                                         \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                               \
        __atomic_store_n(&next, real, __ATOMIC_RELAXED);                                                 \
    }

#define COUNT(kind) \
    if (counted_is_on()) counted_note(kind, __builtin_frame_address(0))

#define STAND_IN(name, type)      \
    int name(type *lock) {        \
        NEXT(name)                \
        COUNT(COUNTED_LOCK);      \
        return real(lock);        \
    }

STAND_IN(pthread_mutex_lock, pthread_mutex_t)
STAND_IN(pthread_mutex_trylock, pthread_mutex_t)
STAND_IN(pthread_rwlock_rdlock, pthread_rwlock_t)
STAND_IN(pthread_rwlock_tryrdlock, pthread_rwlock_t)
STAND_IN(pthread_rwlock_wrlock, pthread_rwlock_t)
STAND_IN(pthread_rwlock_trywrlock, pthread_rwlock_t)
STAND_IN(pthread_spin_lock, pthread_spinlock_t)

// A mutex of Swift that is free is taken in place, without a call; one that is not asks the kernel through this.
long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long words[6];
    for (int i = 0; i < 6; i++) words[i] = va_arg(list, long);
    va_end(list);
    NEXT(syscall)
    if (number == SYS_futex) COUNT(COUNTED_FUTEX);
    return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
