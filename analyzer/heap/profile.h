/*
 * profile - what a recording knows: the tables that everything after the recorder works on.
 * Bounded by the program's variety (call sites, pairs), not by its running time.
 *
 * Filled by heap/ (from events), by live/ (exact counters, processes), by store/ (from a recording)
 * and by symbol/ (names). Read by insight/, view/, export/. Definitions: docs/concepts.md.
 * Ids are indexes into the arrays; each array's item 0 is "none" or the root where it says so.
 * Owner: one struct profile owns all it points to. Threads: one at a time.
 */
#ifndef ALLOCTRAP_HEAP_PROFILE_H
#define ALLOCTRAP_HEAP_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "alloctrap/hook_table.h"
#include "alloctrap/session.h"
#include "base/mem.h"
#include "heap/hist.h"

enum {
    PROFILE_TIMELINE_BINS = 512, /* bins double in width when all are used */
    PROFILE_SLOW_CALLS = 64,     /* the slowest calls kept */
    PROFILE_PAIRS_MAX = 200000,  /* beyond it: one remainder pair (site 0, site 0) */
    PROFILE_QUARTERS = 4,
    /* A growth by at least 1/16 of the old block is geometric: CPython's lists grow by 1/8, the
     * smallest factor in use. */
    PROFILE_GEOMETRIC_DIVISOR = 16,
    /* A chain of more steps is long: a text of known parts has fewer, and so has a block that
     * doubles until it holds a few hundred things. */
    PROFILE_LONG_STEPS = 8,
    /* Blocks freed by a thread in a row, with no allocation of its own between and all of them
     * born before the first was freed, once it has freed so many: more than the members of one
     * object, fewer than a structure worth an arena. */
    PROFILE_BURST_FREES = 64
};

/* A library or executable by content, not by address. Item 0: unknown code (JIT, no module). */
struct profile_module {
    const char *path;
    uint8_t build_id[SESSION_BUILD_ID_BYTES];
    uint8_t build_id_len;
};

/* One line of source at an address: an inlined function or the function itself. */
struct profile_symbol {
    const char *function; /* demangled; "" = unknown */
    const char *raw_name; /* as linked; "" where equal to function */
    const char *file;     /* "" = unknown */
    uint32_t line;        /* 0 = unknown */
    bool is_inlined;      /* its code stands inside the next symbol's function */
};

enum { PROFILE_LINES_MAX = 64 }; /* of one address: calls inlined within each other */

/* A code address: module + offset. Equal across processes and runs of one build. */
struct profile_frame {
    uint32_t module;
    uint32_t flags;        /* enum session_node_flag, EXACT_PC and GUESSED */
    uint64_t offset;       /* return address - bias; absolute address for module 0 */
    uint32_t symbol_first; /* into symbols, innermost inline first */
    uint32_t symbol_count; /* 0 = not resolved */
};

/* A call path: parent (towards main) and frame. Item 0 is the root. parent < own id always. */
struct profile_path {
    uint32_t parent;
    uint32_t frame;
    uint32_t depth; /* frames from the root */
    uint32_t site;  /* index into sites, 0 = none */
    bool is_cut;    /* the stack was deeper than was kept */
};

/* Exact numbers of one function at one site (or in total). */
struct profile_calls {
    uint64_t calls; /* returned calls, failed ones included */
    uint64_t allocs;
    uint64_t frees;
    uint64_t failed;
    uint64_t bytes; /* requested, of blocks begun */
    uint64_t ns;    /* inside the real function, clock cost not subtracted */
    uint64_t ns_max;
};

/* One (site, function) with calls. */
struct profile_site_call {
    uint32_t site;
    uint8_t call; /* enum hook_call */
    struct profile_calls counts;
    struct hist latency; /* ns; of the events seen */
};

/* Of the chains below: those of more than PROFILE_LONG_STEPS steps. */
struct profile_long {
    uint64_t chains;
    uint64_t steps;
    uint64_t copied_bytes;
    uint64_t in_place_bytes;
    uint64_t first_bytes;
    uint64_t last_bytes;
    uint64_t geometric_steps;
};

