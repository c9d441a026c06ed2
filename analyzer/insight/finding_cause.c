#include "insight/finding_cause.h"

enum {
    CAUSE_CALLS_MIN = 3,  /* measured: fewer may be the machine's */
    CAUSE_PERMILLE = 500, /* of the measured slow time: else the causes are mixed */
    CAUSE_SURE_CALLS = 10,
    CAUSE_SURE_PERMILLE = 750
};

struct cause_texts {
    const char *sentence;
    const char *advice;
    const char *example;
    bool is_programs; /* something that the program can change, and nothing else looks like it */
};

static const struct cause_texts texts[PROFILE_CAUSES] = {
    [PROFILE_CAUSE_FIRST_TOUCH] =
        {"first touch: page faults within the calls explain their time; the memory was used for "
         "the first time, or was given back before",
         "The system gives memory page by page, when it is first touched, and here the calls pay "
         "for it. Keep blocks and use them again; keep freed memory in the process; and what must "
         "not wait can touch its memory before it starts.",
         "mallopt(M_TRIM_THRESHOLD, 1 << 30);     /* keep what was touched once */\n"
         "mallopt(M_TOP_PAD, 64 << 20);           /* and take it in larger steps */",
         true},
    [PROFILE_CAUSE_MMAP] =
        {"mmap threshold: blocks from 128 KiB on come from the system and go back to it, with a "
         "system call and fresh pages each time",
         "Blocks this large are mappings of their own: each is taken from the system, touched page "
         "by page, and given back. Keep the buffer for the next time, or let the allocator keep "
         "such blocks in its heap.",
         "mallopt(M_MMAP_THRESHOLD, 64 << 20);    /* large blocks from the heap, and kept there "
         "*/\n"
         "mallopt(M_TRIM_THRESHOLD, 128 << 20);",
         true},
    [PROFILE_CAUSE_LOCK] =
        {"lock: the thread slept within the calls, without faults that explain it; another thread "
         "was in the same arena, or in the same address space's lock",
         "Threads wait for each other in the allocator. Let each have an arena of its own, "
         "allocate "
         "in larger pieces outside of what is hot, or use an allocator with caches for each "
         "thread.",
         "mallopt(M_ARENA_MAX, 64);               /* not fewer arenas than busy threads */\n"
         "/* or: LD_PRELOAD=libjemalloc.so.2 ./program */",
         true},
    [PROFILE_CAUSE_PREEMPTION] =
        {"preemption: another thread was given the processor within the calls; that is not the "
         "allocator's doing",
         "These calls were interrupted, as any other code would have been: more threads want to "
         "run "
         "than there are processors. Run fewer threads, or give those that must not wait a "
         "processor or a priority of their own. Fewer calls are fewer places to be caught in, no "
         "more than that.",
         "pthread_setaffinity_np(thread, sizeof set, &set);   /* a processor of its own */", false},
    [PROFILE_CAUSE_CONSOLIDATION] = {
        "consolidation, or the machine: no fault and no switch; the allocator's own work, such as "
        "joining free blocks, takes that long, and so do interrupts and a busy hypervisor",
        "The allocator joins and sorts its free blocks when a large one is freed or asked for, and "
        "one call pays for thousands before it. Fewer small blocks, or an arena that goes as a "
        "whole, leave less to join.",
        "mallopt(M_MXFAST, 0);                   /* join at each free, not all at once */", false}};

static uint64_t permille_of(const struct finding_group *group, unsigned cause, uint64_t all_ns)
{
    return finding_permille(group->slow[cause].ns, all_ns);
}

static void add_evidence(const struct finding_group *group, unsigned cause, uint64_t measured,
                         uint64_t permille, struct finding *f)
{
    const struct profile_slow_cause *sum = &group->slow[cause];
    finding_add(f, "measured_calls", "slow calls that were measured", FINDING_COUNT, measured);
    finding_add(f, "cause_permille", "of their time for this cause", FINDING_PERMILLE, permille);
    finding_add(f, "page_faults", "page faults in those", FINDING_COUNT,
                sum->minor_faults + sum->major_faults);
    finding_add(f, "switches", "context switches in those", FINDING_COUNT,
                sum->voluntary + sum->involuntary);
}

bool finding_cause_name(const struct finding_group *group, struct finding *f)
{
    uint64_t measured = 0;
    uint64_t all_ns = 0;
    unsigned most = PROFILE_CAUSE_NONE;
    for (unsigned i = 1; i < PROFILE_CAUSES; i++) {
        measured += group->slow[i].calls;
        all_ns += group->slow[i].ns;
        most = group->slow[i].ns > group->slow[most].ns ? i : most;
    }
    uint64_t permille = permille_of(group, most, all_ns);
    if (measured < CAUSE_CALLS_MIN || permille < CAUSE_PERMILLE) {
        return false;
    }
    bool is_sure =
        texts[most].is_programs && measured >= CAUSE_SURE_CALLS && permille >= CAUSE_SURE_PERMILLE;
    f->cause_kind = (enum profile_cause)most;
    f->cause = texts[most].sentence;
    f->confidence = is_sure ? FINDING_MEDIUM : FINDING_LOW;
    f->reason =
        is_sure ? "times, page faults and switches are measured within the calls; how much "
                  "of it the fix saves, a run must tell"
        : texts[most].is_programs
            ? "few slow calls were measured, or they have several causes"
            : "the times are measured; what takes them is not in the program's hands, or not "
              "told apart from the machine's";
    add_evidence(group, most, measured, permille, f);
    return true;
}

const char *finding_cause_advice(enum profile_cause cause)
{
    return texts[cause].advice;
}

const char *finding_cause_example(enum profile_cause cause)
{
    return texts[cause].example;
}
