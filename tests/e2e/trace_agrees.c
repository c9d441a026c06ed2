/*
 * trace_agrees - one aggregator, two ways in: the events that a recording of one process keeps
 * (--trace) give, by heap/ alone, the profile that the recorder made live and from the counters.
 *
 *     trace_agrees FILE.atrap
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"
#include "store/store.h"

static unsigned compared;
static unsigned different;

static void same(const char *what, uint64_t id, uint64_t live, uint64_t traced)
{
    compared++;
    if (live != traced) {
        different++;
        printf("%s %" PRIu64 ": live %" PRIu64 ", from the trace %" PRIu64 "\n", what, id, live,
               traced);
    }
}

#define SAME(id, a, b, field) same(#field, (id), (a)->field, (b)->field)

static void same_hist(const char *what, uint64_t id, const struct hist *live,
                      const struct hist *traced)
{
    static const unsigned shares[] = {1, 5000, 9000, 9900, 9990, 10000};
    same(what, id, live->count, traced->count);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        same(what, id, hist_quantile(live, shares[i]), hist_quantile(traced, shares[i]));
    }
}

/* The same modules, frames, paths and processes under the same ids, and nothing else. */
static struct profile *bare_copy(const struct profile *from)
{
    struct profile *copy = profile_create();
    for (uint32_t i = 1; i < from->modules.count; i++) {
        const struct profile_module *module = &from->modules.at[i];
        same("module", i, i,
             profile_module(copy, module->path, module->build_id, module->build_id_len));
    }
    for (uint32_t i = (uint32_t)copy->frames.count; i < from->frames.count; i++) {
        const struct profile_frame *frame = &from->frames.at[i];
        same("frame", i, i, profile_frame(copy, frame->module, frame->offset, frame->flags));
    }
    for (uint32_t i = 1; i < from->paths.count; i++) {
        const struct profile_path *path = &from->paths.at[i];
        same("path", i, i, profile_path(copy, path->parent, path->frame, path->is_cut));
    }
    for (size_t i = 0; i < from->notes.count; i++) {
        *MEM_PUSH(&copy->notes) = from->notes.at[i];
    }
    for (size_t i = 0; i < from->processes.count; i++) {
        struct profile_process *process = MEM_PUSH(&copy->processes);
        process->pid = from->processes.at[i].pid;
        process->command = "";
        process->allocator = "";
    }
    return copy;
}

static enum err_code add(void *context, const struct heap_event *events, size_t count,
                         struct err *reterr)
{
    (void)reterr;
    heap_add(context, events, count);
    return ERR_NONE;
}

static void compare_totals(const struct profile *live, const struct profile *traced)
{
    const struct profile_totals *a = &live->totals;
    const struct profile_totals *b = &traced->totals;
    SAME(0, a, b, allocs);
    SAME(0, a, b, frees);
    SAME(0, a, b, bytes);
    SAME(0, a, b, failed);
    SAME(0, a, b, temporaries);
    SAME(0, a, b, peak_bytes);
    SAME(0, a, b, peak_blocks);
    SAME(0, a, b, peak_at_ns);
    SAME(0, a, b, live_bytes);
    SAME(0, a, b, live_blocks);
    SAME(0, a, b, unknown_frees);
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        SAME(call, &live->calls[call], &traced->calls[call], allocs);
        SAME(call, &live->calls[call], &traced->calls[call], bytes);
        same_hist("call_latency", call, &live->call_latency[call], &traced->call_latency[call]);
    }
}

static void compare_growth(uint32_t id, const struct profile_growth *a,
                           const struct profile_growth *b)
{
    SAME(id, a, b, chains);
    SAME(id, a, b, steps);
    SAME(id, a, b, steps_max);
    SAME(id, a, b, copied_bytes);
    SAME(id, a, b, by_copy_steps);
}

