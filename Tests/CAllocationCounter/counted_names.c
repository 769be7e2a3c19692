#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "allocation_counter.h"
#include "counted_symbols.h"

extern char *swift_demangle(const char *, size_t, char *, size_t *, uint32_t) __attribute__((weak));

static int note_bias(struct dl_phdr_info *info, size_t length, void *bias) {
    (void)length;
    *(uintptr_t *)bias = info->dlpi_addr;
    return 1;  // The program itself comes first.
}

static const char *own_symbol(uintptr_t address) {
    static struct symbol_file program;
    if (!program.octets) {
        uintptr_t bias = 0;
        dl_iterate_phdr(note_bias, &bias);
        program = symbols_open("/proc/self/exe", bias);
    }
    return symbol_around(&program, address);
}

void counted_name(uintptr_t address, char *out, int room) {
    if (room < 1) return;
    out[0] = 0;
    Dl_info about;
    const char *name = own_symbol(address);
    if (!name && dladdr((void *)address, &about)) name = about.dli_sname ? about.dli_sname : about.dli_fname;
    if (!name) return;
    char *clear = swift_demangle ? swift_demangle(name, strlen(name), NULL, NULL, 0) : NULL;
    strncpy(out, clear ? clear : name, (size_t)room - 1);
    out[room - 1] = 0;
    free(clear);
}