/* Chains of growth that ended (or still stand) at a site: realloc chains, and malloc + copy + free.
 */
struct profile_growth {
    uint64_t chains;          /* blocks that grew at least once */
    uint64_t steps;           /* growths, all chains together */
    uint64_t steps_max;       /* of one chain */
    uint64_t copied_bytes;    /* old block's size at each step: what had to be kept */
    uint64_t first_bytes;     /* sum over chains of the first size */
    uint64_t last_bytes;      /* sum over chains of the last size */
    uint64_t by_copy_steps;   /* of steps: malloc + copy + free, not realloc */
    uint64_t geometric_steps; /* of steps: by 1/PROFILE_GEOMETRIC_DIVISOR of the old size or more */
    uint64_t in_place_steps;  /* of steps: realloc left the block where it was */
    uint64_t in_place_bytes;  /* of copied_bytes: nothing had to be copied after all */
    struct profile_long longs;
    struct hist last_size;
};

/* A call site: one distinct call path that called the allocator. Item 0: the remainder (no path).
 */
struct profile_site {
    uint32_t path;
    uint64_t allocs; /* sums over this site's calls, exact from the counters */
    uint64_t bytes;
    uint64_t freed;      /* blocks born here that have ended */
    uint64_t free_calls; /* calls at this site that end blocks */
    uint64_t failed;
    uint64_t ns;
    uint64_t temporaries; /* born here, freed by the same thread before it allocated again */
    uint64_t peak_bytes;  /* live bytes of this site at the moment of the recording's peak */
    uint64_t peak_blocks;
    uint64_t live_bytes; /* at the end */
    uint64_t live_blocks;
    uint64_t max_bytes;    /* this site's own highest live bytes, whenever */
    uint64_t max_blocks;   /* and its own highest number of live blocks */
    uint64_t held_byte_us; /* bytes times the microseconds they lived, ended or not */
    uint64_t burst_frees;  /* born here, freed late in a run of PROFILE_BURST_FREES or more */
    uint64_t bursts;       /* such runs, told at the site whose block made it one */
    uint64_t replaced;     /* born here and replaced by a larger block: steps of some chain */
    uint64_t live_in_quarter[PROFILE_QUARTERS]; /* of live_blocks: born in the first, ... quarter of
                                                   their process's allocations */
    struct hist latency;                        /* ns, of all calls at this site */
    struct hist size;                           /* requested bytes */
    struct hist life_ns;                        /* lifetimes of ended blocks */
    struct hist life_allocs; /* the same in allocations by the process between birth and death */
    struct profile_growth growth;
};

/* Blocks born at one site and freed at another. */
struct profile_pair {
    uint32_t alloc_site;
    uint32_t free_site;
    uint64_t count;
    uint64_t bytes;
    uint64_t same_thread;
    uint64_t same_frame; /* same thread, same calling function at the same stack position */
};

/* A part of the run: what lies between a mark and the next one, or all of a phase. */
enum profile_span_kind {
    PROFILE_MARK,      /* from this mark to the next, all threads */
    PROFILE_MARK_REST, /* from here to the end: marks beyond PROFILE_MARKS_MAX */
    PROFILE_PHASE,     /* a thread's own, all times and threads together */
    PROFILE_PAUSE,     /* what a program said not to count: in no other span */
    PROFILE_FORBID,    /* where a program said that it does not allocate */
    PROFILE_SPAN_KINDS
};

enum { PROFILE_MARKS_MAX = 512, PROFILE_SPAN_CALLS_MAX = 1000000 };

struct profile_span {
    uint32_t kind;
    const char *name;
    uint64_t at_ns; /* the mark, or when the phase first began; since the recording's start */
    uint64_t times; /* that it began */
    uint64_t ns;    /* in a phase, all times together; 0 for marks */
    uint64_t units; /* a mark: units of work that its process had told by then */
};

/* One (span, site, function) with calls: of the events seen, so losses are missing. */
struct profile_span_call {
    uint32_t span;
    uint32_t site;
    uint8_t call;
    struct profile_calls counts;
    struct hist latency;
};