/* Of every path: a site that one side has not is a site without numbers. */
static void compare_site(const struct profile *live, const struct profile *traced, uint32_t path)
{
    const struct profile_site *a = &live->sites.at[live->paths.at[path].site];
    const struct profile_site *b = &traced->sites.at[traced->paths.at[path].site];
    SAME(path, a, b, allocs);
    SAME(path, a, b, bytes);
    SAME(path, a, b, freed);
    SAME(path, a, b, free_calls);
    SAME(path, a, b, failed);
    SAME(path, a, b, temporaries);
    SAME(path, a, b, peak_bytes);
    SAME(path, a, b, peak_blocks);
    SAME(path, a, b, live_bytes);
    SAME(path, a, b, live_blocks);
    SAME(path, a, b, max_bytes);
    compare_growth(path, &a->growth, &b->growth);
    same_hist("latency", path, &a->latency, &b->latency);
    same_hist("size", path, &a->size, &b->size);
    same_hist("life_ns", path, &a->life_ns, &b->life_ns);
    same_hist("life_allocs", path, &a->life_allocs, &b->life_allocs);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void compare_rest(const struct profile *live, struct profile *traced)
{
    uint64_t highest[2] = {0, 0};
    same("pairs", 0, live->pairs.count, traced->pairs.count);
    for (size_t i = 0; i < live->pairs.count; i++) {
        const struct profile_pair *a = &live->pairs.at[i];
        uint32_t born = live->sites.at[a->alloc_site].path;
        uint32_t died = live->sites.at[a->free_site].path;
        const struct profile_pair *b =
            profile_pair(traced, traced->paths.at[born].site, traced->paths.at[died].site);
        SAME(i, a, b, count);
        SAME(i, a, b, bytes);
        SAME(i, a, b, same_thread);
        SAME(i, a, b, same_frame);
    }
    same("bin_ns", 0, live->bin_ns, traced->bin_ns);
    /* Samples of resident memory, which no trace has, lengthen the live one's timeline. */
    same("bins", 0, traced->bins.count <= live->bins.count, 1);
    for (size_t i = 0; i < live->bins.count && i < traced->bins.count; i++) {
        SAME(i, &live->bins.at[i], &traced->bins.at[i], allocs);
        SAME(i, &live->bins.at[i], &traced->bins.at[i], frees);
        highest[0] = larger(highest[0], live->bins.at[i].live_bytes);
        highest[1] = larger(highest[1], traced->bins.at[i].live_bytes);
    }
    /* Not bin by bin: a thread that is stopped between its stamp and its ring for longer than
     * events are held back tells its live bytes in a later bin, where a sample has opened one. */
    same("highest live bytes", 0, highest[0], highest[1]);
    same("slow calls", 0, live->slow_calls.count, traced->slow_calls.count);
    for (size_t i = 0; i < live->slow_calls.count && i < traced->slow_calls.count; i++) {
        SAME(i, &live->slow_calls.at[i], &traced->slow_calls.at[i], ns);
    }
}

int main(int argc, char **argv)
{
    struct profile *live = NULL;
    struct err err = {.message = ""};
    if (argc != 2 || store_load(argv[1], &live, &err) != ERR_NONE) {
        fprintf(stderr, "trace_agrees: %s\n", argc != 2 ? "wants one recording" : err.message);
        return 2;
    }
    struct profile *traced = bare_copy(live);
    struct heap *heap = heap_create(traced);
    if (store_trace_each(argv[1], add, heap, &err) != ERR_NONE) {
        fprintf(stderr, "trace_agrees: %s\n", err.message);
        return 2;
    }
    heap_settle(heap);
    compare_totals(live, traced);
    for (uint32_t path = 1; path < live->paths.count; path++) {
        compare_site(live, traced, path);
    }
    compare_rest(live, traced);
    printf("%" PRIu64 " events, %u numbers compared, %u different\n", live->events_seen, compared,
           different);
    bool is_good = different == 0 && live->events_seen > 0;
    heap_destroy(heap);
    profile_destroy(traced);
    profile_destroy(live);
    return is_good ? 0 : 1;
}
