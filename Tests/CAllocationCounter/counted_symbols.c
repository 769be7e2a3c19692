#include "counted_symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct symbol_file symbols_open(const char *path, uintptr_t bias) {
    struct symbol_file file = {NULL, 0, bias};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (descriptor < 0) return file;
    if (fstat(descriptor, &about) == 0 && about.st_size > (off_t)sizeof(Elf64_Ehdr)) {
        void *place = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (place != MAP_FAILED) file.octets = place, file.size = (size_t)about.st_size;
    }
    close(descriptor);
    return file;
}

struct table {
    const Elf64_Sym *symbols;
    size_t count;
    const char *names;
};

static struct table find_table(const struct symbol_file *file) {
    struct table found = {NULL, 0, NULL};
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)file->octets;
    if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64) return found;
    if (head->e_shoff > file->size || (file->size - head->e_shoff) / sizeof(Elf64_Shdr) < head->e_shnum) return found;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(file->octets + head->e_shoff);
    for (int i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= head->e_shnum) continue;
        found.symbols = (const Elf64_Sym *)(file->octets + sections[i].sh_offset);
        found.count = sections[i].sh_size / sizeof(Elf64_Sym);
        found.names = (const char *)(file->octets + sections[sections[i].sh_link].sh_offset);
    }
    return found;
}

const char *symbol_around(const struct symbol_file *file, uintptr_t address) {
    struct table table = find_table(file);
    for (size_t i = 0; i < table.count; i++) {
        const Elf64_Sym *symbol = &table.symbols[i];
        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF) continue;
        uintptr_t start = file->bias + symbol->st_value;
        // A return address may lie just behind a function that ends with a call.
        if (address > start && address <= start + symbol->st_size) return table.names + symbol->st_name;
    }
    return NULL;
}