struct profile_bin {
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes;
    uint64_t ns;          /* allocator time in the bin */
    uint64_t live_bytes;  /* highest within the bin, all processes together */
    uint64_t live_blocks; /* at that moment */
    uint64_t rss_bytes;   /* highest sampled, sum over processes; 0 = not sampled */
    uint64_t faults;      /* page faults in the bin, all processes; sampled */
};

/* What made a slow call slow: X(id, name, words). Appended, never moved: recordings hold them. */
#define PROFILE_CAUSE_TABLE(X)                                                                     \
    X(NONE, "", "not measured")                                                                    \
    X(FIRST_TOUCH, "first-touch", "first touch")                                                   \
    X(MMAP, "mmap-threshold", "mmap threshold")                                                    \
    X(LOCK, "lock", "lock")                                                                        \
    X(PREEMPTION, "preemption", "preemption")                                                      \
    X(CONSOLIDATION, "consolidation", "consolidation")

enum profile_cause {
#define PROFILE_CAUSE_ROW(id, name, words) PROFILE_CAUSE_##id,
    PROFILE_CAUSE_TABLE(PROFILE_CAUSE_ROW)
#undef PROFILE_CAUSE_ROW
        PROFILE_CAUSES
};

struct profile_slow_call {
    uint64_t ns;
    uint64_t at_ns; /* since the recording's start */
    uint64_t size;  /* requested, or of the block that a free ended; 0 = not known */
    uint32_t site;
    uint32_t process;
    uint32_t thread; /* tid */
    uint8_t call;
    uint8_t cause;              /* enum profile_cause; NONE = not measured, usage means nothing */
    struct session_usage usage; /* what the kernel counted within it */
};

/* The measured slow calls (SESSION_SLOW_NS and more) at a site, by cause. */
struct profile_slow_cause {
    uint32_t site;
    uint8_t cause; /* enum profile_cause; never NONE */
    uint64_t calls;
    uint64_t ns;
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t voluntary; /* context switches */
    uint64_t involuntary;
};

enum profile_exit {
    PROFILE_EXITED = 0,
    PROFILE_SIGNALED = 1,
    PROFILE_RUNNING = 2,
    PROFILE_LOST = 3
};

struct profile_totals {
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes;
    uint64_t failed;
    uint64_t ns;
    uint64_t temporaries;
    uint64_t peak_bytes;
    uint64_t peak_blocks;
    uint64_t peak_at_ns; /* since the recording's start */
    uint64_t live_bytes; /* at the end */
    uint64_t live_blocks;
    uint64_t unknown_frees; /* of blocks never seen begun: before us, inherited over fork, lost */
};

struct profile_process {
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t origin; /* enum session_origin */
    uint32_t threads;
    uint64_t start_ns; /* since the recording's start */
    uint64_t end_ns;
    enum profile_exit exit_kind;
    int32_t exit_code;     /* status or signal; -1 = unknown (not our child) */
    const char *command;   /* arguments joined by US (0x1f) */
    const char *allocator; /* object that served the calls */
    struct profile_totals totals;
};

struct profile_run {
    const char *id;      /* random hex, names this run */
    const char *command; /* arguments joined by US (0x1f) */
    const char *host;
    const char *service;  /* the program's part in something larger; its file name if not said */
    const char *build_id; /* of the program, hexadecimal; "" = unknown */
    const char *labels;   /* "key=value,..." as labels_canonical() makes it */
    const char *tool_version;
    const char *settings; /* "depth=512 latency=on ..." */
    uint64_t start_realtime_ns;
    uint64_t duration_ns;
    uint64_t clock_cost_ps; /* of one clock reading, picoseconds; reports subtract one a call */
    uint64_t units;         /* units of work the program said it did; 0 = unknown */
    const char *unit_name;  /* "line"; "" = unknown */
    enum profile_exit exit_kind;
    int32_t exit_code;
    bool is_complete;     /* false: checkpoint of a recorder that never finished, or recovered */
    bool counters_only;   /* recovered: no lifetimes, peak, pairs, histograms */
    bool is_running;      /* a look at a run that goes on; never in a recording */
    uint32_t merged_runs; /* 1, or the number of recordings merged */
};

