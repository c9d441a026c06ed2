/*
 * live_elf - what the dynamic loader will make of a program: facts of its ELF file, read with
 * libelf. Hostile files give fewer facts, never a crash.
 * Owner: none.   Threads: any.
 */
#ifndef ALLOCTRAP_LIVE_ELF_H
#define ALLOCTRAP_LIVE_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum live_elf_allocator { LIVE_ELF_LIBC, LIVE_ELF_TCMALLOC, LIVE_ELF_JEMALLOC, LIVE_ELF_MIMALLOC };

struct live_elf {
    char path[PATH_MAX]; /* the ELF file itself: behind scripts, their interpreter */
    bool is_elf;
    bool is_other_machine; /* not x86-64 */
    bool is_static;        /* no PT_INTERP */
    bool is_musl;
    bool is_sanitized;  /* ASan, TSan, MSan runtime */
    bool is_privileged; /* setuid, setgid or file capabilities, for us */
    bool has_own_malloc;
    enum live_elf_allocator allocator; /* by DT_NEEDED */
};

/* Looks at a program, following "#!" lines. */
void live_elf_read(const char *path, struct live_elf *ret);

/* The allocator that a library's file name stands for. */
enum live_elf_allocator live_elf_allocator_of(const char *library);

#endif
