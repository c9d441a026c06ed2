/*
 * make_many - writes a recording with very many call sites: make_many COUNT OUT. The shape is that
 * of a large program: a tree of 4,000 functions in 20 libraries, stacks of 8 to 40 frames, most of
 * the allocations at few of the sites. The same bytes for the same count.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "heap/heap_timeline.h"
#include "store/store.h"
#include "story_profile.h"

enum { FUNCTIONS = 4000, LIBRARIES = 20, DEPTH_MIN = 8, DEPTH_SPAN = 32, BRANCHES = 6, BINS = 512 };

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static uint32_t *make_frames(struct profile *p)
{
    uint32_t *frames = mem_zero(FUNCTIONS, sizeof *frames);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        char *module = mem_format("/usr/lib/libpart%u.so.1", i % LIBRARIES);
        char *function =
            mem_format("part%u::Worker<int>::step_%u(unsigned long)", i % LIBRARIES, i);
        char *file = mem_format("/src/part%u/step_%u.cc", i % LIBRARIES, i / 10);
        frames[i] = story_frame(p, module, function, file, i % 900 + 1, NULL);
        free(module);
        free(function);
        free(file);
    }
    return frames;
}

/* Few branches near the root and many far from it: stacks share their outer half. */
static uint32_t make_path(struct profile *p, const uint32_t *frames, uint64_t *random)
{
    uint32_t path = 0;
    uint64_t at = 0;
    unsigned depth = DEPTH_MIN + (unsigned)(next_random(random) % DEPTH_SPAN);
    for (unsigned i = 0; i < depth; i++) {
        uint64_t turn = i < depth / 2 ? next_random(random) % 2 : next_random(random) % BRANCHES;
        at = (at * 7 + turn + i * 31 + 1) % FUNCTIONS;
        path = profile_path(p, path, frames[at], false);
    }
    return path;
}

static void add_bins(struct profile *p)
{
    p->bin_ns = 8 * HEAP_TIMELINE_FIRST_NS;
    for (uint64_t i = 0; i < BINS; i++) {
        *MEM_PUSH(&p->bins) = (struct profile_bin){.allocs = 1000 + i,
                                                   .frees = 900 + i,
                                                   .bytes = 64000 + 7 * i,
                                                   .ns = 40000 + i * 13,
                                                   .live_bytes = 1000000 + 4096 * i,
                                                   .live_blocks = 10000 + i,
                                                   .rss_bytes = 9000000 + 4096 * i,
                                                   .faults = i % 3};
    }
}

static struct profile *make_profile(unsigned long count)
{
    struct profile *p = profile_create();
    uint32_t *frames = make_frames(p);
    uint64_t random = 1;
    while (p->sites.count < count + 1) {
        uint32_t site = profile_site(p, make_path(p, frames, &random));
        if (p->sites.at[site].max_bytes != 0) {
            continue; /* the same stack again */
        }
        uint64_t calls = 1 + 2000000 / (p->sites.count + 1) + next_random(&random) % 9;
        story_calls(p, site, CALL_MALLOC, calls, calls * (16 + site % 500), 20 + site % 90);
        p->sites.at[site].max_bytes = 1 + site % 5000;
        p->sites.at[site].peak_bytes = site % 5000;
        p->totals.peak_bytes += site % 5000;
        hist_add(&p->sites.at[site].size, loglin_code(16 + site % 500), calls);
    }
    add_bins(p);
    p->run.id = p->run.host = p->run.settings = p->run.unit_name = "";
    p->run.command = mem_strings_keep(p->strings, "/usr/bin/large\x1f--all");
    p->run.duration_ns = BINS * p->bin_ns;
    p->run.is_complete = true;
    p->run.merged_runs = 1;
    p->run.tool_version = "0.1.0";
    profile_seal(p);
    free(frames);
    return p;
}

int main(int argc, char **argv)
{
    struct err err = {.offset = ERR_PLACE_NONE};
    struct store *store = NULL;
    unsigned long count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (count == 0) {
        fputs("make_many: takes how many call sites and a path\n", stderr);
        return 1;
    }
    struct profile *p = make_profile(count);
    enum err_code code = store_create(argv[2], &store, &err);
    if (code == ERR_NONE) {
        code = store_save(store, p, &err);
        enum err_code closed = store_close(store, code == ERR_NONE ? &err : NULL);
        code = code != ERR_NONE ? code : closed;
    }
    profile_destroy(p);
    if (code != ERR_NONE) {
        char text[1600];
        err_format(&err, text, sizeof text);
        fprintf(stderr, "make_many: %s\n", text);
    }
    return code == ERR_NONE ? 0 : 1;
}
