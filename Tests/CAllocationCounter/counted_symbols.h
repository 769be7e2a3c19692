#ifndef EARSHOT_COUNTED_SYMBOLS_H
#define EARSHOT_COUNTED_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

// The table of symbols that a program or a library has in its file, with the functions that it does not export:
// dladdr does not know them.

struct symbol_file {
    const uint8_t *octets;
    size_t size;
    /// What addresses in the file are less by than those in memory.
    uintptr_t bias;
};

/// Zeros where the file cannot be read. Stays mapped.
struct symbol_file symbols_open(const char *path, uintptr_t bias);
/// The function around an address; NULL where there is none.
const char *symbol_around(const struct symbol_file *file, uintptr_t address);

#endif
