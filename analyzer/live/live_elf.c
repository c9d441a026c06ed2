#include "live/live_elf.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SCRIPTS_MAX = 4, LINE_BYTES = 512, SYMBOLS_MAX = 4000000 };

enum live_elf_allocator live_elf_allocator_of(const char *library)
{
    const char *slash = strrchr(library, '/');
    const char *base = slash == NULL ? library : slash + 1;
    if (strncmp(base, "libtcmalloc", 11) == 0) {
        return LIVE_ELF_TCMALLOC;
    }
    if (strncmp(base, "libjemalloc", 11) == 0) {
        return LIVE_ELF_JEMALLOC;
    }
    return strncmp(base, "libmimalloc", 11) == 0 ? LIVE_ELF_MIMALLOC : LIVE_ELF_LIBC;
}

static bool is_sanitizer(const char *library)
{
    return strncmp(library, "libasan", 7) == 0 || strncmp(library, "libtsan", 7) == 0 ||
           strncmp(library, "libclang_rt.", 12) == 0;
}

static void read_needed(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct live_elf *ret)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize == 0 ? 0 : header->sh_size / header->sh_entsize;
    for (size_t i = 0; data != NULL && i < count && i < INT_MAX; i++) {
        GElf_Dyn entry;
        if (gelf_getdyn(data, (int)i, &entry) == NULL || entry.d_tag == DT_NULL) {
            return;
        }
        if (entry.d_tag != DT_NEEDED) {
            continue;
        }
        const char *name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
        if (name != NULL) {
            enum live_elf_allocator allocator = live_elf_allocator_of(name);
            ret->allocator = allocator == LIVE_ELF_LIBC ? ret->allocator : allocator;
            ret->is_sanitized = ret->is_sanitized || is_sanitizer(name);
            ret->is_musl = ret->is_musl || strncmp(name, "libc.musl", 9) == 0;
        }
    }
}

static void read_symbol(const char *name, const GElf_Sym *symbol, struct live_elf *ret)
{
    bool is_global = GELF_ST_BIND(symbol->st_info) != STB_LOCAL;
    if (symbol->st_shndx == SHN_UNDEF) {
        return;
    }
    if (strcmp(name, "malloc") == 0 && GELF_ST_TYPE(symbol->st_info) == STT_FUNC && is_global) {
        ret->has_own_malloc = true;
    }
    if (strcmp(name, "__asan_init") == 0 || strcmp(name, "__tsan_init") == 0 ||
        strcmp(name, "__msan_init") == 0) {
        ret->is_sanitized = true;
    }
}

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct live_elf *ret)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize == 0 ? 0 : header->sh_size / header->sh_entsize;
    for (size_t i = 0; data != NULL && i < count && i < SYMBOLS_MAX; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL) {
            return;
        }
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name != NULL) {
            read_symbol(name, &symbol, ret);
        }
    }
}

static void read_sections(Elf *elf, struct live_elf *ret)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL) {
            continue;
        }
        if (header.sh_type == SHT_DYNAMIC) {
            read_needed(elf, section, &header, ret);
        }
        if (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB) {
            read_symbols(elf, section, &header, ret);
        }
    }
}

/* The loader's path is read from the file: the segment may claim anything. */
static void read_interpreter(int fd, const GElf_Phdr *segment, struct live_elf *ret)
{
    char name[256] = "";
    size_t len = segment->p_filesz < sizeof name ? segment->p_filesz : sizeof name - 1;
    ssize_t got = pread(fd, name, len, (off_t)segment->p_offset);
    name[got > 0 ? (size_t)got : 0] = '\0';
    ret->is_static = false;
    ret->is_musl = ret->is_musl || strstr(name, "/ld-musl") != NULL;
}

static void read_segments(Elf *elf, int fd, struct live_elf *ret)
{
    size_t count = 0;
    ret->is_static = true;
    if (elf_getphdrnum(elf, &count) != 0) {
        return;
    }
    for (size_t i = 0; i < count && i < INT_MAX; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) != NULL && segment.p_type == PT_INTERP) {
            read_interpreter(fd, &segment, ret);
        }
    }
}

static void read_elf(int fd, struct live_elf *ret)
{
    if (elf_version(EV_CURRENT) == EV_NONE) {
        return;
    }
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    GElf_Ehdr header;
    if (elf != NULL && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) != NULL) {
        ret->is_elf = true;
        ret->is_other_machine =
            header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64;
        read_segments(elf, fd, ret);
        read_sections(elf, ret);
    }
    elf_end(elf);
}

static bool is_privileged(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return false;
    }
    bool is_setuid = (status.st_mode & S_ISUID) != 0 && status.st_uid != getuid();
    bool is_setgid =
        (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getgid();
    bool has_capabilities = getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
    return is_setuid || is_setgid || has_capabilities;
}

/* The interpreter of a "#!" line into out. */
static bool read_script(int fd, char *out, size_t out_bytes)
{
    char line[LINE_BYTES];
    ssize_t got = pread(fd, line, sizeof line - 1, 0);
    if (got < 3 || line[0] != '#' || line[1] != '!') {
        return false;
    }
    line[got] = '\0';
    char *start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t\r\n")] = '\0';
    snprintf(out, out_bytes, "%s", start);
    return start[0] != '\0';
}

void live_elf_read(const char *path, struct live_elf *ret)
{
    *ret = (struct live_elf){0};
    snprintf(ret->path, sizeof ret->path, "%s", path);
    for (int depth = 0; depth < SCRIPTS_MAX; depth++) {
        char next[LINE_BYTES];
        int fd = open(ret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) {
            return;
        }
        bool is_script = read_script(fd, next, sizeof next);
        if (!is_script) {
            ret->is_privileged = is_privileged(fd);
            read_elf(fd, ret);
        }
        close(fd);
        if (!is_script) {
            return;
        }
        snprintf(ret->path, sizeof ret->path, "%s", next);
    }
}
