/*
 * alloctrap - what a program may tell its allocation profiler. This header is all there is: without
 * the profiler each call is a look at a weak symbol and nothing more. C and C++.
 */
#ifndef ALLOCTRAP_ALLOCTRAP_H
#define ALLOCTRAP_ALLOCTRAP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by the preloaded library; call alloctrap_units() instead. */
extern void alloctrap_note_units(uint64_t count, const char *unit_name) __attribute__((weak));

/*
 * The program did `count` units of work more; reports then give figures per unit. The name, in the
 * singular, up to 31 bytes ("line", "request"), is the first one told.
 */
static inline void alloctrap_units(uint64_t count, const char *unit_name)
{
#if defined(__x86_64__)
    /* By the global offset table, whatever the code model: in an executable at a fixed address the
     * linker would else settle a weak symbol that it does not see as missing for ever. */
    void (*note)(uint64_t, const char *);
    __asm__(".weak alloctrap_note_units\n\tmovq alloctrap_note_units@GOTPCREL(%%rip), %0"
            : "=r"(note));
#else
    void (*note)(uint64_t, const char *) = alloctrap_note_units;
#endif
    if (note) {
        note(count, unit_name);
    }
}

#ifdef __cplusplus
}
#endif

#endif
