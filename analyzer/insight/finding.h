/*
 * finding - what to do about a program's allocations: the kinds of traps that events can show, and
 * one case of a trap with its evidence. docs/advice.md defines each kind.
 * Not for: guesses that events cannot support; what is only likely is said with low confidence.
 * Memory: a struct finding holds numbers and static texts; it owns nothing.
 * Units: ns net of the clock's cost, bytes as requested unless a number says otherwise.
 */
#ifndef ALLOCTRAP_INSIGHT_FINDING_H
#define ALLOCTRAP_INSIGHT_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "insight/finding_group.h"

/*
 * X(id, name, detector, does it speak for the group's calls, one line)
 * The order is that of being asked: of the kinds that speak for the same calls the first one that
 * fits gets them, the more particular before the more general. Kinds that do not speak for calls
 * (memory held, latency) may stand beside another.
 */
#define FINDING_TABLE(X)                                                                           \
    X(ZEROED, "zeroed", finding_zeroed, true, "cleared memory that is thrown away at once")        \
    X(GROWTH, "growth", finding_growth, true, "a block that is grown step by step")                \
    X(PRESIZE, "presize", finding_presize, true, "grown from small to a size known beforehand")    \
    X(MANY_STEPS, "many-steps", finding_many_steps, true, "several blocks to make one result")     \
    X(BOXED, "boxed", finding_boxed, true, "a block of its own for each small value")              \
    X(SCRATCH, "scratch", finding_scratch, true, "blocks that never outlive a call")               \
    X(TEMPORARY, "temporary", finding_temporary, true, "blocks that are freed at once")            \
    X(ARENA, "arena", finding_arena, true, "born one by one, freed together")                      \
    X(POOL, "pool", finding_pool, true, "the same blocks made again and again")                    \
    X(COLD_POOL, "cold-pool", finding_cold_pool, true, "kept for long, yet made again and again")  \
    X(OVERSIZED, "oversized", finding_oversized, true, "blocks that the allocator rounds up")      \
    X(RETAINED, "retained", finding_retained, false, "large blocks that are held for long")        \
    X(LEAK, "leak", finding_leak, false, "blocks that are never freed, more and more of them")     \
    X(PING_PONG, "ping-pong", finding_ping_pong, false, "made by one thread, freed by another")    \
    X(SLOW_CALLS, "slow-calls", finding_slow_calls, false, "a few calls that take very long")

enum finding_kind {
#define FINDING_ROW(id, name, detector, speaks, line) FINDING_##id,
    FINDING_TABLE(FINDING_ROW)
#undef FINDING_ROW
        FINDING_KINDS
};

enum finding_confidence { FINDING_LOW, FINDING_MEDIUM, FINDING_HIGH, FINDING_CONFIDENCES };

enum finding_unit { FINDING_COUNT, FINDING_BYTES, FINDING_NS, FINDING_PERMILLE, FINDING_BYTE_US };

/* One number of the evidence. name: in JSON; words: for people. Static texts. */
struct finding_number {
    const char *name;
    const char *words;
    enum finding_unit unit;
    uint64_t value;
};

/* What a fix would save, at most. */
struct finding_saves {
    uint64_t calls;         /* allocations */
    uint64_t copied_bytes;  /* from old blocks to new ones */
    uint64_t cleared_bytes; /* by calloc */
    uint64_t memory_bytes;  /* at the peak, or live at the end */
    uint64_t ns;            /* in the allocator, as measured: allocations and their frees */
};

enum { FINDING_NUMBERS_MAX = 10 };

struct finding {
    enum finding_kind kind;
    enum finding_confidence confidence;
    const char *reason;            /* of the confidence: static */
    uint32_t site;                 /* the call site with the largest part in it */
    uint32_t place;                /* its frame to talk about: an index into the site's stack */
    uint32_t sites;                /* call sites with the same function and line there */
    uint32_t free_site;            /* where most of its blocks are freed; 0 = unknown or none */
    const char *cause;             /* slow-calls: what made them slow; static, NULL = not asked */
    enum profile_cause cause_kind; /* NONE: cause is a hint, or there is none */
    struct finding_saves saves;
    uint32_t effect_permille; /* of the program's allocations, bytes, time or peak: the highest */
    struct finding_number numbers[FINDING_NUMBERS_MAX];
    size_t number_count;
};

/* A kind looks at a group: true when it is a case of it, and *ret says all but kind, site, sites,
 * free_site and effect. *ret is all zero before. */
typedef bool finding_detector(const struct finding_facts *facts, const struct finding_group *group,
                              struct finding *ret);
#define FINDING_DECLARE(id, name, detector, speaks, line) finding_detector detector;
FINDING_TABLE(FINDING_DECLARE)
#undef FINDING_DECLARE

/* Adds to the evidence; texts are static. */
void finding_add(struct finding *finding, const char *name, const char *words,
                 enum finding_unit unit, uint64_t value);

/* Whether a value that a histogram gave is max or less. It is the middle of a bin: that of max's
 * own bin may lie above max. */
bool finding_is_up_to(uint64_t value, uint64_t max);

/* Static texts of a kind: its name, its line, a paragraph, a few lines of C. */
const char *finding_name(enum finding_kind kind);
const char *finding_line(enum finding_kind kind);
const char *finding_advice(enum finding_kind kind);
const char *finding_example(enum finding_kind kind);
/* The same of one finding: of its cause, where that is known. */
const char *finding_advice_of(const struct finding *finding);
const char *finding_example_of(const struct finding *finding);
const char *finding_confidence_name(enum finding_confidence confidence);

/* False when there is no kind of that name. */
bool finding_parse(const char *name, enum finding_kind *ret);

#endif
