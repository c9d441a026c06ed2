/*
 * source_lines - call sites added up by line of source: what the call on a line allocates itself,
 * and what is allocated below it; and the files of these lines, what matters most first.
 * A line's own call is the call site as it is shown (site_stack_shown), so wrappers do not count.
 * A site counts once for each line and file of its stack, however often they come again in it.
 * Not for: reading source files, see symbol/source_text.
 * Owner: whoever built it, source_lines_destroy(). Threads: one at a time.
 * Memory: a few hundred bytes for each line that is on a stack. Texts: the profile's, and its own.
 */
#ifndef ALLOCTRAP_INSIGHT_SOURCE_LINES_H
#define ALLOCTRAP_INSIGHT_SOURCE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/rank.h"
#include "insight/select.h"
#include "insight/site_name.h"

enum { SOURCE_VALUES = RANK_P99 /* one for each key that adds up */ };

struct source_numbers {
    uint64_t values[SOURCE_VALUES]; /* by enum rank_key */
    struct profile_calls calls;
    struct hist latency;
};

/* Two lines of one number are one line, whatever functions they are inlined into. */
struct source_line {
    uint32_t file;
    uint32_t line;        /* 0 = the debug information tells no line */
    const char *function; /* of the first call seen */
    struct source_numbers self;
    struct source_numbers total; /* self, and what is below */
};

struct source_file {
    const char *path;   /* tidy, as source_path_tidy() */
    const char *module; /* of the first call seen */
    uint64_t self[SOURCE_VALUES];
    uint64_t total[SOURCE_VALUES];
    bool is_small;   /* has less than half a percent of the key, with all that is below */
    double distance; /* from the call site shown, in calls: the mean, weighted by the key */
    size_t first;    /* its lines: lines.at[first] and `count` of them, by number */
    size_t count;
};

struct source_lines {
    MEM_ARRAY(struct source_file) files; /* in the order to show them */
    MEM_ARRAY(struct source_line) lines;
    uint64_t all[SOURCE_VALUES];       /* of all sites that are kept */
    uint64_t with_line[SOURCE_VALUES]; /* of those whose own call has a file and line */
    bool is_chosen;                    /* files holds what was asked for by name */
    struct mem_strings *strings;
};

/*
 * key (not RANK_P99) orders the files: those that allocate at least half a percent themselves, the
 * largest first; then those that call what allocates, the nearest first; then all others.
 */
struct source_lines *source_lines_build(const struct profile *profile,
                                        const struct selection *selection,
                                        const struct site_wrappers *wrappers, enum rank_key key);
void source_lines_destroy(struct source_lines *lines);

/* Keeps only the files that `name` is the end of; false and nothing changed when there is none. */
bool source_lines_choose(struct source_lines *lines, const char *name);

#endif