struct profile {
    struct mem_strings *strings; /* owns every const char * here */
    struct profile_run run;
    struct profile_totals totals;
    struct profile_calls calls[CALL_COUNT]; /* per function */
    struct hist call_latency[CALL_COUNT];
    uint64_t lost[LOSS_COUNT]; /* events not recorded, by cause */
    uint64_t events_seen;
    uint64_t late_events; /* arrived out of order and were put right */
    uint64_t bin_ns;      /* width of a timeline bin, a power of two times 1 ms */
    MEM_ARRAY(struct profile_module) modules;
    MEM_ARRAY(struct profile_symbol) symbols;
    MEM_ARRAY(struct profile_frame) frames;
    MEM_ARRAY(struct profile_path) paths;
    MEM_ARRAY(struct profile_site) sites;
    MEM_ARRAY(struct profile_site_call) site_calls; /* sorted by site, call after profile_seal() */
    MEM_ARRAY(struct profile_pair) pairs;
    MEM_ARRAY(struct profile_bin) bins;
    MEM_ARRAY(struct profile_slow_call) slow_calls;   /* slowest first after profile_seal() */
    MEM_ARRAY(struct profile_slow_cause) slow_causes; /* by site, cause after profile_seal() */
    MEM_ARRAY(struct profile_process) processes;
    MEM_ARRAY(struct profile_span) spans; /* in the order in which they first began */
    MEM_ARRAY(struct profile_span_call) span_calls;
    MEM_ARRAY(const char *) notes; /* names that a trace refers to */
    struct profile_index *index;   /* hashes for the look-ups below; profile.c alone looks inside */
};

/* An empty profile with the "none" items in place. */
struct profile *profile_create(void);
void profile_destroy(struct profile *profile);

/* Find-or-add; the returned ids are stable. build_id may be NULL when len is 0. */
uint32_t profile_module(struct profile *p, const char *path, const uint8_t *build_id, uint8_t len);
uint32_t profile_frame(struct profile *p, uint32_t module, uint64_t offset, uint32_t flags);
uint32_t profile_path(struct profile *p, uint32_t parent, uint32_t frame, bool is_cut);
uint32_t profile_site(struct profile *p, uint32_t path); /* path 0 gives site 0 */
/* The returned pointers die at the next find-or-add of the same kind. */
struct profile_site_call *profile_site_call(struct profile *p, uint32_t site, uint8_t call);
struct profile_pair *profile_pair(struct profile *p, uint32_t alloc_site, uint32_t free_site);
/* The same without PROFILE_PAIRS_MAX: for merging and loading, which must keep what they find. */
struct profile_pair *profile_pair_any(struct profile *p, uint32_t alloc_site, uint32_t free_site);

/* Adds from to into, item by item. */
void profile_calls_add(struct profile_calls *into, const struct profile_calls *from);

/* Sorts what is said to be sorted and makes sites' sums from site_calls. Idempotent. */
void profile_seal(struct profile *p);

/* All losses, every cause. */
uint64_t profile_lost(const struct profile *p);

/* The unit_name of a merged run whose runs counted different units, or not all of them. */
#define PROFILE_UNITS_MIXED "mixed"

/* The service or build_id of a merged run whose runs had different ones. */
#define PROFILE_RUNS_MIXED "mixed"

/*
 * Adds `from` into `into` (both sealed, not the same): runs side by side. Counts, bytes, times,
 * histograms, pairs and chains add. The peak is the higher run's, with its sites' shares; of equal
 * ones the one with more blocks, then the earlier. The timeline is by time since each run's start,
 * in the wider of both bins: counts add, levels keep the higher. The run that began first gives
 * its names; the worst ending is the merged one's. A profile without a run id changes nothing of
 * the run. Associative and commutative up to the order of ids and of processes.
 */
void profile_merge(struct profile *into, const struct profile *from);

#endif
