/*
 * alloctrap - what a program may tell its allocation profiler. This header is all there is: without
 * the profiler each call is a look at a weak symbol and nothing more. C and C++.
 *
 *   alloctrap_units(1, "request");        one more unit of work is done
 *   alloctrap_mark("warm");               from here on, in all threads: a moment of the run
 *   alloctrap_phase_begin("parse");       what this thread does until
 *   alloctrap_phase_end("parse");         here is the phase "parse"
 *   alloctrap_forbid_begin("hot loop");   this thread does not allocate until
 *   alloctrap_forbid_end("hot loop");     here; `alloctrap check` fails where it does
 *   alloctrap_pause(); alloctrap_resume();  what this thread does between them is no concern of a
 *                                         budget; it is recorded all the same
 *
 * Names are up to 31 bytes long, at most 64 different ones. Phases may overlap and contain each
 * other. Everything here may be called in a signal handler.
 */
#ifndef ALLOCTRAP_ALLOCTRAP_H
#define ALLOCTRAP_ALLOCTRAP_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by the preloaded library; call the functions below instead. */
extern void alloctrap_note_units(uint64_t count, const char *unit_name) __attribute__((weak));
extern void alloctrap_note(uint32_t kind, const char *name) __attribute__((weak));
extern bool alloctrap_thread_counts(uint64_t counts[3]) __attribute__((weak));

/*
 * The address of one of them, 0 without the profiler. By the global offset table, whatever the code
 * model: in an executable at a fixed address the linker would else settle a weak symbol that it
 * does not see as missing for ever.
 */
#if defined(__x86_64__)
#define ALLOCTRAP_FIND(symbol, ret)                                                                \
    __asm__(".weak " #symbol "\n\tmovq " #symbol "@GOTPCREL(%%rip), %0" : "=r"(ret))
#else
#define ALLOCTRAP_FIND(symbol, ret) ((ret) = symbol)
#endif

/*
 * The program did `count` units of work more; reports then give figures per unit. The name, in the
 * singular, up to 31 bytes ("line", "request"), is the first one told.
 */
static inline void alloctrap_units(uint64_t count, const char *unit_name)
{
    void (*note)(uint64_t, const char *);
    ALLOCTRAP_FIND(alloctrap_note_units, note);
    if (note) {
        note(count, unit_name);
    }
}

/* kind: as session.h of the profiler numbers them. */
static inline void alloctrap_tell(uint32_t kind, const char *name)
{
    void (*note)(uint32_t, const char *);
    ALLOCTRAP_FIND(alloctrap_note, note);
    if (note) {
        note(kind, name);
    }
}

static inline void alloctrap_mark(const char *name)
{
    alloctrap_tell(1, name);
}

static inline void alloctrap_phase_begin(const char *name)
{
    alloctrap_tell(2, name);
}

static inline void alloctrap_phase_end(const char *name)
{
    alloctrap_tell(3, name);
}

static inline void alloctrap_pause(void)
{
    alloctrap_tell(4, "paused");
}

static inline void alloctrap_resume(void)
{
    alloctrap_tell(5, "paused");
}

static inline void alloctrap_forbid_begin(const char *name)
{
    alloctrap_tell(6, name);
}

static inline void alloctrap_forbid_end(const char *name)
{
    alloctrap_tell(7, name);
}

/* What the calling thread has done so far; differences of two of them are exact. */
struct alloctrap_counts {
    uint64_t allocations;
    uint64_t frees;
    uint64_t bytes;
};

/* False, and all 0, without the profiler. Costs a microsecond for each hundred call sites. */
static inline bool alloctrap_counts_now(struct alloctrap_counts *ret)
{
    bool (*ask)(uint64_t counts[3]);
    uint64_t counts[3] = {0, 0, 0};
    ALLOCTRAP_FIND(alloctrap_thread_counts, ask);
    bool is_known = ask && ask(counts);
    ret->allocations = counts[0];
    ret->frees = counts[1];
    ret->bytes = counts[2];
    return is_known;
}

#ifdef __cplusplus
}
#endif

#endif
