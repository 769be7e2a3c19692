#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "counted_events.h"

#if defined(__x86_64__)

enum { TRAP_FLAG = 0x100 };

static _Atomic int is_stepping, has_begun, has_ended;
static _Atomic int64_t instructions;
static struct sigaction former_trap, former_start;

/// Whether the instruction locks memory: it has the prefix for that, or is an exchange with memory (Intel SDM 3A 9.1.2.2).
static int is_locked(const uint8_t *code) {
    for (int i = 0; i < 14; i++) {
        switch (code[i]) {
        case 0xF0: return 1;
        case 0x26: case 0x2E: case 0x36: case 0x3E: case 0x64: case 0x65: case 0x66: case 0x67: case 0xF2: case 0xF3:
            continue;
        case 0x86: case 0x87: return code[i + 1] >> 6 != 3;
        default:
            if (code[i] >> 4 == 4) continue;  // REX
            return 0;
        }
    }
    return 0;
}

// Entered before the instruction at the saved place, for each one.
static void on_trap(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (!atomic_load_explicit(&is_stepping, memory_order_relaxed)) {
        registers[REG_EFL] &= ~(greg_t)TRAP_FLAG;
        atomic_store(&has_ended, 1);
        return;
    }
    atomic_fetch_add_explicit(&instructions, 1, memory_order_relaxed);
    if (is_locked((const uint8_t *)registers[REG_RIP]))
        counted_note_at(COUNTED_ATOMIC, (uintptr_t)registers[REG_RIP], (uintptr_t)registers[REG_RBP]);
}

static void on_start(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
    atomic_store(&has_begun, 1);
}

void counted_step_allow(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTRAP);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

int counted_step_begin(int32_t thread) {
    struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    struct sigaction start = {.sa_sigaction = on_start, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (!counted_restart(thread)) return 0;
    atomic_store(&has_begun, 0);
    atomic_store(&has_ended, 0);
    atomic_store(&instructions, 0);
    sigaction(SIGTRAP, &trap, &former_trap);
    sigaction(SIGUSR2, &start, &former_start);
    atomic_store(&is_stepping, 1);
    if (syscall(SYS_tgkill, getpid(), thread, SIGUSR2) == 0)
        for (int i = 0; i < 500 && !atomic_load(&has_begun); i++) usleep(1000);
    if (atomic_load(&has_begun)) return 1;
    counted_step_end();
    return -1;
}

int64_t counted_step_end(void) {
    atomic_store(&is_stepping, 0);
    for (int i = 0; i < 2000 && atomic_load(&has_begun) && !atomic_load(&has_ended); i++) usleep(1000);
    sigaction(SIGTRAP, &former_trap, NULL);
    sigaction(SIGUSR2, &former_start, NULL);
    return atomic_load(&instructions);
}

#else

void counted_step_allow(void) {}
int counted_step_begin(int32_t thread) { (void)thread; return 0; }
int64_t counted_step_end(void) { return 0; }

#endif
