#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counted_events.h"

// Swift's runtime counts references in four functions, which everything calls: compiled code through the dynamic linker,
// the standard library directly. The first instructions of each are replaced by a jump to a stand-in that counts and then
// calls the implementation behind it, which the runtime names in a variable for instruments (`_swift_retain` …).
//
// The variables themselves, which the runtime uses once a flag is set, will not do in Swift 6.3: what is put there is
// called without the bits that tell a short string, which is no object at all, from an object.
extern void *(*_Atomic _swift_retain)(void *) __attribute__((weak));
extern void *(*_Atomic _swift_retain_n)(void *, uint32_t) __attribute__((weak));
extern void (*_Atomic _swift_release)(void *) __attribute__((weak));
extern void (*_Atomic _swift_release_n)(void *, uint32_t) __attribute__((weak));

// On some processors callers expect all registers to be kept; it harms nobody elsewhere.
#if __has_attribute(preserve_most)
#define KEEPS_REGISTERS __attribute__((preserve_most))
#else
#define KEEPS_REGISTERS
#endif

static void *(*retain)(void *);
static void *(*retain_many)(void *, uint32_t);
static void (*release)(void *);
static void (*release_many)(void *, uint32_t);

static KEEPS_REGISTERS void *counting_retain(void *object) {
    if (counted_is_on()) counted_note(COUNTED_RETAIN, __builtin_frame_address(0));
    return retain(object);
}

static KEEPS_REGISTERS void *counting_retain_many(void *object, uint32_t times) {
    if (counted_is_on()) counted_note(COUNTED_RETAIN, __builtin_frame_address(0));
    return retain_many(object, times);
}

static KEEPS_REGISTERS void counting_release(void *object) {
    if (counted_is_on()) counted_note(COUNTED_RELEASE, __builtin_frame_address(0));
    release(object);
}

static KEEPS_REGISTERS void counting_release_many(void *object, uint32_t times) {
    if (counted_is_on()) counted_note(COUNTED_RELEASE, __builtin_frame_address(0));
    release_many(object, times);
}

/// Jumps from the beginning of `function` to `target`. 0 where this processor's way to do so is not known, or the system
/// does not let code be changed.
static int redirect(const char *function, void *target) {
#if defined(__x86_64__)
    uint8_t jump[14] = {0xFF, 0x25, 0, 0, 0, 0};  // jmp *0(%rip), the address behind it
    memcpy(jump + 6, &target, sizeof target);
#elif defined(__aarch64__)
    uint32_t load = 0x58000050, branch = 0xD61F0200;  // ldr x16, 8; br x16
    uint8_t jump[16];
    memcpy(jump, &load, 4);
    memcpy(jump + 4, &branch, 4);
    memcpy(jump + 8, &target, sizeof target);
#else
    uint8_t jump[1];
    return 0;
#endif
    uint8_t *place = dlsym(RTLD_DEFAULT, function);
    if (!place) return 0;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)place & ~(page - 1);
    size_t length = ((uintptr_t)place + sizeof jump - first + page - 1) & ~(page - 1);
    if (mprotect((void *)first, length, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return 0;
    memcpy(place, jump, sizeof jump);
    __builtin___clear_cache((char *)place, (char *)place + sizeof jump);
    return mprotect((void *)first, length, PROT_READ | PROT_EXEC) == 0;
}

int counted_hook_references(void) {
    if (retain) return 1;
    if (!&_swift_retain || !&_swift_retain_n || !&_swift_release || !&_swift_release_n) return 0;
    retain = _swift_retain;
    retain_many = _swift_retain_n;
    release = _swift_release;
    release_many = _swift_release_n;
    return redirect("swift_retain", (void *)counting_retain) &&
           redirect("swift_retain_n", (void *)counting_retain_many) &&
           redirect("swift_release", (void *)counting_release) &&
           redirect("swift_release_n", (void *)counting_release_many);
}
