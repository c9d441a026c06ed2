/*
 * slow_cause - what made a slow call slow, told by what the kernel counted within it.
 * docs/advice.md ("Causes of slow calls") has the rule in words. Told while recording, so that each
 * slow call has its part in its site's sums, not only the few that are kept.
 * Not for: calls that were not measured; nothing is guessed for them.
 * Pure: numbers in, a cause out.
 */
#ifndef ALLOCTRAP_HEAP_SLOW_CAUSE_H
#define ALLOCTRAP_HEAP_SLOW_CAUSE_H

#include <stdint.h>

#include "heap/profile.h"

enum {
    /* glibc's first M_MMAP_THRESHOLD, and M_TRIM_THRESHOLD: from here on a block is a mapping of
     * its own, or its end gives memory back, until frees of such blocks have raised both. */
    SLOW_CAUSE_MMAP_BYTES = 128 * 1024,
    /* The first touch of a page takes 0.25 us (idle) to 2 us (a busy virtual machine): what faults
     * can explain at most. */
    SLOW_CAUSE_FAULT_NS = 2000
};

/* size: requested, or of the block that a free ended; 0 = not known. */
enum profile_cause slow_cause_of(const struct session_usage *usage, uint64_t size,
                                 enum hook_effect effect, uint64_t ns);

/* "first-touch", as JSON and recordings have it; "" for PROFILE_CAUSE_NONE. */
const char *slow_cause_name(enum profile_cause cause);
/* "first touch", as tables have it; "not measured" for PROFILE_CAUSE_NONE. */
const char *slow_cause_words(enum profile_cause cause);

#endif
